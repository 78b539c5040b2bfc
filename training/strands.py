"""Drawing strands and surfaces in space: projected, sorted by depth and painted from the farthest to the nearest.

What is painted carries its own coverage, so that the mask is exact, gaps and all.
"""
import numpy as np
from PIL import Image, ImageDraw

# The picture is painted so much larger, then made smaller.
FINER = 2


class Stage:
    """Collects what is to be painted; lengths are about 1."""

    def __init__(self, rng):
        self.rng = rng
        self.quads, self.depths, self.colours = [], [], []
        lift, turn = np.radians(rng.uniform(4, 65)), rng.uniform(0, 2 * np.pi)
        self.axes = _rotation(lift, turn, np.radians(rng.normal(0, 4)))
        self.distance = rng.uniform(2.6, 6)
        light = rng.normal(0, 1, 2)
        self.light = light / np.linalg.norm(light)

    def flat_on(self):
        """Looks from above, as on things that lie flat."""
        self.axes = _rotation(np.radians(self.rng.uniform(45, 90)), self.rng.uniform(0, 6.3), 0)

    def project(self, points):
        seen = points @ self.axes.T
        depth = self.distance - seen[:, 2]
        return seen[:, :2] * (self.distance / depth)[:, None] * (1, -1), depth

    def strand(self, points, radius, colour, tones=None, closed=False, strips=4, gloss=0.0):
        """A round strand along `points`; `tones` darken it from point to point."""
        points = np.asarray(points, np.float32)
        tones = np.ones(len(points), np.float32) if tones is None else np.asarray(tones, np.float32)
        if closed:
            points, tones = np.concatenate([points, points[:1]]), np.concatenate([tones, tones[:1]])
        flat, depth = self.project(points)
        along = np.gradient(flat, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
        side = np.stack([-along[:, 1], along[:, 0]], 1)
        reach = (radius * self.distance / depth)[:, None]
        lit = side @ self.light
        for k in range(strips):
            near, far = -1 + 2 * k / strips, -1 + 2 * (k + 1) / strips + (0.08 if k + 1 < strips else 0)
            middle = (near + far) / 2
            shade = 0.62 + 0.38 * np.sqrt(max(0.0, 1 - middle * middle)) + 0.28 * middle * lit
            shine = gloss * np.exp(-((middle * np.sign(lit) - 0.4) ** 2) * 18)
            a, b = flat + side * reach * near, flat + side * reach * far
            quads = np.stack([a[:-1], a[1:], b[1:], b[:-1]], 1)
            self._add(quads, (depth[:-1] + depth[1:]) / 2 - radius, colour, (shade * tones)[:-1], shine[:-1])

    def surface(self, grid, colour, tones=None):
        """A rows x columns grid of points as small quads."""
        rows, columns, _ = grid.shape
        flat, depth = self.project(grid.reshape(-1, 3).astype(np.float32))
        flat, depth = flat.reshape(rows, columns, 2), depth.reshape(rows, columns)
        quads = np.stack([flat[:-1, :-1], flat[1:, :-1], flat[1:, 1:], flat[:-1, 1:]], 2).reshape(-1, 4, 2)
        middle = (depth[:-1, :-1] + depth[1:, 1:]) / 2
        tones = np.ones((rows - 1, columns - 1)) if tones is None else tones[:-1, :-1]
        self._add(quads, middle.ravel(), colour, tones.ravel(), np.zeros(tones.size))

    def _add(self, quads, depth, colour, tone, shine):
        self.quads.append(quads)
        self.depths.append(depth)
        colour = np.asarray(colour, np.float32)
        colours = colour[None] if colour.ndim == 1 else colour[:len(tone)]
        self.colours.append(np.clip(colours * tone[:, None] + np.asarray(shine)[:, None], 0, 1))

    def painted(self, size, margin):
        """Colour and coverage, height x width x 4 from 0 to 1."""
        quads, depth = np.concatenate(self.quads), np.concatenate(self.depths)
        colours = (np.concatenate(self.colours) * 255).astype(int)
        low, high = quads.min((0, 1)), quads.max((0, 1))
        room = np.array(size, np.float32) * (1 - 2 * margin)
        scale = (room / (high - low)).min() * FINER
        quads = (quads - (low + high) / 2) * scale + np.array(size) * FINER / 2
        image = Image.new("RGBA", (size[0] * FINER, size[1] * FINER))
        draw = ImageDraw.Draw(image)
        for at in np.argsort(-depth, kind="stable"):
            draw.polygon(list(map(tuple, quads[at].tolist())), fill=(*colours[at].tolist(), 255))
        return np.asarray(image.resize(size, Image.BOX)).astype(np.float32) / 255


def _rotation(lift, turn, roll):
    """The camera's axes: x to the right, y up, z towards the one who looks."""
    around = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    over = np.array([[1, 0, 0], [0, np.sin(lift), np.cos(lift)], [0, -np.cos(lift), np.sin(lift)]])
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return (tilt @ over @ around).astype(np.float32)
