"""Products without gaps that look as if they had some: prints in the ground's own colour, slits, reflections."""
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

import grounds

LETTERS = "ABCDEFGHKLMNOPRSTUVWXYZ0123456789&%@abdeghkmnopqrstuy"


def silhouette(rng, size):
    """A shape as products have: a shirt, a bottle, a pot, a box, a blob."""
    width, height = size[0] * 2, size[1] * 2
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    kind = rng.integers(4)
    if kind == 0:
        a = np.linspace(0, 2 * np.pi, 90)
        r = 0.4 + sum(rng.normal(0, 0.05) * np.cos(k * a + rng.uniform(0, 6)) for k in range(2, 6))
        points = np.stack([width * (0.5 + r * np.cos(a)), height * (0.5 + r * np.sin(a))], 1)
    elif kind == 1:  # turned on a lathe
        z = np.linspace(0, 1, 50)
        r = 0.3 + sum(rng.normal(0, 0.07) * np.cos(k * np.pi * z) for k in range(1, 5))
        r = np.clip(r, 0.06, 0.46)
        left = np.stack([width * (0.5 - r), height * (0.06 + 0.88 * z)], 1)
        right = np.stack([width * (0.5 + r), height * (0.06 + 0.88 * z)], 1)[::-1]
        points = np.concatenate([left, right])
    elif kind == 2:  # a shirt
        s, w = rng.uniform(0.2, 0.45), rng.uniform(0.22, 0.3)
        half = [(0.08, 0.08), (w, 0.12), (0.48, s), (0.40, s + 0.1), (w, 0.3), (w * rng.uniform(0.9, 1.1), 0.94)]
        points = [(width * (0.5 + x), height * y) for x, y in half] + \
                 [(width * (0.5 - x), height * y) for x, y in half[::-1]]
    else:
        x, y = rng.uniform(0.2, 0.45, 2)
        draw.rounded_rectangle((width * (0.5 - x), height * (0.5 - y), width * (0.5 + x), height * (0.5 + y)),
                               rng.uniform(2, 90), fill=255)
        points = None
    if points is not None:
        draw.polygon([tuple(p) for p in np.asarray(points).tolist()], fill=255)
    turned = image.rotate(rng.normal(0, 12), Image.BICUBIC).resize(size, Image.BOX)
    return np.asarray(turned).astype(np.float32) / 255


def marks(rng, size, count):
    """Coverage of printed signs: letters, dots, bars, crosses in rows or strewn."""
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.4:
        step = rng.uniform(14, 60)
        big = step * rng.uniform(0.2, 0.7)
        shift = rng.choice([0, 0.5])
        kind, long = rng.integers(3), rng.uniform(1, 2.5)
        for j, y in enumerate(np.arange(0, size[1], step)):
            for x in np.arange((j % 2) * shift * step, size[0], step):
                box = (x, y, x + big * (long if kind else 1), y + big)
                draw.ellipse(box, fill=255) if kind == 0 else draw.rectangle(box, fill=255)
    for _ in range(count):
        x, y = rng.uniform(0.15, 0.85) * size[0], rng.uniform(0.15, 0.85) * size[1]
        big = int(rng.uniform(10, 130))
        if rng.random() < 0.7:
            word = "".join(rng.choice(list(LETTERS), rng.integers(1, 9)))
            draw.text((x - big, y), word, fill=255, font=_font(rng, big))
        elif rng.random() < 0.5:
            draw.ellipse((x, y, x + big, y + big), outline=255, width=int(rng.uniform(2, 14)))
        else:
            draw.rounded_rectangle((x, y, x + big * 1.5, y + big / 2), 4, fill=255)
    turned = image.rotate(rng.normal(0, 15), Image.BICUBIC)
    return np.asarray(turned).astype(np.float32) / 255


FONTS = []


def _font(rng, big):
    return ImageFont.truetype(FONTS[rng.integers(len(FONTS))], big) if FONTS else ImageFont.load_default(big)


