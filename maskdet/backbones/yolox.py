"""YOLOX (Ge et al. 2021): CSPDarknet, its path-aggregating pyramid and its decoupled head.

The Nano is the one that is built here: a detector of 0.91 million parameters whose 3 x 3 layers are
depthwise separable. Layer names say the pyramid stage they belong to, as in the other backbones;
``stage5_neck_...`` is the pyramid, which stands on all stages.
"""

import math
from typing import Any

import keras
from keras import initializers, layers, ops

from maskdet.backbones.layers import ConvNorm

#: Channels of the pyramid's levels, stride 8, 16, 32.
NECK_CHANNELS = (64, 128, 256)
#: Width of the decoupled head's convolutions.
HEAD_CHANNELS = 64
# Strides of the levels that the head looks at.
HEAD_STRIDES = (8, 16, 32)
_STEM_CHANNELS = 16
# (stage, channels, blocks in its cross-stage part)
_STAGES = ((2, 32, 1), (3, 64, 3), (4, 128, 3), (5, 256, 1))
_POOLING_WINDOWS = (5, 9, 13)
#: Logarithm of a box's largest side in cells, which is more than any image has.
LARGEST_LOG_SIZE = 6.0
# Share of cells that are taken to hold an object, or one of a class, before anything is learned.
_PRIOR = 0.01
#: Begins the names of the pyramid's layers.
NECK_PREFIX = "stage5_neck_"
# The published network's batch norms.
_MOMENTUM = 0.97


def yolox_nano(input_tensor: Any, train_bn: bool | None = False) -> list[Any]:
    """Build trunk and pyramid on a tensor of images.

    Args:
        input_tensor: (B, H, W, 3) RGB, ``pixel / 128``; 32 divides the sides.
        train_bn: False freezes the statistics of batch norms; None or True train them.

    Returns:
        ``[C1, C2, P3, P4, P5]`` with strides 2, 4, 8, 16, 32 and 16, 32, 64, 128, 256 channels: the
        trunk's first two maps, then the pyramid's three levels.
    """
    build = _Units(train_bn is not False)
    # "Focus" (pixels of 2 x 2 cells as channels, then 3 x 3) is a 6 x 6 convolution of stride 2.
    x = build.conv(input_tensor, "stage1_focus", _STEM_CHANNELS, 6, 2)
    maps = [x]
    for stage, channels, blocks in _STAGES:
        x = build.separable(x, f"stage{stage}_down", channels, 2)
        if stage == 5:
            x = build.pooled(x, "stage5_spp", channels)
        x = build.cross_stage(x, f"stage{stage}_csp", channels, blocks, shortcut=stage != 5)
        maps.append(x)
    return [*maps[:2], *_neck(maps[2:], build)]


def _neck(maps: list[Any], build: "_Units") -> list[Any]:
    """Path aggregation (Liu et al. 2018): down the pyramid, and up again."""
    small, middle, large = NECK_CHANNELS
    c3, c4, c5 = maps
    top = build.conv(c5, "stage5_neck_lateral5", middle, 1)
    x = build.joined([_doubled(top, "stage5_neck_up5"), c4], "stage5_neck_join4")
    x = build.cross_stage(x, "stage5_neck_down4", middle, 1, shortcut=False)
    between = build.conv(x, "stage5_neck_lateral4", small, 1)
    x = build.joined([_doubled(between, "stage5_neck_up4"), c3], "stage5_neck_join3")
    p3 = build.cross_stage(x, "stage5_neck_p3", small, 1, shortcut=False)
    x = build.separable(p3, "stage5_neck_halve3", small, 2)
    x = build.joined([x, between], "stage5_neck_join_p4")
    p4 = build.cross_stage(x, "stage5_neck_p4", middle, 1, shortcut=False)
    x = build.separable(p4, "stage5_neck_halve4", middle, 2)
    x = build.joined([x, top], "stage5_neck_join_p5")
    p5 = build.cross_stage(x, "stage5_neck_p5", large, 1, shortcut=False)
    return [p3, p4, p5]


def _doubled(x: Any, name: str) -> Any:
    return layers.UpSampling2D(2, name=name)(x)


