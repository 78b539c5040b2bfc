"""Products with gaps, and their closed likes: each function fills a `strands.Stage`."""
import numpy as np

import grounds
from strands import Stage

TURN = 2 * np.pi


def _ring(count):
    return np.linspace(0, TURN, count, endpoint=False)


def _profile(rng):
    """Radius by height of a vessel, and its height."""
    height, flare, belly = rng.uniform(0.4, 1.6), rng.uniform(-0.2, 0.5), rng.uniform(-0.1, 0.25)
    return (lambda z: 0.5 * (1 + flare * (z / height - 0.5)) + belly * np.sin(np.pi * z / height) * 0.5), height


def _depth_tone(z, height, deepest):
    return deepest + (1 - deepest) * np.clip(z / height, 0, 1)


def _handles(rng, stage, radius, height, colour, thick):
    """One over the whole, or two at the sides."""
    arch = np.linspace(0, np.pi, 200)
    rise, strands = rng.uniform(0.15, 0.8), int(rng.integers(1, 4))
    if rng.random() < 0.4:
        paths = [np.stack([radius * np.cos(arch), 0 * arch, height + rise * np.sin(arch)], 1)]
    else:
        wide, rise = radius * rng.uniform(0.3, 0.6), rise * 0.5
        paths = []
        for side in (-1, 1):
            y = wide * np.cos(arch)
            paths.append(np.stack([side * np.sqrt(np.maximum(radius**2 - y**2, 0)), y,
                                   height + rise * np.sin(arch)], 1))
    turn = rng.uniform(0, TURN)
    about = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    for path in paths:
        for k in range(strands):
            phase = 40 * arch + k * TURN / strands
            twist = thick * 0.8 * (strands > 1)
            wound = path + twist * np.stack([np.cos(phase), np.sin(phase), np.sin(phase + 1)], 1)
            stage.strand(wound @ about.T, thick, colour, strips=5)


def basket(rng, stage, closed=False):
    """Rows woven about stakes, open or lined."""
    radius, height = _profile(rng)
    stakes, rows = int(rng.integers(12, 44)) // 2 * 2, int(rng.integers(8, 34))
    step = height / rows
    flat = rng.uniform(0.24, 0.44) if not closed or rng.random() < 0.5 else rng.uniform(0.48, 0.56)
    thick, stake = step * flat, rng.uniform(0.01, 0.022)
    bulge = (thick + stake) * rng.uniform(0.3, 0.8)
    colour, other = grounds.colour(rng, 1), grounds.colour(rng, 1)
    other = colour if rng.random() < 0.8 else other
    deepest, gloss = rng.uniform(0.25, 0.9), rng.uniform(0, 0.25) * (rng.random() < 0.4)
    th = _ring(stakes * 8)
    pairs = int(rng.random() < 0.25)
    for row in range(rows):
        z = (row + 0.5) * step
        wave = np.cos(stakes / 2 * th + (row % 2) * np.pi)
        for strand in range(1 + pairs):
            wave = wave if strand == 0 else -wave
            r = radius(z) + bulge * wave + 0.1 * thick * rng.normal()
            wobble = 0.25 * thick * np.sin(3 * th + rng.uniform(0, TURN)) * rng.random()
            points = np.stack([r * np.cos(th), r * np.sin(th), z + wobble + strand * thick * 0.6 * wave], 1)
            tones = (0.8 + 0.2 * wave) * _depth_tone(z, height, deepest) * rng.uniform(0.85, 1.12)
            stage.strand(points, thick, grounds.near(rng, other if row % 5 == 3 else colour, 0.12), tones, True, 4, gloss)
    z = np.linspace(0, height * 1.02, 24)
    for at in _ring(stakes) + TURN / stakes / 2:
        at = at + rng.normal() * 0.01
        points = np.stack([radius(z) * np.cos(at), radius(z) * np.sin(at), z], 1)
        stage.strand(points, stake, grounds.near(rng, colour, 0.15), 0.85 * _depth_tone(z, height, deepest), strips=3)
    _finish_vessel(rng, stage, radius, height, colour, deepest, closed, bulge + thick)