def reflections(rng, size, behind):
    """What shines on glaze and glass: soft-edged windows and strips with light, or the room itself, in them."""
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(0.15, 0.85) * size[0], rng.uniform(0.1, 0.8) * size[1]
        w, h = rng.uniform(6, 0.2 * size[0]), rng.uniform(20, 0.4 * size[1])
        lean = rng.normal(0, 0.2) * h
        draw.polygon([(x, y), (x + w, y), (x + w + lean, y + h), (x + lean, y + h)], fill=255)
        if rng.random() < 0.4:  # a window's bars
            draw.line((x + w / 2, y, x + w / 2 + lean, y + h), fill=0, width=3)
            draw.line((x, y + h / 2, x + w + lean, y + h / 2), fill=0, width=3)
    cover = ndimage.gaussian_filter(np.asarray(image).astype(np.float32) / 255, rng.choice([0.8, 2, 6]))
    room = ndimage.gaussian_filter(behind[:, ::-1], (3, 3, 0)) if rng.random() < 0.5 else np.ones(3) * rng.uniform(0.7, 1)
    return cover * rng.uniform(0.3, 0.95), room


def slits(rng, size):
    """Dark lines and seams."""
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 30))):
        x, y, turn, long = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(0, 6.3), rng.uniform(8, 120)
        draw.line((x, y, x + long * np.cos(turn), y + long * np.sin(turn)), 255, int(rng.uniform(1, 8)))
    return np.asarray(image).astype(np.float32) / 255


def clear(rng, size, behind, cover):
    """Glass: what is behind, bent and tinted, brighter or darker towards its edge, with lights on it."""
    y, x = np.mgrid[0:size[1], 0:size[0]].astype(np.float32)
    bend = rng.uniform(4, 40)
    x = x + bend * grounds.clouds(rng, size, rng.uniform(10, 80)) * (rng.random() < 0.7)
    places = [y + bend * grounds.clouds(rng, size, 40), size[0] / 2 + (x - size[0] / 2) * rng.choice([-1, 0.6, 1])]
    bent = np.stack([ndimage.map_coordinates(behind[..., c], places, order=1, mode="reflect") for c in range(3)], 2)
    deep = ndimage.gaussian_filter(cover, rng.uniform(3, 14))
    rim = np.clip((0.95 - deep) * 2.5, 0, 1)[..., None] * rng.uniform(0.2, 0.8)
    tint = grounds.colour(rng) ** rng.uniform(0, 0.6)
    body = (bent * tint) * (1 - rim) + rim * rng.choice([0.1, 0.5, 0.9])
    flutes = np.sin(x * 2 * np.pi / rng.uniform(12, 60)) * rng.uniform(0, 0.25) * (rng.random() < 0.4)
    body = body * (1 + flutes[..., None])
    strength, room = reflections(rng, size, behind)
    return body * (1 - strength[..., None]) + room * strength[..., None]


def made(rng, size, behind):
    """One product on what is behind it, colour and coverage from 0 to 1."""
    cover = silhouette(rng, size)
    if rng.random() < 0.2:
        return np.concatenate([np.clip(clear(rng, size, behind, cover), 0, 1), cover[..., None]], 2)
    body = grounds.KINDS[rng.integers(len(grounds.KINDS))](rng, size) if rng.random() < 0.4 else \
        grounds.plain(rng, size)
    round_ = ndimage.gaussian_filter(cover, rng.uniform(4, 40))
    light = 0.6 + 0.45 * round_ + 0.12 * grounds.clouds(rng, size, 150)
    body = body * light[..., None]
    body = printed(rng, body, size, behind)
    if rng.random() < 0.45:
        strength, room = reflections(rng, size, behind)
        body = body * (1 - strength[..., None]) + room * strength[..., None]
    return np.concatenate([np.clip(body, 0, 1), cover[..., None]], 2)


def printed(rng, body, size, behind):
    """Signs in any colour, often the ground's, and dark slits."""
    for _ in range(int(rng.integers(0, 5))):
        cover = ndimage.gaussian_filter(marks(rng, size, int(rng.integers(0, 12))), rng.uniform(0.3, 1.2))[..., None]
        kind = rng.random()
        if kind < 0.4:
            ink = behind.reshape(-1, 3)[rng.integers(behind.size // 3)] * rng.uniform(0.85, 1.1)
        elif kind < 0.55:  # as if cut out
            ink = ndimage.gaussian_filter(behind, (2, 2, 0)) * rng.uniform(0.8, 1.05)
        else:
            ink = grounds.colour(rng)
        strength = rng.uniform(0.6, 1)
        body = body * (1 - cover * strength) + ink * cover * strength
    if rng.random() < 0.3:
        body = body * (1 - slits(rng, size)[..., None] * rng.uniform(0.4, 1))
    return body