def decoupled_head(
    levels: list[Any], classes: int, train_bn: bool | None = False, prefix: str = "head"
) -> tuple[list[Any], list[Any], list[Any]]:
    """YOLOX's head on each level, no weights shared between levels.

    Args:
        levels: P3, P4, P5, (B, H, W, C) each.
        classes: objects' classes without background; 0 leaves the branch of classes out.
        train_bn: as in :func:`yolox_nano`.
        prefix: begins the layers' names; a level's number follows.

    Returns:
        Three lists over levels: class logits (B, H, W, classes), of no level if ``classes`` is 0;
        deltas (B, H, W, 4) as dy, dx (from the cell's upper left corner to the box's centre, in
        cells), log dh, log dw (in cells); objectness logits (B, H, W, 1).
    """
    build = _Units(train_bn is not False)
    class_logits, deltas, objectness = [], [], []
    for number, level in enumerate(levels, start=3):
        name = f"{prefix}{number}"
        stem = build.conv(level, f"{name}_stem", HEAD_CHANNELS, 1)
        if classes:
            x = stem
            for index in range(2):
                x = build.separable(x, f"{name}_class{index}", HEAD_CHANNELS, 1)
            class_logits.append(_prediction(x, f"{name}_class_logits", classes, rare=True))
        x = stem
        for index in range(2):
            x = build.separable(x, f"{name}_box{index}", HEAD_CHANNELS, 1)
        bounded = BoundedSizes(dtype="float32", name=f"{name}_deltas_bounded")
        deltas.append(bounded(_prediction(x, f"{name}_deltas", 4)))
        objectness.append(_prediction(x, f"{name}_objectness", 1, rare=True))
    return class_logits, deltas, objectness


def _prediction(x: Any, name: str, channels: int, rare: bool = False) -> Any:
    """One of the head's last convolutions; fresh weights say what is true of most cells: a box of a
    cell's size and, where ``rare``, a hundredth's probability (Lin et al. 2017, RetinaNet)."""
    prior = -math.log((1 - _PRIOR) / _PRIOR) if rare else 0.0
    return layers.Conv2D(
        channels,
        1,
        dtype="float32",
        kernel_initializer=initializers.RandomNormal(stddev=0.01),
        bias_initializer=initializers.Constant(prior),
        name=name,
    )(x)


@keras.saving.register_keras_serializable("maskdet")
class BoundedSizes(keras.layers.Layer):
    """Deltas (B, H, W, 4) whose sides stay numbers, the last two at most LARGEST_LOG_SIZE:
    exponentials are the first to leave them when a training goes astray."""

    def call(self, deltas: Any) -> Any:
        sizes = ops.minimum(deltas[..., 2:], LARGEST_LOG_SIZE)
        return ops.concatenate([deltas[..., :2], sizes], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def plain_layers(self) -> list[Any]:
        """None: boxes of that size are cut to the image anyhow, see :class:`ConvNorm`."""
        return []


class _Units:
    """The network's building blocks, all with one treatment of batch norm."""

    def __init__(self, train_bn: bool) -> None:
        self.train_bn = train_bn

    def conv(self, x: Any, name: str, channels: int | None, size: int, stride: int = 1) -> Any:
        """Convolution (depthwise where ``channels`` is None), norm, SiLU."""
        return ConvNorm(
            channels,
            size,
            strides=stride,
            activation="silu",
            train_bn=self.train_bn,
            momentum=_MOMENTUM,
            centred=True,
            name=name,
        )(x)

    def separable(self, x: Any, name: str, channels: int, stride: int) -> Any:
        """3 x 3 depthwise, then 1 x 1."""
        x = self.conv(x, f"{name}_depthwise", None, 3, stride)
        return self.conv(x, f"{name}_pointwise", channels, 1)

    def cross_stage(self, x: Any, name: str, channels: int, blocks: int, shortcut: bool) -> Any:
        """A cross-stage partial network (Wang et al. 2019): half the width goes through blocks."""
        half = channels // 2
        main = self.conv(x, f"{name}_main", half, 1)
        aside = self.conv(x, f"{name}_aside", half, 1)
        for number in range(blocks):
            block = f"{name}_block{number}"
            y = self.conv(main, f"{block}_narrow", half, 1)
            y = self.separable(y, block, half, 1)
            main = layers.Add(name=f"{block}_add")([y, main]) if shortcut else y
        x = self.joined([main, aside], f"{name}_join")
        return self.conv(x, f"{name}_out", channels, 1)

    def pooled(self, x: Any, name: str, channels: int) -> Any:
        """Spatial pyramid pooling: maxima over growing windows beside the map itself."""
        x = self.conv(x, f"{name}_narrow", channels // 2, 1)
        pools = [
            layers.MaxPooling2D(window, 1, padding="same", name=f"{name}_pool{window}")(x)
            for window in _POOLING_WINDOWS
        ]
        return self.conv(self.joined([x, *pools], f"{name}_join"), f"{name}_out", channels, 1)

    def joined(self, maps: list[Any], name: str) -> Any:
        return layers.Concatenate(name=name)(maps)
