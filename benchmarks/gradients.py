"""Milliseconds an image of the gradients that were made quicker, each beside what it replaced.

    python benchmarks/gradients.py [--batch 8]

Single operations at the sizes of the light network (320 pixels), then (not with --quick) the whole
training step of all layers with one of them at a time put back as it was. Prints a table and
appends its rows to benchmarks/gradients.csv with machine, versions and settings.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from common import (
    QUICK_ROUNDS,
    ROUNDS,
    command_line,
    keep_rows,
    median_seconds,
    print_table,
    reference_rate,
)

ROIS = 48
CHANNELS = 64
# Levels P3 .. P5 at 320 pixels.
SIDES = (40, 20, 10)


@dataclass
class Case:
    """An operation done one way; gradients go to its inputs and to the weights it holds."""

    what: str
    way: str
    function: Callable[..., Any]
    inputs: Sequence[Any]
    weights: Sequence[Any] = ()


# ---- operations ---------------------------------------------------------------------------------
def depthwise(batch):
    """5 x 5 depthwise convolution of a map of 20 x 20 x 480."""
    import tensorflow as tf
    from keras import ops

    from maskdet.convolutions.depthwise import depthwise_convolution

    images, kernel = tf.random.normal((batch, 20, 20, 480)), tf.random.normal((5, 5, 480, 1))
    kernel_shape = kernel.shape

    def shifted(images, kernel):
        padded = tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]])  # (B, 24, 24, C)
        places = [(y, x) for y in range(kernel_shape[0]) for x in range(kernel_shape[1])]
        return tf.add_n([padded[:, y : y + 20, x : x + 20] * kernel[y, x, :, 0] for y, x in places])

    what = "5 x 5 depthwise, 20 x 20 x 480"
    inputs = (images, kernel)
    yield Case(what, "oneDNN", lambda i, k: ops.depthwise_conv(i, k, padding="same"), inputs)
    yield Case(what, "maskdet", lambda i, k: depthwise_convolution(i, k, 1, True), inputs)
    yield Case(what, "shifted multiply-and-add", shifted, inputs)


def pointwise(batch):
    """1 x 1 convolution of a map of 40 x 40 x 240 to 40 channels, with bias."""
    import tensorflow as tf

    from maskdet.convolutions.pointwise import pointwise_convolution

    inputs = (
        tf.random.normal((batch, 40, 40, 240)),
        tf.random.normal((1, 1, 240, 40)),
        tf.random.normal((40,)),
    )
    what = "1 x 1, 40 x 40 x 240 to 40"
    yield Case(what, "oneDNN", lambda i, k, b: pointwise_convolution(i, k, b, False), inputs)
    yield Case(what, "maskdet", lambda i, k, b: pointwise_convolution(i, k, b, True), inputs)


def whole_convolution(batch):
    """The box head's convolution as large as its input: 48 RoIs of 7 x 7 x 64 to 128 units."""
    import keras
    import tensorflow as tf

    from maskdet.models.mask_rcnn.heads import WholeConv2D

    crops = tf.random.normal((batch * ROIS, 7, 7, CHANNELS))
    what = f"7 x 7 valid, {ROIS} RoIs x {CHANNELS} to 128"
    for way, kind in (("convolution", keras.layers.Conv2D), ("maskdet", WholeConv2D)):
        layer = kind(128, 7, padding="valid")
        layer.build(crops.shape)
        yield Case(what, way, layer, (crops,), [weight.value for weight in layer.weights])


def roi_align(batch):
    """RoI Align of 48 RoIs from P3 .. P5, 7 x 7 x 64."""
    import numpy as np
    import tensorflow as tf

    from maskdet.layers.kernels import get_kernels

    draws = np.random.default_rng(0)
    corners = draws.uniform(0, 0.6, (batch, ROIS, 2))  # (B, N, 2)
    ends = corners + draws.uniform(0.1, 0.4, corners.shape)
    rois = tf.constant(np.concatenate([corners, ends], axis=2), tf.float32)  # (B, N, 4)
    level = tf.constant(draws.integers(0, len(SIDES), (batch, ROIS)), tf.int32)  # (B, N)
    maps = [tf.random.normal((batch, side, side, CHANNELS)) for side in SIDES]
    what = f"RoI Align, {ROIS} RoIs of 7 x 7 x {CHANNELS}"
    for way, maker in (("four gathers", "portable"), ("maskdet", "native")):
        align = get_kernels(maker).roi_align
        yield Case(what, way, lambda *m, align=align: align(rois, level, list(m), (7, 7)), maps)


