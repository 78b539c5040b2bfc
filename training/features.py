"""What the network is shown: the photo, the matte so far, and what the ground would be if it went on behind the product."""
import numpy as np

# Below this coverage a pixel is ground.
GROUND = 13
# Channels at half size: four pixels' colours, coverage, the ground's colour.
CHANNELS = 16


def halved(plane):
    """Means of two by two; a last odd row or column counts alone."""
    height, width = plane.shape[:2]
    odd = [(0, height % 2), (0, width % 2)] + [(0, 0)] * (plane.ndim - 2)
    plane = np.pad(plane, odd, mode="edge")
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4


def _places(fine, coarse):
    at = np.maximum((np.arange(fine, dtype=np.float32) + 0.5) * coarse / fine - 0.5, 0)
    first = np.minimum(at.astype(int), coarse - 1)
    return first, np.minimum(first + 1, coarse - 1), at - first


def enlarged(plane, height, width):
    """Linear between the middles of pixels."""
    above, below, down = _places(height, plane.shape[0])
    left, right, across = _places(width, plane.shape[1])
    rows = plane[above] * (1 - down)[:, None, None] + plane[below] * down[:, None, None]
    return rows[:, left] * (1 - across)[None, :, None] + rows[:, right] * across[None, :, None]


def ground_behind(colour, known):
    """Spreads the colours where `known` is 1 over where it is 0: means on ever smaller grids, and back."""
    if min(known.shape) <= 1 or known.min() >= 1:
        mean = (colour * known[..., None]).sum((0, 1)) / max(known.sum(), 1e-6)
        return np.where(known[..., None] > 0, colour, mean)
    weight = halved(known)
    smaller = halved(colour * known[..., None]) / np.maximum(weight, 1e-6)[..., None]
    spread = enlarged(ground_behind(smaller, np.minimum(weight * 4, 1)), *known.shape)
    return colour * known[..., None] + spread * (1 - known[..., None])


def shown(rgb, matte):
    """Sixteen channels at half size, about 0, from bytes of even sides."""
    colour = rgb.astype(np.float32) / 255
    height, width = matte.shape
    fours = colour.reshape(height // 2, 2, width // 2, 2, 3).transpose(0, 2, 1, 3, 4).reshape(height // 2, width // 2, 12)
    return np.concatenate([fours - 0.5, halved(matte.astype(np.float32) / 255)[..., None] - 0.5,
                           ground_of(rgb, matte) - 0.5], 2)


def ground_of(rgb, matte):
    """The ground at half size, from 0 to 1."""
    known = halved((matte < GROUND).astype(np.float32)) >= 1
    return ground_behind(halved(rgb.astype(np.float32) / 255), known.astype(np.float32))
