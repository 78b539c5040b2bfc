"""Scores a cut-out before and after gaps are opened: python evaluate.py gaps.onnx PHOTOS MATTES [--show OUT].

PHOTOS holds NAME.jpg and NAME.mask.png, MATTES what `plantain cutout PHOTO -o NAME.png` made of them without this step.
"""
import argparse
import glob
import os

import numpy as np
import onnxruntime
from PIL import Image
from scipy import ndimage

import features

# The longer side of what the network is shown, at most.
SIDE = 1024
# A piece counts whose pixels are this sure, at least one this much, and that has so many of them.
LEAST, SUREST, SMALLEST = 0.6, 0.85, 12
# Below LEAST by this much nothing is open, and as much above it all is.
RAMP = 0.1
# A product is woven that has so many, none of them a larger share of all, in so many of the squares that it fills.
PIECES, LARGEST, SPREAD, SQUARES = 100, 0.1, 0.7, 8


def opened(session, rgb, matte):
    """The matte with gaps opened, of a crop."""
    height, width = matte.shape
    scale = min(1, SIDE / max(height, width))
    size = tuple(max(2, round(side * scale / 2) * 2) for side in (width, height))
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.LANCZOS)) if size != (width, height) else rgb
    soft = np.asarray(Image.fromarray(matte).resize(size, Image.BICUBIC)) if size != (width, height) else matte
    shown = features.shown(small, soft).transpose(2, 0, 1)[None].astype(np.float32)
    sure = pieces(session.run(None, {"shown": shown})[0][0, 0], soft)
    full = np.asarray(Image.fromarray(sure).resize((width, height), Image.BILINEAR))
    return np.minimum(matte, np.round((1 - full) * 255)).astype(np.uint8), sure


def pieces(sure, matte):
    """How far each pixel is open, from 0 to 1: nowhere where the product is not woven."""
    labels, count = ndimage.label((sure > LEAST) & (matte > 25))
    at = np.arange(count + 1)
    surest = ndimage.maximum(sure, labels, at)
    size = np.bincount(labels.ravel(), minlength=count + 1)
    counts = (surest >= SUREST) & (size >= SMALLEST)
    counts[0] = False
    open_ = counts[labels]
    woven = counts.sum() >= PIECES and size[counts].max() <= LARGEST * size[counts].sum() and spread(open_, matte) >= SPREAD
    return np.where(open_, np.minimum((sure - LEAST + RAMP) / (2 * RAMP), 1), 0).astype(np.float32) * woven


def spread(open_, matte):
    """The share of the squares filled by the product in which something is open."""
    rows, columns = (np.flatnonzero((matte > 127).any(axis)) for axis in (1, 0))
    cuts = [first[0] + np.arange(SQUARES + 1) * (first[-1] + 1 - first[0]) // SQUARES for first in (rows, columns)]
    spans = [[slice(*pair) for pair in zip(cut, cut[1:])] for cut in cuts]
    filled = [(row, column) for row in spans[0] for column in spans[1] if (matte[row, column] > 127).mean() >= 0.5]
    return np.mean([open_[square].any() for square in filled]) if filled else 0


def box_of(matte):
    rows, columns = np.flatnonzero(matte.max(1) > 0), np.flatnonzero(matte.max(0) > 0)
    room = max(len(rows), len(columns)) // 40 + 16
    return tuple(slice(max(0, at[0] - room), at[-1] + 1 + room) for at in (rows, columns))


def outline(matte):
    solid = matte >= 128
    edge = np.zeros_like(solid)
    edge[:, :-1] |= solid[:, 1:] != solid[:, :-1]
    edge[:-1] |= solid[1:] != solid[:-1]
    return edge


def scores(found, truth):
    """IoU, mean error and outline F, as the engine's example `quality` takes them."""
    iou = ((found >= 128) & (truth >= 128)).sum() / max(((found >= 128) | (truth >= 128)).sum(), 1)
    error = np.abs(found.astype(float) - truth).mean() / 255
    radius = round(float(np.hypot(*truth.shape)) * 0.0075)
    ours, theirs = outline(found), outline(truth)
    near = [ndimage.maximum_filter(edge, 2 * radius + 1) for edge in (ours, theirs)]
    precision = (ours & near[1]).sum() / max(ours.sum(), 1)
    recall = (theirs & near[0]).sum() / max(theirs.sum(), 1)
    return iou, error, 2 * precision * recall / max(precision + recall, 1e-9)


def main():
    ask = argparse.ArgumentParser()
    for name in ("weights", "photos", "mattes"):
        ask.add_argument(name)
    ask.add_argument("--show", default="")
    told = ask.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(told.weights, options)
    sums = []
    for path in sorted(glob.glob(os.path.join(told.mattes, "*.png"))):
        name = os.path.basename(path)[:-4]
        rgb = np.asarray(Image.open(os.path.join(told.photos, name + ".jpg")).convert("RGB"))
        truth = np.asarray(Image.open(os.path.join(told.photos, name + ".mask.png")).convert("L"))
        matte = np.asarray(Image.open(path).getchannel("A"))
        box = box_of(matte)
        after = matte.copy()
        after[box], sure = opened(session, rgb[box], matte[box])
        rows = [*scores(matte, truth), *scores(after, truth)]
        sums.append(rows)
        print(f"{name:<16}" + " ".join(f"{value:.4f}" for value in rows))
        if told.show:
            os.makedirs(told.show, exist_ok=True)
            sheet = [rgb[box], *(part[box][..., None].repeat(3, 2) for part in (truth, matte, after))]
            Image.fromarray(np.concatenate(sheet, 1)).save(os.path.join(told.show, name + ".png"))
    print(f"{'mean':<16}" + " ".join(f"{value:.4f}" for value in np.mean(sums, 0)))


if __name__ == "__main__":
    main()