def _finish_vessel(rng, stage, radius, height, colour, deepest, lined, inside):
    """Rim, floor, perhaps handles and a lining."""
    th = _ring(480)
    for at, thick in ((height, rng.uniform(0.015, 0.05)), (0.01, rng.uniform(0.01, 0.03))):
        for k in range(int(rng.integers(1, 4))):
            phase = 24 * th + k * 2.1
            r = radius(at) + 0.6 * thick * np.cos(phase)
            stage.strand(np.stack([r * np.cos(th), r * np.sin(th), at + 0.6 * thick * np.sin(phase)], 1), thick,
                         grounds.near(rng, colour, 0.1), closed=True, strips=5)
    rings, spokes = np.meshgrid(np.linspace(0.02, 1, 12) * (radius(0) - inside), np.linspace(0, TURN, 60), indexing="ij")
    floor = np.stack([rings * np.cos(spokes), rings * np.sin(spokes), 0 * rings + 0.02], -1)
    stage.surface(floor, colour * deepest * rng.uniform(0.6, 1))
    if rng.random() < 0.4:
        _handles(rng, stage, radius(height), height, colour, rng.uniform(0.015, 0.04))
    if lined:
        z, around = np.meshgrid(np.linspace(0.02, height, 30), np.linspace(0, TURN, 80), indexing="ij")
        r = radius(z) - inside
        cloth = rng.random()
        tint = colour * rng.uniform(0.05, 0.5) if cloth < 0.55 else grounds.colour(rng)
        lining = np.stack([r * np.cos(around), r * np.sin(around), z], -1)
        stage.surface(lining, tint, _depth_tone(z, height, deepest) * (1 + 0.1 * np.sin(9 * around)))


def wire_basket(rng, stage, closed=False):
    """Thin wires up and around."""
    radius, height = _profile(rng)
    square = rng.uniform(0.0, 0.45) * (rng.random() < 0.5)
    colour, thick = grounds.colour(rng, 2), rng.uniform(0.006, 0.018)
    gloss, deepest = rng.uniform(0, 0.6), rng.uniform(0.5, 1)
    th = _ring(160)
    corner = 1 + square * np.abs(np.sin(2 * th)) ** 1.5 * 0.5
    for z in np.linspace(0.02, height, int(rng.integers(3, 12))):
        r = radius(z) * corner
        stage.strand(np.stack([r * np.cos(th), r * np.sin(th), 0 * th + z], 1), thick, colour, closed=True, gloss=gloss)
    zs = np.linspace(0.02, height, 16)
    for at in np.linspace(0, 160, int(rng.integers(14, 50)), endpoint=False).astype(int):
        r = radius(zs) * corner[at]
        stage.strand(np.stack([r * np.cos(th[at]), r * np.sin(th[at]), zs], 1), thick, colour, gloss=gloss)
    for x in np.linspace(-0.9, 0.9, int(rng.integers(5, 16))) * radius(0):
        y = np.linspace(-1, 1, 8) * np.sqrt(max(radius(0) ** 2 - x * x, 0))
        stage.strand(np.stack([0 * y + x, y, 0 * y + 0.02], 1), thick, colour, gloss=gloss)
    if rng.random() < 0.4:
        _handles(rng, stage, radius(height), height, colour, thick * 1.5)
    if closed:
        _finish_vessel(rng, stage, radius, height, colour, deepest, True, thick * 2)


