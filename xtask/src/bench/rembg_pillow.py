"""What `plantain generate` does, with rembg and Pillow: one cut-out, three scenes, three JPEGs of 2000 pixels.

Prints the milliseconds that it took after imports and loading the model.
"""

import os
import sys
import time

from PIL import Image, ImageFilter
from rembg import new_session, remove

CANVAS, FILL = 2000, 0.88
photo_path, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)
session = new_session("u2netp")

started = time.monotonic()
photo = Image.open(photo_path).convert("RGB")
product = remove(photo, session=session)
product = product.crop(product.getchannel("A").getbbox())
scale = CANVAS * FILL / max(product.size)
product = product.resize([max(1, round(side * scale)) for side in product.size], Image.LANCZOS)
left, top = [(CANVAS - side) // 2 for side in product.size]


def shadow(blur, strength):
    mask = Image.new("L", (CANVAS, CANVAS))
    alpha = product.getchannel("A")
    flat = alpha.resize((alpha.width, max(1, alpha.height // 12)))
    mask.paste(flat, (left, top + product.height - flat.height), flat)
    return mask.filter(ImageFilter.GaussianBlur(blur)).point(lambda level: level * strength)


white = Image.new("RGB", (CANVAS, CANVAS), "white")
ramp = Image.linear_gradient("L").resize((CANVAS, CANVAS)).point(lambda level: 255 - level // 12)
scenes = [
    (white.copy(), None),
    (white.copy(), shadow(12, 0.3)),
    (Image.merge("RGB", (ramp, ramp, ramp)), shadow(30, 0.4)),
]
for number, (scene, dark) in enumerate(scenes, 1):
    if dark is not None:
        scene.paste((60, 60, 60), (0, 0), dark)
    scene.paste(product, (left, top), product)
    scene.save(os.path.join(out, f"{number}.jpg"), quality=95, subsampling=0)
print((time.monotonic() - started) * 1000)
