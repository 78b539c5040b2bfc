"""rembg's mattes of the photos in a folder, from the same weights: NAME.png gets a NAME.matte.png beside it."""

import glob
import os
import sys

from PIL import Image
from rembg import new_session, remove

session = new_session("u2netp")
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.png"))):
    if path.endswith(".matte.png"):
        continue
    photo = Image.open(path).convert("RGB")
    remove(photo, session=session, only_mask=True).convert("RGB").save(path[:-4] + ".matte.png")
