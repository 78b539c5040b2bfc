"""Mattes as the cut-out gives them before gaps are opened: of the right outline, more or less, with most gaps closed."""
import numpy as np
from scipy import ndimage

import grounds


def matte_of(rng, truth):
    """A matte from 0 to 1 that a network of 320 pixels a side might have given for coverage `truth`."""
    size = truth.shape[::-1]
    kept = _openings_kept(rng, truth)
    kind = rng.random()
    if kind < 0.5:
        matte = kept
    elif kind < 0.8:
        blur = max(size) / 256 * rng.uniform(0.6, 2.5)
        soft = ndimage.gaussian_filter(truth, blur)
        closed = np.clip((soft - rng.uniform(0.2, 0.6)) * rng.uniform(2, 8) + 0.5, 0, 1)
        matte = np.minimum(np.maximum(closed, truth * (rng.random() < 0.5)), kept) if rng.random() < 0.8 else closed
    else:  # open here, closed there, foggy between
        share = np.clip(grounds.clouds(rng, size, rng.uniform(40, 200)) * 2 + rng.uniform(-1, 1.5), 0, 1)
        matte = truth + (kept - truth) * share
    if rng.random() < 0.3:
        matte = _gnawed(rng, matte, size)
    return np.clip(ndimage.gaussian_filter(matte, rng.uniform(0.4, 1.2)), 0, 1)


def _openings_kept(rng, truth):
    """All gaps closed, but for large openings, which are mostly seen."""
    solid = truth > 0.5
    filled = ndimage.binary_fill_holes(solid)
    edge = np.where(filled & ~ndimage.binary_erosion(filled, iterations=2), truth, filled).astype(np.float32)
    if rng.random() < 0.25:
        shift = ndimage.gaussian_filter(filled.astype(np.float32), 4) + 0.12 * grounds.clouds(rng, truth.shape[::-1], 40)
        edge = (shift > rng.uniform(0.35, 0.6)).astype(np.float32)
    holes, count = ndimage.label(filled & ~solid)
    least = filled.sum() * rng.choice([0.0015, 0.004, 0.01, 0.03])
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    for at in np.flatnonzero(sizes[1:] > least) + 1:
        if rng.random() < 0.75:
            fog = rng.uniform(0, 0.7) if rng.random() < 0.3 else 0.0
            hole = ndimage.binary_dilation(holes == at, iterations=2)
            edge = np.where(hole, np.maximum(truth, fog), edge)
    return edge


def _gnawed(rng, matte, size):
    """A bite taken, or a scrap of the ground taken for product."""
    place = grounds.clouds(rng, size, rng.uniform(30, 120))
    blob = np.clip((place - rng.uniform(1.3, 2.2)) * 6, 0, 1)
    if rng.random() < 0.5:
        return matte * (1 - blob)
    near = ndimage.gaussian_filter(matte, 12) > 0.03
    return np.maximum(matte, blob * near)
