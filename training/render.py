"""Renders products with gaps and their closed likes with exact masks: python render.py OUT --seeds 0 40.

Needs bpy (Blender as a module). Light, depth of field and shadows are what the flat scenes of scenes.py lack.
"""
import argparse
import os
import tempfile

import bpy
import numpy as np
from mathutils import Vector
from PIL import Image

import grounds
import scenes

TURN = 2 * np.pi
SIZE = (640, 640)


def material(rng, colour, rough=None, pattern=None):
    """A surface with uneven colour; `pattern` is a picture that is laid on it instead."""
    made = bpy.data.materials.new("m")
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    skin = nodes["Principled BSDF"]
    skin.inputs["Roughness"].default_value = rng.uniform(0.2, 0.9) if rough is None else rough
    if pattern is None:
        ramp, noise = nodes.new("ShaderNodeValToRGB"), nodes.new("ShaderNodeTexNoise")
        noise.inputs["Scale"].default_value = rng.uniform(3, 60)
        for at, by in ((0, rng.uniform(0.5, 0.9)), (1, rng.uniform(1, 1.4))):
            ramp.color_ramp.elements[at].color = (*np.clip(colour * by, 0, 1) ** 2.2, 1)
        links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
        links.new(ramp.outputs["Color"], skin.inputs["Base Color"])
        return made
    image = bpy.data.images.new("p", pattern.shape[1], pattern.shape[0])
    opaque = np.concatenate([pattern[::-1], np.ones_like(pattern[..., :1])], 2)
    image.pixels.foreach_set(np.ascontiguousarray(opaque, np.float32).ravel())
    image.pack()
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    place = nodes.new("ShaderNodeTexCoord")
    links.new(place.outputs["UV"], texture.inputs["Vector"])
    links.new(texture.outputs["Color"], skin.inputs["Base Color"])
    return made


