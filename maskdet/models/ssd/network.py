"""SSD's networks (Liu et al. 2016): classes and deltas of anchors on maps of falling size."""

import math
from typing import Any

import keras
from keras import initializers, layers, ops

from maskdet.backbones.layers import ConvNorm
from maskdet.backbones.registry import get_backbone
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
from maskdet.models.ssd.targets import AnchorClasses
from maskdet.models.written import BuiltNetwork

# Share of anchors that are taken to hold an object of a class before anything is learned (Lin et
# al. 2017, RetinaNet, section 3.3).
_PRIOR = 0.01
_MOMENTUM = 0.97


def predictions(image: Any, config: SsdConfig) -> tuple[Any, Any]:
    """What the network says of each anchor of an image (B, H, W, 3), scaled.

    Returns:
        Class logits (B, A, classes with the background first); deltas (B, A, 4) dy, dx, log dh,
        log dw, divided by BBOX_STD_DEV; A anchors, finest map first.
    """
    maps = feature_maps(image, config)
    logits: list[Any] = []
    deltas: list[Any] = []
    rare = config.CLASS_LOSS != "softmax"
    for number, (level, anchors) in enumerate(
        zip(maps, anchors_per_cell(config), strict=True), start=1
    ):
        for rows, what, depth in (
            (deltas, "deltas", 4),
            (logits, "class_logits", config.NUM_CLASSES),
        ):
            name = f"head{number}_{what}"
            prior = rare and what == "class_logits"
            x = _prediction(level, name, anchors * depth, config, prior)
            cells = level.shape[1] * level.shape[2]
            rows.append(layers.Reshape((cells * anchors, depth), name=f"{name}_rows")(x))
    joined = [
        layers.Concatenate(axis=1, name=name)(rows) if len(rows) > 1 else rows[0]
        for rows, name in ((logits, "class_rows"), (deltas, "delta_rows"))
    ]
    return joined[0], joined[1]


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
        x = _unit(x, f"extra{number}_narrow", channels // 2, 1, 1, config)
        if config.SEPARABLE_HEADS:
            x = _unit(x, f"extra{number}_depthwise", None, 3, 2, config)
            x = _unit(x, f"extra{number}_wide", channels, 1, 1, config)
        else:
            x = _unit(x, f"extra{number}_wide", channels, 3, 2, config)
        maps.append(x)
    return maps


def _unit(
    x: Any, name: str, channels: int | None, size: int, stride: int, config: SsdConfig
) -> Any:
    """Convolution (depthwise where ``channels`` is None), norm, ReLU6."""
    return ConvNorm(
        channels,
        size,
        strides=stride,
        activation="relu6",
        train_bn=config.TRAIN_BN is not False,
        momentum=_MOMENTUM,
        name=name,
    )(x)


def _prediction(level: Any, name: str, channels: int, config: SsdConfig, rare: bool) -> Any:
    """A head's last convolution; ``rare`` begins with a hundredth's probability of each class."""
    bias = -math.log((1 - _PRIOR) / _PRIOR) if rare else 0.0
    size = config.HEAD_KERNEL
    if config.SEPARABLE_HEADS:
        level = _unit(level, f"{name}_depthwise", None, 3, 1, config)
        size = 1
    return layers.Conv2D(
        channels,
        size,
        padding="same",
        kernel_initializer=initializers.RandomNormal(stddev=0.01),
        bias_initializer=initializers.Constant(bias),
        name=name,
    )(level)


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
