"""Makes crops to train on: python dataset.py OUT --seeds 0 400 [--fonts FOLDER] [--renders FOLDER].

Each crop is CROP x CROP x 5 bytes (colour, coverage, matte) with the ground beside it at half size. Whole files are held
apart for validation: every tenth of made-up scenes and every fifth render.
"""
import argparse
import glob
import os

import numpy as np
from PIL import Image
from scipy import ndimage

import features
import mattes
import scenes
import solid

CROP = 320


def crops_of(rng, rgb, truth, count):
    """Crops about what is hard: gaps first, then edges, then anywhere within."""
    height, width = (side // 2 * 2 for side in truth.shape)
    rgb, truth = rgb[:height, :width], truth[:height, :width]
    matte = (mattes.matte_of(rng, truth.astype(np.float32) / 255) * 255 + 0.5).astype(np.uint8)
    ground = (features.ground_of(rgb, matte) * 255 + 0.5).astype(np.uint8)
    closed = (truth < 128) & (matte > 128)
    for _ in range(count):
        where = closed if closed.sum() > 200 and rng.random() < 0.7 else matte > 128
        spots = np.flatnonzero(where)
        at = spots[rng.integers(len(spots))] if len(spots) else rng.integers(truth.size)
        y, x = (np.array(divmod(int(at), width)) - CROP // 2 + rng.integers(-100, 100, 2)) // 2 * 2
        y, x = int(np.clip(y, 0, height - CROP)), int(np.clip(x, 0, width - CROP))
        part = (slice(y, y + CROP), slice(x, x + CROP))
        half = (slice(y // 2, (y + CROP) // 2), slice(x // 2, (x + CROP) // 2))
        yield np.concatenate([rgb[part], truth[part][..., None], matte[part][..., None]], 2), ground[half]


def rendered(folder):
    """Rendered pictures with their masks, cut to the product with a little room."""
    for path in sorted(glob.glob(os.path.join(folder, "*.jpg"))):
        rgb = np.asarray(Image.open(path).convert("RGB"))
        truth = np.asarray(Image.open(path[:-4] + ".mask.png").convert("L"))
        yield os.path.basename(path), rgb, truth


def framed(rng, rgb, truth, least=CROP + 2):
    """The product's box with some room around it, never less than a crop."""
    rows, columns = np.flatnonzero(truth.max(1) > 127), np.flatnonzero(truth.max(0) > 127)
    room = int(max(len(rows), len(columns)) * rng.uniform(0.02, 0.12))
    spans = []
    for found, side in ((rows, truth.shape[0]), (columns, truth.shape[1])):
        low, high = max(0, found[0] - room), min(side, found[-1] + 1 + room)
        more = max(0, least - (high - low))
        low = max(0, low - more // 2)
        spans.append(slice(low, min(side, max(high, low + least))))
    return rgb[tuple(spans)], truth[tuple(spans)]


def save(path, crops):
    pictures, ground = zip(*crops)
    np.savez(path + ".part.npz", pictures=np.stack(pictures), ground=np.stack(ground))
    os.replace(path + ".part.npz", path)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("out")
    ask.add_argument("--seeds", type=int, nargs=2, default=(0, 0))
    ask.add_argument("--solid", action="store_true", help="closed products alone, most with prints")
    ask.add_argument("--fonts", default="")
    ask.add_argument("--renders", default="")
    ask.add_argument("--crops", type=int, default=4)
    told = ask.parse_args()
    solid.FONTS[:] = sorted(glob.glob(os.path.join(told.fonts, "*.ttf"))) if told.fonts else []
    os.makedirs(told.out, exist_ok=True)
    for first in range(*told.seeds, 20):
        path = os.path.join(told.out, f"made-{first:06}.npz")
        crops = []
        for seed in range(first, min(first + 20, told.seeds[1])):
            rng = np.random.default_rng([seed, 1])
            rgb, truth = scenes.scene(seed, int(rng.integers(40, 68)) * 16, (0, 0.2, 0.8) if told.solid else scenes.SHARES)
            if truth.max() > 127:
                crops += crops_of(rng, *framed(rng, rgb, truth), told.crops)
        save(path, crops)
    for name, rgb, truth in rendered(told.renders) if told.renders else []:
        path = os.path.join(told.out, f"render-{name}.npz")
        if not os.path.exists(path) and truth.max() > 127:
            rng = np.random.default_rng(sum(name.encode()))
            crops = [crop for _ in range(4) for crop in crops_of(rng, *framed(rng, rgb, truth), 6)]
            save(path, crops)


if __name__ == "__main__":
    main()
