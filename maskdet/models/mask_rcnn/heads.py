"""The heads that look at RoIs: class and box, and mask (He et al. 2017); matterport's names."""

from typing import Any

import keras
from keras import layers, ops

from maskdet.backbones.batch_norm import BatchNorm
from maskdet.layers.fpn import convolution
from maskdet.layers.split_rois import SplitRois
from maskdet.layers.whole_conv import WholeConv2D


def _merge(crops: Any) -> Any:
    """(B, N, h, w, C) -> (B * N, h, w, C)."""
    return ops.reshape(crops, (-1, *crops.shape[2:]))


#: How the heads' batch norms train: (train_bn, momentum), see TRAIN_HEADS_BN, HEADS_BN_MOMENTUM.
NormRule = tuple[bool | None, float]
FROZEN: NormRule = (False, 0.99)


def head_norm(rows: Any, name: str, rule: NormRule) -> Any:
    """The batch norm of that name over a head's rows."""
    train_bn, momentum = rule
    return BatchNorm(train_bn, momentum=momentum, name=name)(rows)


def box_head(crops: Any, classes: int, units: int, norm: NormRule = FROZEN) -> tuple[Any, Any, Any]:
    """Class and box of each RoI.

    Args:
        crops: (B, N, pool, pool, C).
        classes: number of classes with the background.
        units: size of the two hidden layers.
        norm: how batch norms train.

    Returns:
        logits (B, N, classes), scores (B, N, classes), deltas (B, N, classes, 4).
    """
    rows = _merge(crops)
    pool = crops.shape[2]
    rows = WholeConv2D(units, pool, padding="valid", name="mrcnn_class_conv1")(rows)
    rows = ops.relu(head_norm(rows, "mrcnn_class_bn1", norm))
    rows = WholeConv2D(units, 1, name="mrcnn_class_conv2")(rows)
    rows = ops.relu(head_norm(rows, "mrcnn_class_bn2", norm))
    rows = ops.reshape(rows, (-1, units))
    logits = layers.Dense(classes, dtype="float32", name="mrcnn_class_logits")(rows)
    logits = SplitRois((classes,), name="mrcnn_class_logits_rois")([logits, crops])
    scores = layers.Activation("softmax", dtype="float32", name="mrcnn_class")(logits)
    small = keras.initializers.RandomNormal(stddev=0.001)
    deltas = layers.Dense(
        4 * classes, kernel_initializer=small, dtype="float32", name="mrcnn_bbox_fc"
    )(rows)
    deltas = SplitRois((classes, 4), name="mrcnn_bbox")([deltas, crops])
    return logits, scores, deltas


def mask_head(
    crops: Any,
    classes: int,
    convolutions: int = 4,
    channels: int = 256,
    separable: bool = False,
    norm: NormRule = FROZEN,
) -> Any:
    """A mask for every class of each RoI.

    Args:
        crops: (B, N, pool, pool, C).
        classes: number of classes with the background.
        convolutions: 3 x 3 convolutions before the mask is doubled.
        channels: their width.
        separable: each of them as depthwise + 1 x 1.
        norm: how batch norms train.

    Returns:
        (B, N, 2 * pool, 2 * pool, classes), 0..1.
    """
    rows = _merge(crops)
    for number in range(1, convolutions + 1):
        name = f"mrcnn_mask_conv{number}"
        rows = convolution(channels, 3, name, separable, padding="same")(rows)
        rows = ops.relu(head_norm(rows, f"mrcnn_mask_bn{number}", norm))
    rows = layers.Conv2DTranspose(
        channels, 2, strides=2, activation="relu", name="mrcnn_mask_deconv"
    )(rows)
    rows = layers.Conv2D(classes, 1, activation="sigmoid", dtype="float32", name="mrcnn_mask")(rows)
    side = 2 * crops.shape[2]
    return SplitRois((side, side, classes), name="mrcnn_mask_rois")([rows, crops])
