"""The network's shape, and its file: a U of five sizes that says of each pixel how surely ground is seen there."""
import numpy as np
import onnx
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

import features

# Channels on the way down; the last is the bottom.
WIDTHS = (16, 24, 32, 40, 40)
# What the second layer of the bottom looks over.
REACH = 2


class Layer(tf.Module):
    """A convolution of 3 x 3, levelled by its batches while it learns."""

    def __init__(self, rng, inputs, outputs, reach=1, last=False):
        super().__init__()
        spread = np.sqrt(2 / (9 * inputs)) * (0.3 if last else 1)
        self.kernel = tf.Variable(rng.normal(0, spread, (3, 3, inputs, outputs)).astype(np.float32))
        self.shift = tf.Variable(np.full(outputs, -2.0 if last else 0.0, np.float32))
        self.reach, self.last = reach, last
        if not last:
            self.scale = tf.Variable(np.ones(outputs, np.float32))
            self.mean = tf.Variable(np.zeros(outputs, np.float32), trainable=False)
            self.variance = tf.Variable(np.ones(outputs, np.float32), trainable=False)

    def __call__(self, planes, learning):
        out = tf.nn.conv2d(planes, self.kernel, 1, "SAME", dilations=self.reach)
        if self.last:
            return out + self.shift
        if learning:
            out, mean, variance = tf.compat.v1.nn.fused_batch_norm(out, self.scale, self.shift, epsilon=1e-3)
            self.mean.assign_sub((self.mean - mean) * 0.01)
            self.variance.assign_sub((self.variance - variance) * 0.01)
            return tf.nn.relu(out)
        kernel, shift = self.folded()
        return tf.nn.relu(tf.nn.conv2d(planes, kernel, 1, "SAME", dilations=self.reach) + shift)

    def folded(self):
        """Kernel and shift with the levelling in them."""
        if self.last:
            return tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.shift)
        by = self.scale * tf.math.rsqrt(self.variance + 1e-3)
        return self.kernel * by, self.shift - self.mean * by


class Network(tf.Module):
    def __init__(self, seed=1):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.down, inputs = [], features.CHANNELS
        for width in WIDTHS[:-1]:
            self.down.append([Layer(rng, inputs, width), Layer(rng, width, width)])
            inputs = width
        self.bottom = [Layer(rng, inputs, WIDTHS[-1]), Layer(rng, WIDTHS[-1], WIDTHS[-1], REACH)]
        self.up, inputs = [], WIDTHS[-1]
        for width in WIDTHS[-2::-1]:
            self.up.append(Layer(rng, inputs + width, width))
            inputs = width
        self.out = [Layer(rng, inputs, inputs), Layer(rng, inputs, 4, last=True)]

    def layers(self):
        """In the order in which they run."""
        return [layer for pair in self.down for layer in pair] + self.bottom + self.up + self.out

    def __call__(self, planes, learning=False):
        """Before the sigmoid, at full size."""
        seen = []
        for pair in self.down:
            for layer in pair:
                planes = layer(planes, learning)
            seen.append(planes)
            planes = tf.nn.max_pool2d(planes, 2, 2, "SAME")
        for layer in self.bottom:
            planes = layer(planes, learning)
        for layer in self.up:
            beside = seen.pop()
            planes = tf.compat.v1.image.resize_bilinear(planes, tf.shape(beside)[1:3], half_pixel_centers=True)
            planes = layer(tf.concat([planes, beside], 3), learning)
        for layer in self.out:
            planes = layer(planes, learning)
        return tf.nn.depth_to_space(planes, 2)


def save(network, path):
    """Everything that training needs to go on."""
    np.savez(path, *[variable.numpy() for variable in network.variables])


def load(network, path):
    with np.load(path) as kept:
        for at, variable in enumerate(network.variables):
            variable.assign(kept[f"arr_{at}"])


def export(network, path):
    """The network as ONNX: features at half size in, certainty at full size out."""
    graph = _Graph()
    value, seen = "shown", []
    for pair in network.down:
        for layer in pair:
            value = graph.layer(value, layer)
        seen.append(value)
        value = graph.node("MaxPool", [value], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    for layer in network.bottom:
        value = graph.layer(value, layer)
    for layer in network.up:
        beside = seen.pop()
        value = graph.layer(graph.node("Concat", [graph.enlarged(value, beside), beside], axis=1), layer)
    for layer in network.out:
        value = graph.layer(value, layer)
    value = graph.node("Sigmoid", [graph.node("DepthToSpace", [value], blocksize=2, mode="DCR")])
    shown = helper.make_tensor_value_info("shown", TensorProto.FLOAT, [1, features.CHANNELS, "height", "width"])
    open_ = helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, 1, "rows", "columns"])
    made = helper.make_graph(graph.nodes, "gaps", [shown], [open_], graph.stored)
    model = helper.make_model(made, producer_name="plantain", opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model)
    with open(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))


class _Graph:
    def __init__(self):
        self.nodes, self.stored = [], []

    def node(self, kind, inputs, **how):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **how))
        return name

    def keep(self, name, values):
        self.stored.append(numpy_helper.from_array(values, name))
        return name

    def layer(self, value, layer):
        kernel, shift = layer.folded()
        at = len(self.stored)
        weights = self.keep(f"w{at}", np.ascontiguousarray(kernel.numpy().transpose(3, 2, 0, 1)))
        bias = self.keep(f"b{at}", shift.numpy())
        pad = [layer.reach] * 4
        out = self.node("Conv", [value, weights, bias], kernel_shape=[3, 3], pads=pad, dilations=[layer.reach] * 2)
        return out if layer.last else self.node("Relu", [out])

    def enlarged(self, value, beside):
        """`value` at the size of `beside`."""
        shape = self.node("Shape", [beside])
        parts = [self.node("Shape", [value]), shape]
        at = [self.keep(f"i{len(self.stored)}", np.array(span, np.int64)) for span in ([0], [2], [4])]
        sizes = self.node("Concat", [self.node("Slice", [parts[0], at[0], at[1]]),
                                     self.node("Slice", [parts[1], at[1], at[2]])], axis=0)
        return self.node("Resize", [value, "", "", sizes], mode="linear", coordinate_transformation_mode="half_pixel")