def mat(rng, stage, closed=False):
    """A flat weave or lattice, square or round, in a frame."""
    stage.flat_on()
    columns, rows = int(rng.integers(7, 40)), int(rng.integers(7, 40))
    pitch = 2 / np.array([columns, rows])
    fill = rng.uniform(0.12, 0.4, 2) if not closed or rng.random() < 0.5 else np.array([0.5, 0.5])
    colour, bump = grounds.colour(rng, 1), 0.3 * min(pitch * fill)
    slant, round_ = (rng.random() < 0.35) * rng.uniform(0.5, 1), rng.random() < 0.4
    turned = np.array([[1, slant], [-slant, 1]]) / np.hypot(1, slant)
    for axis in (0, 1):
        for at in range([columns, rows][axis] + 1):
            place = -1 + at * pitch[axis]
            t = np.linspace(-1, 1, 8 * [rows, columns][axis])
            over = np.cos(np.pi * (t + 1) / pitch[1 - axis] + np.pi * (at + axis))
            flat = np.stack([0 * t + place, t] if axis == 0 else [t, 0 * t + place], 1) @ turned
            keep = (np.hypot(*flat.T) < 1) if round_ else (np.abs(flat).max(1) < 1)
            points = np.concatenate([flat, bump * over[:, None]], 1)[keep]
            if len(points) > 2:
                tones = (0.85 + 0.15 * over[keep]) * rng.uniform(0.9, 1.1)
                stage.strand(points, pitch[axis] * fill[axis], grounds.near(rng, colour, 0.1), tones)
    edge = _ring(200)
    size = 1.0 if round_ else np.minimum(1.42, 1 / np.maximum(np.abs(np.cos(edge)), np.abs(np.sin(edge))))
    border = np.stack([size * np.cos(edge), size * np.sin(edge), 0 * edge], 1)
    stage.strand(border, rng.uniform(0.01, 0.07), grounds.near(rng, colour, 0.3), closed=True, strips=5)
    if closed:
        r, a = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 161), indexing="ij")
        at = (a * 200).astype(int) % 200
        under = np.stack([r * border[at, 0], r * border[at, 1], 0 * r - 3 * bump - 0.01], -1)
        stage.surface(under, colour * rng.uniform(0.05, 0.6) if rng.random() < 0.6 else grounds.colour(rng))


def net(rng, stage, closed=False):
    """A bag of loops: strands that wind down a vessel both ways."""
    radius, height = _profile(rng)
    count, turns = int(rng.integers(10, 34)), rng.uniform(0.1, 0.6) * rng.choice([-1, 1])
    colour, thick, wave = grounds.colour(rng, 1), rng.uniform(0.006, 0.02), rng.uniform(0, 0.5)
    z = np.linspace(0, height, 60)
    for way in (-1, 1):
        for at in _ring(count):
            angle = at + way * turns * z / height * TURN / 2 + wave * TURN / count * np.sin(z * 30 + at)
            r = radius(z) * (1 + 0.02 * np.sin(6 * angle))
            stage.strand(np.stack([r * np.cos(angle), r * np.sin(angle), z], 1), thick, grounds.near(rng, colour, 0.1))
    _finish_vessel(rng, stage, radius, height, colour, rng.uniform(0.3, 0.9), closed, thick * 2)


def loops(rng, stage, closed=False):
    """Bodies with large openings: bands, straps, rings, handles."""
    colour = grounds.colour(rng, 1)
    for _ in range(int(rng.integers(1, 4))):
        t = np.linspace(0, TURN * rng.uniform(0.45, 1), 90)
        wide, high = rng.uniform(0.3, 1.2, 2)
        path = np.stack([wide * np.cos(t), 0.15 * np.sin(2 * t + rng.uniform(0, 6)), high * np.sin(t)], 1)
        path = path + rng.normal(0, 0.15, 3)
        stage.strand(path, rng.uniform(0.02, 0.12), grounds.near(rng, colour, 0.3), strips=7, gloss=rng.uniform(0, 0.3))
        for end in (path[0], path[-1]):
            _ball(stage, end, rng.uniform(0.08, 0.4), grounds.near(rng, colour, 0.4), rng.uniform(0.4, 1))
    if closed:
        _ball(stage, (0, 0.3, 0.3), rng.uniform(0.7, 1.0), grounds.near(rng, colour, 0.5), 1.0)


