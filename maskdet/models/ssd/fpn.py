"""SSD on a feature pyramid, with heads that all levels share (Lin et al. 2017, RetinaNet).

As the TF Object Detection API builds its "SSD FPN", and with depthwise convolutions "FPN-lite": a
level that goes down is the one that was smoothed, further levels are made by steps of 2, and the
heads' convolutions are the same for all levels, while each level has batch norms of its own.
"""

from typing import Any

from keras import initializers, layers

from maskdet.backbones.batch_norm import BatchNorm
from maskdet.backbones.registry import get_backbone
from maskdet.models.ssd.anchors import anchors_per_cell, pyramid_levels
from maskdet.models.ssd.config import DEEPEST_STAGE, SsdConfig
from maskdet.models.ssd.units import MOMENTUM, predictor, unit

# Window of the pyramid's convolutions.
_WINDOW = 3
#: Layers that all levels share are called "head0_...", those of one level by its number.
SHARED = "head0"


def pyramid_outputs(image: Any, config: SsdConfig) -> list[tuple[str, Any, Any]]:
    """What the heads say of each cell of an image (B, H, W, 3), scaled.

    Returns:
        For each level, finest first: how its layers' names begin; deltas (B, h, w, anchors * 4);
        class logits (B, h, w, anchors * classes with the background first).
    """
    maps = pyramid_maps(image, config)
    anchors = anchors_per_cell(config)[0]
    deltas = _last(f"{SHARED}_deltas", anchors * 4, config)
    logits = _last(f"{SHARED}_class_logits", anchors * config.NUM_CLASSES, config)
    if config.FPN_SHARED_TOWER:
        box_tower = class_tower = _Tower("", config)
    else:
        box_tower, class_tower = _Tower("deltas_", config), _Tower("class_logits_", config)
    outputs = []
    for level, features in zip(pyramid_levels(config), maps, strict=True):
        name = f"head{level}"
        boxes = box_tower(features, name)
        classes = boxes if class_tower is box_tower else class_tower(features, name)
        outputs.append((name, _through(deltas, boxes), _through(logits, classes)))
    return outputs


def pyramid_maps(image: Any, config: SsdConfig) -> list[Any]:
    """The pyramid's levels, finest first, each (B, H / stride, W / stride, FPN_CHANNELS)."""
    numbers = pyramid_levels(config)
    deepest = min(numbers[-1], DEEPEST_STAGE)
    stages = get_backbone(config.BACKBONE).build(image, train_bn=config.TRAIN_BN)
    x = stages[deepest - 1]
    if config.FPN_TOP_CHANNELS:
        x = unit(x, f"fpn{deepest}_top", config.FPN_TOP_CHANNELS, 1, 1, config)
    levels = {deepest: _lateral(x, deepest, config)}
    for number in range(deepest - 1, numbers[0] - 1, -1):
        larger = layers.UpSampling2D(2, name=f"fpn{number}_larger")(levels[number + 1])
        lateral = _lateral(stages[number - 1], number, config)
        x = layers.Add(name=f"fpn{number}_sum")([larger, lateral])
        levels[number] = _smoothed(x, f"fpn{number}_smooth", 1, config)
    for number in range(deepest + 1, numbers[-1] + 1):
        levels[number] = _smoothed(levels[number - 1], f"fpn{number}_coarse", 2, config)
    return [levels[number] for number in numbers]


def _lateral(x: Any, number: int, config: SsdConfig) -> Any:
    return layers.Conv2D(config.FPN_CHANNELS, 1, name=f"fpn{number}_lateral")(x)


def _smoothed(x: Any, name: str, stride: int, config: SsdConfig) -> Any:
    if config.SEPARABLE_HEADS:
        x = _depthwise(f"{name}_depthwise", stride)(x)
        return unit(x, name, config.FPN_CHANNELS, 1, 1, config)
    return unit(x, name, config.FPN_CHANNELS, _WINDOW, stride, config)


def _depthwise(name: str, stride: int = 1) -> layers.Layer:
    """Nothing stands between it and the 1 x 1 convolution behind it."""
    return layers.DepthwiseConv2D(
        _WINDOW,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=initializers.VarianceScaling(2.0, "fan_out"),
        name=name,
    )


def _last(name: str, channels: int, config: SsdConfig) -> list[layers.Layer]:
    """The layers from a tower to its numbers, made once for all levels."""
    if config.SEPARABLE_HEADS:
        return [_depthwise(f"{name}_depthwise"), predictor(name, channels, 1, config)]
    return [predictor(name, channels, config.HEAD_KERNEL, config)]


def _through(made: list[layers.Layer], x: Any) -> Any:
    for layer in made:
        x = layer(x)
    return x


class _Tower:
    """Convolutions before the predictor: made once, each level with norms of its own.

    Args:
        kind: between "head" with its number and the layer's name.
    """

    def __init__(self, kind: str, config: SsdConfig) -> None:
        self.kind, self.config = kind, config
        self.convolutions = [
            self._convolution(f"{SHARED}_{kind}conv{number}")
            for number in range(1, config.FPN_HEAD_LAYERS + 1)
        ]

    def _convolution(self, name: str) -> list[layers.Layer]:
        separable = self.config.SEPARABLE_HEADS
        wide = layers.Conv2D(
            self.config.FPN_HEAD_CHANNELS,
            1 if separable else self.config.HEAD_KERNEL,
            padding="same",
            use_bias=False,
            kernel_initializer=initializers.VarianceScaling(2.0, "fan_out"),
            name=name,
        )
        return [_depthwise(f"{name}_depthwise"), wide] if separable else [wide]

    def __call__(self, x: Any, level: str) -> Any:
        """Features (B, h, w, FPN_HEAD_CHANNELS) of a map; names begin with ``level``."""
        for number, convolution in enumerate(self.convolutions, start=1):
            x = _through(convolution, x)
            name = f"{level}_{self.kind}norm{number}"
            x = BatchNorm(self.config.TRAIN_BN, momentum=MOMENTUM, name=name)(x)
            x = layers.ReLU(6.0, name=f"{level}_{self.kind}relu{number}")(x)
        return x
