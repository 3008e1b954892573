"""SSD's networks (Liu et al. 2016): classes and deltas of anchors on maps of falling size."""

import math
from typing import Any

import keras
from keras import layers, ops

from maskdet.backbones.registry import get_backbone
from maskdet.compute_dtype import computing_in
from maskdet.errors import ConfigError
from maskdet.geometry.placement import divisible
from maskdet.layers.detection import DetectionLayer
from maskdet.models.ssd.anchors import (
    TRUNK_STRIDES,
    anchors_as_shares,
    anchors_per_cell,
    pixel_anchors,
)
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.fpn import pyramid_outputs
from maskdet.models.ssd.targets import AnchorClasses
from maskdet.models.ssd.units import predictor, unit
from maskdet.models.written import BuiltNetwork


def predictions(image: Any, config: SsdConfig) -> tuple[Any, Any]:
    """What the network says of each anchor of an image (B, H, W, 3), scaled.

    Returns:
        Class logits (B, A, classes with the background first); deltas (B, A, 4) dy, dx, log dh,
        log dw, divided by BBOX_STD_DEV; A anchors, finest map first.
    """
    outputs = (pyramid_outputs if config.FPN_CHANNELS else _own_heads)(image, config)
    with computing_in("float32"):
        return _joined_rows(outputs, config)


def _joined_rows(outputs: list[tuple[str, Any, Any]], config: SsdConfig) -> tuple[Any, Any]:
    """All maps' numbers as :func:`predictions` returns them."""
    depths = {"deltas": 4, "class_logits": config.NUM_CLASSES}
    rows: dict[str, list[Any]] = {what: [] for what in depths}
    for name, *maps in outputs:
        for (what, depth), numbers in zip(depths.items(), maps, strict=True):
            count = math.prod(numbers.shape[1:]) // depth
            reshape = layers.Reshape((count, depth), name=f"{name}_{what}_rows")
            rows[what].append(reshape(numbers))  # (B, anchors of the map, depth)
    joined = [
        layers.Concatenate(axis=1, name=name)(rows[what]) if len(rows[what]) > 1 else rows[what][0]
        for what, name in (("class_logits", "class_rows"), ("deltas", "delta_rows"))
    ]
    return joined[0], joined[1]


def _own_heads(image: Any, config: SsdConfig) -> list[tuple[str, Any, Any]]:
    """:func:`pyramid_outputs` where each map has heads of its own."""
    outputs = []
    for number, (level, anchors) in enumerate(
        zip(feature_maps(image, config), anchors_per_cell(config), strict=True), start=1
    ):
        name = f"head{number}"
        deltas = _prediction(level, f"{name}_deltas", anchors * 4, config)
        logits = _prediction(level, f"{name}_class_logits", anchors * config.NUM_CLASSES, config)
        outputs.append((name, deltas, logits))
    return outputs


def feature_maps(image: Any, config: SsdConfig) -> list[Any]:
    """The maps that are looked at, finest first: the trunk's last two, and the extra ones.

    Raises:
        ConfigError: if the trunk has a pyramid, whose maps the input's sides do not give evenly.
    """
    trunk = get_backbone(config.BACKBONE)
    if not trunk.neck or divisible(config.input_sides, TRUNK_STRIDES[-1]):
        maps = trunk.build_pair(image, train_bn=config.TRAIN_BN)
    else:
        height, width = config.input_sides
        raise ConfigError(
            f"BACKBONE {trunk.name!r} has a pyramid and needs sides that {TRUNK_STRIDES[-1]} "
            f"divides; IMAGE_MAX_DIM gives {height} x {width}, use 320."
        )
    x = maps[-1]
    for number, channels in enumerate(config.EXTRA_CHANNELS, start=len(maps) + 1):
        x = unit(x, f"extra{number}_narrow", channels // 2, 1, 1, config)
        if config.SEPARABLE_HEADS:
            x = unit(x, f"extra{number}_depthwise", None, 3, 2, config)
            x = unit(x, f"extra{number}_wide", channels, 1, 1, config)
        else:
            x = unit(x, f"extra{number}_wide", channels, 3, 2, config)
        maps.append(x)
    return maps


def _prediction(level: Any, name: str, channels: int, config: SsdConfig) -> Any:
    size = config.HEAD_KERNEL
    if config.SEPARABLE_HEADS:
        level = unit(level, f"{name}_depthwise", None, 3, 1, config)
        size = 1
    return predictor(name, channels, size, config)(level)


def class_scores(logits: Any, config: SsdConfig) -> Any:
    """Probabilities (B, A, classes with the background) of logits."""
    if config.CLASS_LOSS == "softmax":
        return ops.softmax(logits, axis=-1)
    return ops.sigmoid(logits)


def _image_input(config: SsdConfig) -> Any:
    return keras.Input((*config.input_sides, config.IMAGE_CHANNEL_COUNT), name="input_image")


def build_inference_network(config: SsdConfig, kernels: str = "auto") -> keras.Model:
    """From images (B, H, W, 3) to rows (B, DETECTION_MAX_INSTANCES, 6).

    Rows: y1, x1, y2, x2 as shares of the input's sides, class id, score; zeros behind the last
    object. Every class of an anchor whose score is high enough is an object.
    """
    image = _image_input(config)
    logits, deltas = predictions(image, config)
    anchors = ops.convert_to_tensor(anchors_as_shares(config)[None])
    whole = ops.convert_to_tensor([[0.0, 0.0, 1.0, 1.0]])
    detections = DetectionLayer(
        config.DETECTION_MAX_INSTANCES,
        config.DETECTION_MIN_CONFIDENCE,
        config.DETECTION_NMS_THRESHOLD,
        config.BBOX_STD_DEV,
        kernels,
        classes="all",
        candidates=config.DETECTION_CANDIDATES,
        name="detections",
    )([anchors, class_scores(logits, config), deltas, whole])
    return BuiltNetwork([image], detections, name="ssd")


def build_training_network(config: SsdConfig) -> keras.Model:
    """From images and their objects to predictions and what they should have been.

    Inputs: input_image (B, H, W, 3); input_class_ids (B, M) int32, 0 padding, negative crowds;
    input_boxes (B, M, 4) pixels of the input. Outputs by name: class_logits (B, A, classes),
    deltas (B, A, 4); target_classes (B, A) int32 and target_deltas (B, A, 4) as
    :class:`AnchorClasses` gives them.
    """
    image = _image_input(config)
    class_ids = keras.Input((None,), dtype="int32", name="input_class_ids")
    boxes = keras.Input((None, 4), name="input_boxes")
    logits, deltas = predictions(image, config)
    targets = AnchorClasses(
        pixel_anchors(config), config.BBOX_STD_DEV, config.MATCH_IOU, name="anchor_classes"
    )
    target_classes, target_deltas = targets([class_ids, boxes])
    outputs = {
        "class_logits": logits,
        "deltas": deltas,
        "target_classes": target_classes,
        "target_deltas": target_deltas,
    }
    return BuiltNetwork([image, class_ids, boxes], outputs, name="ssd")
