"""YOLOX's networks (Ge et al. 2021): one box a cell of three maps, no anchors."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from maskdet.backbones.registry import get_backbone
from maskdet.backbones.yolox import HEAD_STRIDES, decoupled_head
from maskdet.compute_dtype import computing_in
from maskdet.errors import ConfigError
from maskdet.layers import box_coding, pyramid
from maskdet.layers.detection import DetectionLayer
from maskdet.models.written import BuiltNetwork
from maskdet.models.yolox.config import YoloxConfig
from maskdet.models.yolox.targets import CellTargets

#: Deltas are not scaled.
BOX_STD = (1.0, 1.0, 1.0, 1.0)


def cells(config: YoloxConfig) -> np.ndarray:
    """What deltas move, float32 (A, 4) y1, x1, y2, x2 in pixels of the input, finest map first.

    Squares of a cell's side around the cell's upper left corner: R-CNN's decoding of these is
    YOLOX's, (delta + cell) * stride and exp(delta) * stride.
    """
    return np.asarray(
        pyramid.pixel_anchors(
            config.input_sides, scales=HEAD_STRIDES, ratios=[1.0], strides=HEAD_STRIDES
        )
    )


def cells_as_shares(config: YoloxConfig) -> np.ndarray:
    """:func:`cells` as shares of the input's sides."""
    return cells(config) / np.array(config.input_sides * 2, dtype=np.float32)


def predictions(image: Any, config: YoloxConfig) -> tuple[Any, Any, Any]:
    """What the network says of each cell of an image (B, H, W, 3), scaled.

    Returns:
        Class logits (B, A, classes without the background); deltas (B, A, 4) dy, dx, log dh,
        log dw; objectness logits (B, A, 1); A cells, finest map first.

    Raises:
        ConfigError: for a backbone without a pyramid.
    """
    backbone = get_backbone(config.BACKBONE)
    if not backbone.neck:
        raise ConfigError(
            f"BACKBONE {backbone.name!r} has no pyramid of its own, which YOLOX looks at; use "
            "'yolox_nano'."
        )
    levels = backbone.build(image, train_bn=config.TRAIN_BN)[2:]
    heads = decoupled_head(levels, config.NUM_CLASSES - 1, config.TRAIN_BN)
    names = ("class_rows", "delta_rows", "object_rows")
    with computing_in("float32"):
        logits, deltas, objectness = (
            _rows(maps, name) for maps, name in zip(heads, names, strict=True)
        )
    return logits, deltas, objectness


def _rows(maps: list[Any], name: str) -> Any:
    """Maps (B, H, W, C) of all levels as rows (B, A, C)."""
    rows = [
        layers.Reshape((level.shape[1] * level.shape[2], level.shape[3]), name=f"{name}{number}")(
            level
        )
        for number, level in enumerate(maps, start=3)
    ]
    return layers.Concatenate(axis=1, name=name)(rows)


def joint_scores(logits: Any, objectness: Any) -> Any:
    """Scores (B, A, classes with the background, which has none) of class and object together."""
    scores = ops.sigmoid(logits) * ops.sigmoid(objectness)
    return ops.pad(scores, [[0, 0], [0, 0], [1, 0]])


def _image_input(config: YoloxConfig) -> Any:
    return keras.Input((*config.input_sides, config.IMAGE_CHANNEL_COUNT), name="input_image")


def build_inference_network(config: YoloxConfig, kernels: str = "auto") -> keras.Model:
    """From images (B, H, W, 3) to rows (B, DETECTION_MAX_INSTANCES, 6).

    Rows: y1, x1, y2, x2 as shares of the input's sides, class id, score; zeros behind the last
    object. Every class of a cell whose score is high enough is an object.
    """
    image = _image_input(config)
    logits, deltas, objectness = predictions(image, config)
    anchors = ops.convert_to_tensor(cells_as_shares(config)[None])
    whole = ops.convert_to_tensor([[0.0, 0.0, 1.0, 1.0]])
    detections = DetectionLayer(
        config.DETECTION_MAX_INSTANCES,
        config.DETECTION_MIN_CONFIDENCE,
        config.DETECTION_NMS_THRESHOLD,
        BOX_STD,
        kernels,
        classes="all",
        candidates=config.DETECTION_CANDIDATES,
        name="detections",
    )([anchors, joint_scores(logits, objectness), deltas, whole])
    return BuiltNetwork([image], detections, name="yolox")


def build_training_network(config: YoloxConfig) -> keras.Model:
    """From images and their objects to predictions and what they should have been.

    Inputs: input_image (B, H, W, 3); input_class_ids (B, M) int32, 0 padding, negative crowds;
    input_boxes (B, M, 4) pixels of the input. Outputs by name: class_logits (B, A, classes),
    object_logits (B, A), boxes (B, A, 4) pixels; match (B, A), target_boxes (B, A, 4) and
    target_classes (B, A, classes) as :class:`CellTargets` gives them.
    """
    image = _image_input(config)
    class_ids = keras.Input((None,), dtype="int32", name="input_class_ids")
    gt_boxes = keras.Input((None, 4), name="input_boxes")
    logits, deltas, objectness = predictions(image, config)
    object_logits = objectness[..., 0]
    boxes = box_coding.decode(ops.convert_to_tensor(cells(config)[None]), deltas)
    targets = CellTargets(cells(config), name="cell_targets")
    match, target_boxes, target_classes = targets(
        [boxes, logits, object_logits, class_ids, gt_boxes]
    )
    outputs = {
        "class_logits": logits,
        "object_logits": object_logits,
        "boxes": boxes,
        "match": match,
        "target_boxes": target_boxes,
        "target_classes": target_classes,
    }
    return BuiltNetwork([image, class_ids, gt_boxes], outputs, name="yolox")
