"""Trains on what dataset.py made: python train.py DATA OUT --minutes 40 [--from WEIGHTS].

Stops after the minutes given; the best weights by validation are in OUT at all times, as .npz and as .onnx.
"""
import argparse
import glob
import os
import time

import numpy as np
import tensorflow as tf
from PIL import Image
from scipy import ndimage

import features
import network

SIDE = 256
BATCH = 8
# How much more a place to open weighs than one to leave.
OPEN = 2.0
# Kept is not what the last step left but a mean of the last hundreds: this share of it is new each tenth step.
FRESH = 0.05


def files(folder):
    """Files to train on and files to judge by; renders apart from made-up scenes."""
    split = {"made": ([], []), "render": ([], [])}
    for path in sorted(glob.glob(os.path.join(folder, "*[0-9g].npz"))):
        if ".part." in path:
            continue
        name = os.path.basename(path)
        if name.startswith("made"):
            split["made"][int(name[5:11]) // 20 % 10 == 0].append(path)
        else:
            split["render"][sum(name.encode()) % 5 == 0].append(path)
    return split


def window(rng, pictures, ground, judged):
    """A square of SIDE out of a crop, and the ground beside it: the middle, or any, nearer or farther."""
    span = SIDE if judged or rng.random() < 0.4 else int(rng.integers(SIDE * 5 // 8, pictures.shape[0] + 1)) // 2 * 2
    room = (pictures.shape[0] - span) // 2
    y, x = (room // 2, room // 2) if judged else rng.integers(0, room + 1, 2)
    part = pictures[2 * y:2 * y + span, 2 * x:2 * x + span]
    behind = ground[y:y + span // 2, x:x + span // 2]
    if span == SIDE:
        return part, behind
    sized = lambda plane, side: np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((side, side), Image.BICUBIC))
    planes = [sized(part[..., :3], SIDE), sized(part[..., 3], SIDE)[..., None], sized(part[..., 4], SIDE)[..., None]]
    return np.concatenate(planes, 2), sized(behind, SIDE // 2)


def softened(rng, rgb):
    """As another lens and another sensor would have it."""
    chance = rng.random()
    if chance < 0.2:
        soft = rng.uniform(0.4, 1.0)
        rgb = ndimage.gaussian_filter(rgb, (soft, soft, 0))
    elif chance < 0.35:
        rgb = rgb + rng.uniform(0.2, 0.8) * (rgb - ndimage.gaussian_filter(rgb, (1, 1, 0)))
    return rgb + rng.normal(0, rng.uniform(0, 0.02), rgb.shape).astype(np.float32)


def crop(rng, pictures, ground, judged):
    """One crop as the network is shown it, and what it should say with what weight."""
    part, behind = window(rng, pictures, ground, judged)
    behind = behind.astype(np.float32) / 255
    rgb = part[..., :3].astype(np.float32) / 255
    if not judged:
        rgb = softened(rng, rgb)
        gain, power = rng.normal(1, 0.06, 3) * rng.uniform(0.85, 1.15), rng.uniform(0.85, 1.2)
        rgb, behind = np.clip(rgb, 0, 1) ** power * gain, behind ** power * gain
        if rng.random() < 0.06:
            rgb, behind = (plane.mean(-1, keepdims=True).repeat(3, -1) for plane in (rgb, behind))
        if rng.random() < 0.06:
            rgb, behind = 1 - rgb, 1 - behind
        if rng.random() < 0.3:
            order = rng.permutation(3)
            rgb, behind = rgb[..., order], behind[..., order]
    truth, matte = part[..., 3].astype(np.float32) / 255, part[..., 4].astype(np.float32) / 255
    half = SIDE // 2
    fours = rgb.reshape(half, 2, half, 2, 3).transpose(0, 2, 1, 3, 4).reshape(half, half, 12)
    planes = np.concatenate([fours - 0.5, features.halved(matte)[..., None] - 0.5, behind - 0.5], 2)
    wanted = 1 - truth
    weight = 0.03 + matte * (1 + OPEN * wanted)
    out = [planes, wanted[..., None], weight[..., None]]
    if not judged:
        turn, flip = rng.integers(4), rng.integers(2)
        out = [np.rot90(plane[:, ::-1] if flip else plane, turn) for plane in out]
        # Turning a picture turns the four pixels in each cell, too.
        if turn or flip:
            order = np.arange(4).reshape(2, 2)
            order = np.rot90(order[:, ::-1] if flip else order, turn).ravel()
            fours = out[0][..., :12].reshape(half, half, 4, 3)[:, :, order].reshape(half, half, 12)
            out[0] = np.concatenate([fours, out[0][..., 12:]], 2)
    return [np.ascontiguousarray(plane, np.float32) for plane in out]


class Pool:
    """Crops in memory, a part of them replaced from time to time."""

    def __init__(self, rng, folder, rendered, kept=80):
        self.rng, self.folder, self.rendered, self.kept = rng, folder, rendered, kept
        self.held = {"made": [], "render": []}

    def refresh(self):
        split = files(self.folder)
        for kind, held in self.held.items():
            paths = split[kind][0]
            for _ in range(min(len(paths), self.kept if not held else 2)):
                with np.load(paths[self.rng.integers(len(paths))]) as file:
                    held.append((file["pictures"], file["ground"]))
            del held[:-self.kept]

    def batch(self):
        crops = []
        for _ in range(BATCH):
            rendered = self.held["render"] and self.rng.random() < self.rendered
            held = self.held["render" if rendered else "made"]
            pictures, ground = held[self.rng.integers(len(held))]
            at = self.rng.integers(len(pictures))
            crops.append(crop(self.rng, pictures[at], ground[at], False))
        return [np.stack(part) for part in zip(*crops)]


def loss_of(said, wanted, weight):
    """Cross entropy, less for what is sure already, and the overlap of what is opened."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(wanted, said)
    sure = tf.sigmoid(said)
    off = tf.abs(wanted - sure)
    focal = tf.reduce_sum(weight * entropy * (0.2 + off)) / tf.reduce_sum(weight)
    # Within the matte alone, where it counts.
    inside = weight / (1 + OPEN * wanted)
    both = tf.reduce_sum(inside * sure * wanted)
    either = tf.reduce_sum(inside * (sure + wanted - sure * wanted))
    return focal + 0.15 * (1 - (both + 20) / (either + 20))


def judged(run, folder):
    """Loss, overlap of what is opened, and the share of solid pixels wrongly opened, by kind."""
    told = {}
    for kind, (_, paths) in files(folder).items():
        sums, losses = np.zeros(4), []
        for path in paths[:10]:
            with np.load(path) as file:
                pictures, ground = file["pictures"], file["ground"]
            for at in range(0, len(pictures), 3 if kind == "made" else 2):
                planes, wanted, weight = (part[None] for part in crop(None, pictures[at], ground[at], True))
                said = run(planes)
                losses.append(float(loss_of(said, wanted, weight)))
                matte = pictures[at][32:-32, 32:-32, 4:5][None] > 127
                opened, open_ = (said.numpy() > 0) & matte, (wanted > 0.5) & matte
                sums += [(opened & open_).sum(), (opened | open_).sum(), (opened & ~open_).sum(), (matte & ~open_).sum()]
        if losses:
            told[kind] = (np.mean(losses), sums[0] / max(sums[1], 1), sums[2] / max(sums[3], 1))
    return told


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("data")
    ask.add_argument("out")
    ask.add_argument("--minutes", type=float, default=40)
    ask.add_argument("--start", default="")
    ask.add_argument("--rate", type=float, default=3e-3)
    ask.add_argument("--rendered", type=float, default=0.35, help="share of rendered crops in a batch, once there are some")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--threads", type=int, default=1)
    told = ask.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(told.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    os.makedirs(told.out, exist_ok=True)
    net = network.Network(told.seed)
    if told.start:
        network.load(net, told.start)
    learn(net, told)


def learn(net, told):
    print("parameters:", sum(int(np.prod(layer.kernel.shape)) + int(layer.shift.shape[0]) for layer in net.layers()))
    optimizer = tf.keras.optimizers.AdamW(told.rate, weight_decay=1e-4, clipnorm=1.0)
    variables = net.trainable_variables

    @tf.function
    def step(planes, wanted, weight):
        with tf.GradientTape() as tape:
            loss = loss_of(net(planes, True), wanted, weight)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    even = network.Network(told.seed)

    def settle(share):
        for kept, new in zip(even.variables, net.variables):
            kept.assign(kept + (new - kept) * share)

    settle(1.0)
    run = tf.function(lambda planes: even(planes), input_signature=[tf.TensorSpec([None, None, None, features.CHANNELS])])
    pool = Pool(np.random.default_rng(told.seed), told.data, told.rendered)
    begun, best, count, losses, noted = time.time(), np.inf, 0, [], 0.0
    while True:
        spent = (time.time() - begun) / (60 * told.minutes)
        if count % 25 == 0:
            pool.refresh()
        if spent >= 1 or spent - noted > 0.06:
            noted = spent
            found = judged(run, told.data)
            score = np.mean([loss for loss, _, _ in found.values()])
            text = " ".join(f"{kind}: loss {a:.4f} overlap {b:.3f} wrong {c:.5f}" for kind, (a, b, c) in found.items())
            print(f"{spent:.2f} step {count} train {np.mean(losses[-300:] or [0]):.4f} {text}", flush=True)
            network.save(even, os.path.join(told.out, "last.npz"))
            if score < best:
                best = score
                network.save(even, os.path.join(told.out, "best.npz"))
                network.export(even, os.path.join(told.out, "gaps.onnx"))
        if spent >= 1:
            return
        optimizer.learning_rate.assign(told.rate * min(1, (count + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * spent)) + 1e-6)
        losses.append(float(step(*pool.batch())))
        if count % 10 == 0:
            settle(max(FRESH, 1 / (count / 10 + 1)))
        count += 1


if __name__ == "__main__":
    main()
