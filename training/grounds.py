"""What products stand before: made-up rooms, boards, cloths and clutter, each a function of its chance alone."""
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage


def colour(rng, dull=0.5):
    """A colour as things in rooms have it: seldom bright, from black to white."""
    if rng.random() < 0.35:
        return warm(rng)
    value, strength = rng.uniform(0.04, 1.0), rng.uniform(0, 1) ** (1 + dull)
    tint = rng.uniform(0, 1, 3)
    tint = tint / tint.max()
    return np.clip(value * (1 - strength + strength * tint), 0, 1).astype(np.float32)


def warm(rng):
    """Wood, cane, leather, paper: brown to cream."""
    value, strength = rng.uniform(0.15, 1.0), rng.uniform(0.1, 0.75)
    return (value * (1 - strength * np.array([0, rng.uniform(0.3, 0.5), 1]))).astype(np.float32)


def near(rng, of, by):
    """A colour not far from `of`, mostly lighter or darker."""
    return np.clip(of * rng.uniform(1 - by, 1 + by) + rng.normal(0, by / 6, 3), 0, 1).astype(np.float32)


def clouds(rng, size, cell):
    """Smooth noise about 0 with features of about `cell` pixels; two numbers for unlike width and height."""
    width, height = size
    across, down = (cell, cell) if np.isscalar(cell) else cell
    grid = rng.normal(0, 1, (max(2, int(height / down) + 2), max(2, int(width / across) + 2))).astype(np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.BICUBIC))


def _turned(rng, size, slant=np.pi):
    """Coordinates in pixels in a turned frame."""
    width, height = size
    turn = rng.uniform(-slant, slant)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)


def plain(rng, size):
    base = np.empty((size[1], size[0], 3), np.float32)
    base[:] = colour(rng) if rng.random() < 0.7 else rng.uniform(0.8, 1, 3)
    return base + 0.03 * rng.random() * clouds(rng, size, rng.uniform(2, 80))[..., None]


def boards(rng, size):
    dark = (warm(rng) if rng.random() < 0.7 else colour(rng)) * 0.6
    light = np.clip(dark * rng.uniform(1.3, 2.2) + 0.05, 0, 1)
    grain = clouds(rng, size, (rng.uniform(60, 200), rng.uniform(2, 7))) + 0.6 * clouds(rng, size, (300, 20))
    if rng.random() < 0.3:
        grain = grain.T if size[0] == size[1] else grain
    share = 1 / (1 + np.exp(-1.3 * grain))[..., None]
    out = dark * (1 - share) + light * share
    if rng.random() < 0.6:
        step, at = int(rng.uniform(60, 260)), int(rng.uniform(0, 60))
        for row in range(at, size[1], step):
            out[row:row + int(rng.integers(1, 4))] *= 0.45
            out[row:row + step] *= rng.uniform(0.85, 1.1)
    return out.astype(np.float32)


def stripes(rng, size):
    u, v = _turned(rng, size)
    first, second = colour(rng), colour(rng)
    wave = 0.5 + 0.5 * np.sin(u * 2 * np.pi / rng.uniform(8, 90) + 0.4 * clouds(rng, size, 120))
    if rng.random() < 0.35:
        wave = 0.5 * wave + 0.25 + 0.25 * np.sin(v * 2 * np.pi / rng.uniform(8, 90))
    edge = np.clip((wave - rng.uniform(0.3, 0.7)) * rng.uniform(2, 12) + 0.5, 0, 1)[..., None]
    return (first * (1 - edge) + second * edge).astype(np.float32)


def cloth(rng, size):
    u, v = _turned(rng, size, 0.3)
    thread = np.sin(u * 2 * np.pi / rng.uniform(2.5, 6)) * np.sin(v * 2 * np.pi / rng.uniform(2.5, 6))
    folds = clouds(rng, size, rng.uniform(60, 200))
    return (colour(rng) * (1 + 0.12 * thread + 0.15 * folds)[..., None]).astype(np.float32)


def tiles(rng, size):
    base, grout = colour(rng), colour(rng)
    wide, high = rng.uniform(30, 160), rng.uniform(30, 160)
    u, v = _turned(rng, size, 0.2)
    row = np.floor(v / high)
    column = np.floor(u / wide + (row % 2) * rng.choice([0, 0.5]))
    tone = 1 + 0.15 * np.sin(row * 12.9 + column * 78.2) * rng.random()
    line = (np.mod(v, high) < 3) | (np.mod(u / wide + (row % 2) * 0.5, 1) * wide < 3)
    out = base * tone[..., None]
    out[line] = grout
    return out.astype(np.float32)


def speckles(rng, size):
    first, second = colour(rng), colour(rng)
    spots = clouds(rng, size, rng.uniform(3, 25)) > rng.uniform(0.3, 1.5)
    return np.where(spots[..., None], second, first).astype(np.float32)


KINDS = [plain, plain, boards, boards, stripes, cloth, tiles, speckles]


def clutter(rng, picture, count):
    """Things that lie about: boxes, discs, lines."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(count):
        x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.1, 1.1) * height
        a, b = rng.uniform(10, 0.35 * width), rng.uniform(10, 0.35 * height)
        fill = tuple(int(c * 255) for c in colour(rng, 0.2))
        shape = rng.integers(4)
        if shape == 0:
            draw.ellipse((x - a / 2, y - b / 2, x + a / 2, y + b / 2), fill=fill)
        elif shape == 1:
            draw.line((x, y, x + rng.normal() * width / 3, y + rng.normal() * height / 3), fill, int(rng.uniform(3, 30)))
        else:
            turn = rng.uniform(0, np.pi)
            c, s = np.cos(turn), np.sin(turn)
            corners = [(x + c * i * a / 2 - s * j * b / 2, y + s * i * a / 2 + c * j * b / 2)
                       for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            draw.polygon(corners, fill=fill)
    return np.asarray(image).astype(np.float32) / 255


def ground(rng, size):
    """A whole picture without a product: height x width x 3 from 0 to 1."""
    picture = KINDS[rng.integers(len(KINDS))](rng, size)
    if rng.random() < 0.45:  # a wall behind a table
        wall = KINDS[rng.integers(len(KINDS))](rng, size)
        at = int(rng.uniform(0.1, 0.6) * size[1])
        picture = np.concatenate([wall[:at], picture[at:]])
    if rng.random() < 0.6:
        picture = clutter(rng, picture, int(rng.integers(2, 14)))
    light = 1 + 0.2 * clouds(rng, size, max(size) / 2) * rng.random()
    picture = picture * light[..., None]
    soft = rng.choice([0.5, 1.5, 4, 8]) * rng.random()
    return np.clip(ndimage.gaussian_filter(picture, (soft, soft, 0)), 0, 1)