OPERATIONS = (depthwise, pointwise, whole_convolution, roi_align)


def operation_rows(batch, rounds):
    """Forward pass, and forward with gradients, of every operation in every way."""
    import tensorflow as tf

    for make in OPERATIONS:
        for case in make(batch):
            forward = tf.function(case.function)
            both = tf.function(gradients_of(case))
            missing = [gradient is None for gradient in both(*case.inputs)]
            assert not any(missing), f"{case.what}, {case.way}: {missing}"
            yield {
                "what": case.what,
                "way": case.way,
                "forward_ms": per_image(forward, case.inputs, batch, rounds),
                "ms_per_image": per_image(both, case.inputs, batch, rounds),
            }


def gradients_of(case):
    """A function from a case's inputs to the gradients of all it depends on."""
    import tensorflow as tf

    def gradients(*values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = case.function(*values)
        # The outputs stand for the gradient that arrives from above.
        return tape.gradient(outputs, [*values, *case.weights], output_gradients=outputs)

    return gradients


def per_image(function, inputs, batch, rounds):
    """Median milliseconds an image."""
    return 1e3 * median_seconds(lambda: function(*inputs), rounds) / batch


# ---- the whole step -----------------------------------------------------------------------------
def unfolded(layer, inputs, training=None):
    """ConvNorm's call with its frozen norm behind the convolution instead of folded into it."""
    from keras import ops

    outputs = layer._convolve(inputs, layer.kernel, None, training)
    scale = layer.gamma * ops.rsqrt(layer.moving_variance + layer.epsilon)
    outputs = outputs * scale + (layer.beta - layer.moving_mean * scale)
    return {None: lambda x: x, "relu": ops.relu, "relu6": ops.relu6}[layer.activation](outputs)


def plain_depthwise(inputs, kernel, stride=1, training=False):
    """depthwise_convolution with the gradient that TensorFlow chooses."""
    from keras import ops

    return ops.depthwise_conv(inputs, kernel, strides=stride, padding="same")


def plain_pointwise(inputs, kernel, bias, training=False):
    """pointwise_convolution with the gradient that TensorFlow chooses."""
    from keras import ops

    return ops.add(ops.conv(inputs, kernel), bias)


def put_back(way):
    """A context in which a network has one thing as it was."""
    from maskdet.backbones import layers

    former = {
        "norms not folded": (layers.ConvNorm, "call", unfolded),
        "oneDNN's 5 x 5 depthwise": (layers, "depthwise_convolution", plain_depthwise),
        "oneDNN's 1 x 1": (layers, "pointwise_convolution", plain_pointwise),
    }
    return mock.patch.object(*former[way]) if way in former else contextlib.nullcontext()


WAYS = ("maskdet", "oneDNN's 1 x 1", "oneDNN's 5 x 5 depthwise", "norms not folded")


def step_rows(batch, rounds):
    """A training step of all layers, and the network's way forward."""
    import tensorflow as tf
    from training_step import TrainingStep, light_config

    for way in WAYS:
        with put_back(way):
            step = TrainingStep(light_config(batch), "all")
            forward = tf.function(lambda x, model=step.model: model(x, training=True))
            yield {
                "what": "training step, all layers",
                "way": way,
                "forward_ms": per_image(forward, (step.inputs,), batch, rounds),
                "ms_per_image": per_image(step, (), batch, rounds),
            }


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args()
    rounds = QUICK_ROUNDS if args.quick else ROUNDS
    rate = reference_rate(rounds)
    rows = list(operation_rows(args.batch, rounds))
    if not args.quick:
        rows += step_rows(args.batch, rounds)
    for row in rows:
        row["equivalent_gflop"] = row["ms_per_image"] / 1e3 * rate
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    print_table(rows, ["what", "way", "forward_ms", "ms_per_image", "equivalent_gflop"])
    settings = {"batch": args.batch, "conv_gflops": round(rate, 1)}
    keep_rows(args, [{**settings, **row} for row in rows])


if __name__ == "__main__":
    main()