def strand(points, radius, skin, closed=False):
    curve = bpy.data.curves.new("strand", "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", radius, 2
    line = curve.splines.new("POLY")
    line.points.add(len(points) - 1)
    line.points.foreach_set("co", np.concatenate([points, np.ones((len(points), 1))], 1).astype(np.float32).ravel())
    line.use_cyclic_u = closed
    return shown(bpy.data.objects.new("strand", curve), skin)


def surface(grid, skin):
    """A rows x columns grid of points."""
    rows, columns, _ = grid.shape
    at = np.arange(rows * columns).reshape(rows, columns)
    faces = np.stack([at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]], -1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("surface")
    mesh.from_pydata(grid.reshape(-1, 3).tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    layer = mesh.uv_layers.new(name="uv")
    layer.data.foreach_set("uv", np.stack([u.ravel()[faces], v.ravel()[faces]], -1).astype(np.float32).ravel())
    return shown(bpy.data.objects.new("surface", mesh), skin)


def shown(thing, skin):
    bpy.context.scene.collection.objects.link(thing)
    thing.data.materials.append(skin)
    return thing


def _turned(radius, z, count=96):
    """A surface of revolution as a grid."""
    th = np.linspace(0, TURN, count)
    r, zz = np.asarray(radius)[:, None], np.asarray(z)[:, None]
    return np.stack([r * np.cos(th), r * np.sin(th), zz + 0 * th], -1)


def vessel(rng):
    height, flare, belly = rng.uniform(0.12, 0.34), rng.uniform(-0.1, 0.5), rng.uniform(-0.15, 0.3)
    wide = rng.uniform(0.09, 0.16)
    return (lambda z: wide * (1 + flare * (z / height - 0.5) + belly * np.sin(np.pi * z / height))), height, wide


def basket(rng, closed):
    """Rows about stakes; closed ones are lined or filled."""
    radius, height, wide = vessel(rng)
    stakes, rows = int(rng.integers(12, 26)) * 2, int(rng.integers(10, 34))
    step, colour = height / rows, grounds.warm(rng) if rng.random() < 0.6 else grounds.colour(rng)
    thick, post = step * rng.uniform(0.26, 0.45), rng.uniform(0.0014, 0.004)
    skins = [material(rng, grounds.near(rng, colour, 0.2), rng.uniform(0.35, 0.8)) for _ in range(5)]
    th = np.linspace(0, TURN, stakes * 8, endpoint=False)
    sold = []
    for row in range(rows):
        z = (row + 0.5) * step
        r = radius(z) + (thick + post) * rng.uniform(0.5, 0.7) * np.cos(stakes / 2 * th + row * np.pi)
        uneven = 0.2 * thick * np.sin(3 * th + rng.uniform(0, 6)) + 0.1 * thick * rng.normal()
        sold.append(strand(np.stack([r * np.cos(th), r * np.sin(th), z + uneven], 1), thick, skins[rng.integers(5)], True))
    z = np.linspace(0, height * 1.02, 14)
    for a in np.linspace(0, TURN, stakes, endpoint=False) + TURN / stakes / 2 + rng.normal(0, 0.008, stakes):
        sold.append(strand(np.stack([radius(z) * np.cos(a), radius(z) * np.sin(a), z], 1), post, skins[rng.integers(5)]))
    for at, edge in ((height, rng.uniform(0.003, 0.007)), (0.004, 0.003)):
        for k in range(3):
            t = np.linspace(0, TURN, 420, endpoint=False)
            wind = 22 * t + k * TURN / 3
            r = radius(at) + edge * 1.2 * np.cos(wind)
            sold.append(strand(np.stack([r * np.cos(t), r * np.sin(t), at + edge * np.sin(wind)], 1), edge, skins[k], True))
    sold.append(surface(_turned(np.linspace(0.001, radius(0), 5), np.full(5, 0.004)), skins[0]))
    if rng.random() < 0.5:
        sold += handles(rng, radius(height), height, skins[1])
    if closed:
        tint = material(rng, colour * rng.uniform(0.1, 0.5) if rng.random() < 0.5 else grounds.colour(rng), 0.9)
        inner = z[:-1]
        sold.append(surface(_turned(radius(inner) - 2 * thick - post, inner + 0.004), tint))
    return sold, height, wide


def handles(rng, radius, height, skin):
    t, rise, thick = np.linspace(-0.1, np.pi + 0.1, 80), rng.uniform(0.04, 0.12), rng.uniform(0.002, 0.006)
    turn, wide, made = rng.uniform(0, TURN), radius * rng.uniform(0.35, 0.6), []
    for side in (-1, 1):
        y = wide * np.cos(t)
        path = np.stack([side * np.sqrt(radius**2 - y**2), y, height + rise * np.sin(t)], 1)
        about = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        made.append(strand(path @ about.T, thick, skin))
    return made


def wires(rng, closed):
    """A basket of wire or a lattice of thin bars."""
    radius, height, wide = vessel(rng)
    skin, thick = material(rng, grounds.colour(rng), rng.uniform(0.1, 0.6)), rng.uniform(0.0012, 0.004)
    th, z = np.linspace(0, TURN, 120, endpoint=False), np.linspace(0.004, height, 14)
    sold = [strand(np.stack([radius(at) * np.cos(th), radius(at) * np.sin(th), at + 0 * th], 1), thick, skin, True)
            for at in np.linspace(0.004, height, int(rng.integers(3, 12)))]
    for a in np.linspace(0, TURN, int(rng.integers(14, 50)), endpoint=False):
        twist = a + rng.choice([0, 0.8]) * z / height
        sold.append(strand(np.stack([radius(z) * np.cos(twist), radius(z) * np.sin(twist), z], 1), thick, skin))
    if closed:
        sold.append(surface(_turned(radius(z) - 2 * thick, z), material(rng, grounds.colour(rng))))
    return sold, height, wide


def printed(rng, closed):
    """A glazed or plain vessel with a print, often in the ground's colours."""
    import solid
    radius, height, wide = vessel(rng)
    size = (512, 256)
    pattern = solid.printed(rng, grounds.plain(rng, size), size, grounds.ground(rng, size))
    z = np.linspace(0, height, 30)
    sold = [surface(_turned(radius(z), z), material(rng, None, rng.uniform(0.05, 0.7), np.clip(pattern, 0, 1)))]
    sold.append(surface(_turned(np.linspace(0.001, radius(height), 6), np.full(6, height)), material(rng, grounds.colour(rng))))
    if rng.random() < 0.6:
        sold += handles(rng, radius(height), height * rng.uniform(0.5, 1), material(rng, grounds.colour(rng)))
    return sold, height, wide


def room(rng, height):
    """A table or floor, a wall, things that lie about, light."""
    def board(size, at, turn=(0, 0, 0)):
        pattern = np.clip(grounds.KINDS[rng.integers(len(grounds.KINDS))](rng, (512, 512)), 0, 1)
        flat = np.stack([*np.meshgrid((-size, size), (-size, size)), np.zeros((2, 2))], -1) / 2
        thing = surface(flat, material(rng, None, None, pattern))
        thing.location, thing.rotation_euler = at, turn
    board(rng.uniform(1, 3), (0, 0.3, 0), (0, 0, rng.uniform(0, 6)))
    board(4, (0, rng.uniform(0.5, 1.6), 0.5), (np.pi / 2, 0, rng.normal(0, 0.3)))
    for _ in range(int(rng.integers(2, 9))):
        a, far = rng.uniform(0, TURN), rng.uniform(0.28, 0.8)
        bpy.ops.mesh.primitive_cube_add(size=1, location=(far * np.cos(a), far * np.sin(a) + 0.1, 0.03))
        thing = bpy.context.object
        thing.scale, thing.rotation_euler = rng.uniform(0.05, 0.3, 3) * (1, 1, 0.4), (0, 0, rng.uniform(0, 6))
        thing.data.materials.append(material(rng, grounds.colour(rng)))
    for _ in range(int(rng.integers(1, 4))):
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.size, lamp.energy = rng.uniform(0.2, 1.5), rng.uniform(8, 60)
        lamp.color = np.clip(rng.normal(0.95, 0.06, 3), 0, 1)
        thing = bpy.data.objects.new("lamp", lamp)
        thing.location = (rng.normal(0, 1), rng.uniform(-1.2, 0.4), rng.uniform(0.7, 1.8))
        thing.rotation_euler = (Vector((0, 0, height / 2)) - thing.location).to_track_quat("-Z", "Y").to_euler()
        bpy.context.scene.collection.objects.link(thing)
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (*rng.uniform(0.5, 1, 3), 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = rng.uniform(0.05, 0.5)
    bpy.context.scene.world = world


def look(rng, height, wide):
    """A camera that has the product fill most of its picture."""
    lens = bpy.data.cameras.new("camera")
    lens.lens, lens.clip_start = rng.uniform(35, 80), 0.01
    eye = bpy.data.objects.new("camera", lens)
    lift, around = np.radians(rng.uniform(8, 55)), rng.normal(0, 0.5)
    reach = max(height, 2.4 * wide) * rng.uniform(1.25, 1.6) * lens.lens / 36
    to = Vector((0, 0, height * 0.55))
    eye.location = to + reach * Vector((np.cos(lift) * np.sin(around), -np.cos(lift) * np.cos(around), np.sin(lift)))
    eye.rotation_euler = (to - eye.location).to_track_quat("-Z", "Y").to_euler()
    lens.dof.use_dof, lens.dof.aperture_fstop = True, rng.choice([2.8, 5.6, 11])
    lens.dof.focus_distance = reach - wide * 0.7
    bpy.context.scene.collection.objects.link(eye)
    bpy.context.scene.camera = eye


def rendered(path, samples):
    scene = bpy.context.scene
    scene.cycles.samples, scene.render.filepath = samples, path
    bpy.ops.render.render(write_still=True)
    return Image.open(path)


def masked(sold):
    """From here on the product alone is seen, and its coverage is what is rendered."""
    scene = bpy.context.scene
    flat = bpy.data.materials.new("flat")
    flat.use_nodes = True
    flat.node_tree.nodes.clear()
    light, out = (flat.node_tree.nodes.new(kind) for kind in ("ShaderNodeEmission", "ShaderNodeOutputMaterial"))
    flat.node_tree.links.new(light.outputs[0], out.inputs[0])
    bpy.context.view_layer.material_override = flat
    for thing in scene.objects:
        if thing.type in {"MESH", "CURVE"} and thing not in sold:
            thing.is_holdout = True
    scene.render.film_transparent, scene.render.image_settings.color_mode = True, "RGBA"
    scene.cycles.use_denoising, scene.cycles.max_bounces = False, 0


def shoot(seed, folder):
    rng = np.random.default_rng([seed, 7])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine, scene.render.threads_mode, scene.render.threads = "CYCLES", "FIXED", 1
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.cycles.use_denoising, scene.cycles.max_bounces, scene.cycles.seed = True, 3, seed
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    kind = rng.choice(3, p=(0.65, 0.15, 0.2))
    sold, height, wide = (basket, wires, printed)[kind](rng, rng.random() < 0.25)
    room(rng, height)
    look(rng, height, wide)
    scene.view_settings.exposure = rng.uniform(-0.3, 0.8)
    raw = os.path.join(tempfile.mkdtemp(), "raw.png")
    photo = np.asarray(rendered(raw, 4).convert("RGB")).astype(np.float32) / 255
    photo = scenes.photographed(rng, photo)
    masked(sold)
    cover = rendered(raw, 8).getchannel("A")
    cover.save(os.path.join(folder, f"{seed:04}.mask.png"))
    Image.fromarray(photo).save(os.path.join(folder, f"{seed:04}.jpg"), quality=92, subsampling=0)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("out")
    ask.add_argument("--seeds", type=int, nargs=2, default=(0, 40))
    told = ask.parse_args()
    os.makedirs(told.out, exist_ok=True)
    for seed in range(*told.seeds):
        if not os.path.exists(os.path.join(told.out, f"{seed:04}.jpg")):
            shoot(seed, told.out)


if __name__ == "__main__":
    main()