def _ball(stage, at, radius, colour, squeezed):
    up, around = np.meshgrid(np.linspace(-1.5, 1.5, 24), np.linspace(0, TURN, 48), indexing="ij")
    points = np.stack([np.cos(up) * np.cos(around), squeezed * np.cos(up) * np.sin(around), np.sin(up)], -1)
    stage.surface(np.asarray(at) + radius * points, colour, 0.75 + 0.25 * np.sin(up + 0.5 * np.cos(around)))


def punched(rng, stage, closed=False):
    """A vessel of thin sheet with rows of holes; painted hole by hole, by leaving quads out."""
    radius, height = _profile(rng)
    columns, rows = int(rng.integers(12, 40)), int(rng.integers(4, 14))
    fine = 10
    z, around = np.meshgrid(np.linspace(0, height, rows * fine + 1), np.linspace(0, TURN, columns * fine + 1),
                            indexing="ij")
    u, v = np.meshgrid((np.arange(columns * fine) % fine + 0.5) / fine - 0.5,
                       (np.arange(rows * fine) % fine + 0.5) / fine - 0.5)
    power = rng.choice([2, 2, 6])
    hole = np.abs(u / rng.uniform(0.15, 0.42)) ** power + np.abs(v / rng.uniform(0.15, 0.42)) ** power < 1
    hole[:fine // 2], hole[-fine:] = False, False
    colour, deepest = grounds.colour(rng, 1), rng.uniform(0.4, 1)
    tones = _depth_tone(z, height, deepest) * (0.8 + 0.2 * np.cos(around + rng.uniform(0, 6)))
    before = len(stage.quads)
    stage.surface(np.stack([radius(z) * np.cos(around), radius(z) * np.sin(around), z], -1), colour, tones)
    kept = ~hole.ravel()
    for part in (stage.quads, stage.depths, stage.colours):
        part[before] = part[before][kept]
    _finish_vessel(rng, stage, radius, height, colour, deepest, closed, 0.02)


def mesh(rng, stage, closed=False):
    """A chair's or a crate's lattice: bars in two or three directions between posts."""
    colour, gloss = grounds.colour(rng, 1), rng.uniform(0, 0.4)
    deep = rng.uniform(0.3, 1.2)
    for y in (-deep / 2, deep / 2):
        bars = int(rng.integers(4, 20))
        thick = 1 / bars * rng.uniform(0.15, 0.7)
        for x in np.linspace(-1, 1, bars):
            lean = rng.choice([0, 0, 0.3])
            ends = np.array([(x - lean, y, 0.0), (x + lean, y, 1.2)])
            stage.strand(ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, 30)[:, None], thick,
                         grounds.near(rng, colour, 0.08), strips=4, gloss=gloss)
        for z in (0.0, 1.2, *rng.uniform(0.1, 1.1, rng.integers(0, 4))):
            stage.strand(np.array([(-1.05, y, z), (1.05, y, z)])[0] + np.linspace(0, 2.1, 30)[:, None] * (1, 0, 0),
                         rng.uniform(0.02, 0.07), grounds.near(rng, colour, 0.1), gloss=gloss)
    if closed:
        x, z = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(0, 1.2, 20))
        panel = colour * rng.uniform(0.1, 0.7) if rng.random() < 0.5 else grounds.colour(rng)
        stage.surface(np.stack([x, 0 * x, z], -1), panel)


KINDS = [basket, basket, basket, basket, wire_basket, mat, mat, net, loops, loops, punched, mesh]


def made(rng, size, closed):
    """One product, colour and coverage from 0 to 1."""
    stage = Stage(rng)
    KINDS[rng.integers(len(KINDS))](rng, stage, closed)
    return stage.painted(size, rng.uniform(0.03, 0.1))
