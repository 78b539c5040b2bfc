"""A made-up photo of a product by seed, with its exact mask: `scene(seed)`."""
import io

import numpy as np
from PIL import Image
from scipy import ndimage

import grounds
import solid
import woven

# What is made: products with gaps, their closed likes, and solid ones with prints.
SHARES = (0.55, 0.17, 0.28)


def scene(seed, long=640, shares=SHARES):
    """RGB and coverage as bytes, height x width x 3 and height x width."""
    rng = np.random.default_rng(seed)
    size = _size(rng, long)
    behind = grounds.ground(rng, size)
    kind = rng.choice(3, p=shares)
    product = solid.made(rng, size, behind) if kind == 2 else woven.made(rng, size, closed=kind == 1)
    colour, cover = product[..., :3], product[..., 3]
    if kind != 2 and rng.random() < 0.15:
        colour = solid.printed(rng, colour, size, behind)
    picture = _laid(rng, behind, colour, cover)
    soft = rng.uniform(0, 1.1)
    picture = ndimage.gaussian_filter(picture, (soft, soft, 0))
    cover = ndimage.gaussian_filter(cover, soft)
    return photographed(rng, picture), (np.clip(cover, 0, 1) * 255 + 0.5).astype(np.uint8)


def _size(rng, long):
    ratio = rng.uniform(0.7, 1)
    short = int(long * ratio) // 16 * 16
    return (long, short) if rng.random() < 0.5 else (short, long)


def _laid(rng, behind, colour, cover):
    """The product on its ground, with the shadow that it throws on what is behind it and seen through it."""
    filled = ndimage.gaussian_filter(cover, rng.uniform(8, 40))
    shift = (rng.normal(0, 12), rng.normal(0, 12))
    shadow = ndimage.shift(filled, shift, order=1) * rng.uniform(0, 0.6) * (rng.random() < 0.8)
    ground = behind * (1 - shadow[..., None])
    return colour * cover[..., None] + ground * (1 - cover[..., None])


def photographed(rng, picture):
    """What a phone makes of it: white balance, exposure, sharpening, noise, JPEG."""
    picture = np.clip(picture, 0, 1) ** rng.uniform(0.75, 1.3) * rng.uniform(0.75, 1.15)
    picture = picture * rng.normal(1, 0.05, 3)
    if rng.random() < 0.5:
        picture = picture + rng.uniform(0, 0.8) * (picture - ndimage.gaussian_filter(picture, (1.2, 1.2, 0)))
    picture = picture + rng.uniform(0, 0.025) * rng.normal(0, 1, picture.shape)
    bytes_ = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    kept = io.BytesIO()
    Image.fromarray(bytes_).save(kept, "JPEG", quality=int(rng.integers(60, 97)))
    return np.asarray(Image.open(kept).convert("RGB"))
