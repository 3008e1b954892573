"""Region Proposal Network: one small head for every pyramid level (Ren et al. 2015)."""

from typing import Any

import keras
from keras import layers, ops

from maskdet.backbones.yolox import decoupled_head
from maskdet.compute_dtype import computing_in
from maskdet.layers.fpn import convolution


def build_rpn_model(
    anchor_stride: int,
    anchors_per_location: int,
    depth: int,
    channels: int = 512,
    separable: bool = False,
) -> keras.Model:
    """The head as a model of its own, so that all levels share its weights.

    Args:
        anchor_stride: cells between anchors.
        anchors_per_location: number of anchor shapes.
        depth: channels of a level.
        channels: channels of the shared convolution.
        separable: the shared convolution as depthwise + 1 x 1.

    Returns:
        Model "rpn_model": level (B, H, W, depth) -> logits (B, anchors, 2), scores (B, anchors, 2),
        deltas (B, anchors, 4); per cell the anchors in ratio order.
    """
    computed = keras.config.dtype_policy().compute_dtype
    level = keras.Input((None, None, depth), dtype=computed, name="input_rpn_feature_map")
    outputs = rpn_head(level, anchor_stride, anchors_per_location, channels, separable)
    return keras.Model(level, outputs, name="rpn_model")


def rpn_head(
    level: Any,
    anchor_stride: int,
    anchors_per_location: int,
    channels: int = 512,
    separable: bool = False,
) -> list[Any]:
    """Logits, scores and deltas of one level; see :func:`build_rpn_model`."""
    shared = convolution(
        channels,
        3,
        "rpn_conv_shared",
        separable,
        padding="same",
        activation="relu",
        strides=anchor_stride,
    )(level)
    small = keras.initializers.RandomNormal(stddev=0.01)
    with computing_in("float32"):
        logits = layers.Conv2D(2 * anchors_per_location, 1, name="rpn_class_raw")(shared)
        logits = layers.Reshape((-1, 2), name="rpn_class_logits_reshape")(logits)
        scores = layers.Activation("softmax", name="rpn_class_xxx")(logits)
        deltas = layers.Conv2D(
            4 * anchors_per_location, 1, kernel_initializer=small, name="rpn_bbox_pred"
        )(shared)
        deltas = layers.Reshape((-1, 4), name="rpn_bbox_reshape")(deltas)
    return [logits, scores, deltas]


def run_on_levels(rpn: keras.Model, levels: list[Any]) -> tuple[Any, Any, Any]:
    """Logits, scores and deltas of all levels, joined along the anchors, finest level first."""
    outputs = [rpn(level) for level in levels]
    logits, scores, deltas = (
        layers.Concatenate(axis=1, dtype="float32", name=name)([output[i] for output in outputs])
        for i, name in enumerate(["rpn_class_logits", "rpn_class", "rpn_bbox"])
    )
    return logits, scores, deltas


def anchor_free_rpn(maps: list[Any], train_bn: bool | None = False) -> tuple[Any, Any, Any]:
    """YOLOX's head without classes as the RPN: one box a cell, no weights shared between levels.

    Args:
        maps: finest first, (B, H, W, C) each.
        train_bn: see Config.TRAIN_BN.

    Returns:
        As :func:`run_on_levels`, with the cells as anchors: logits (B, A, 2), those of background
        all zero; scores (B, A, 2); deltas (B, A, 4).
    """
    _, deltas, objectness = decoupled_head(maps, 0, train_bn, prefix="rpn_head")
    with computing_in("float32"):
        rows = layers.Concatenate(axis=1, name="rpn_cells")(
            [layers.Reshape((-1, 1), name=f"rpn_cells{n}")(x) for n, x in enumerate(objectness, 3)]
        )  # (B, A, 1)
        logits = ops.pad(rows, [[0, 0], [0, 0], [1, 0]])  # (B, A, 2)
        scores = layers.Activation("softmax", name="rpn_class")(logits)
        boxes = layers.Concatenate(axis=1, name="rpn_bbox")(
            [layers.Reshape((-1, 4), name=f"rpn_bbox{n}")(x) for n, x in enumerate(deltas, 3)]
        )
    return logits, scores, boxes
