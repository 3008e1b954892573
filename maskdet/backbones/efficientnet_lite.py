"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, ReLU6 instead of swish.

Made by Google for phones and boards: every operation is quick there, also quantised. Layer names
say the pyramid stage they belong to: ``stage3_block4_depthwise`` is work done for C3.
"""

import math
from typing import Any, NamedTuple

import keras

from maskdet.backbones.layers import ConvNorm
from maskdet.errors import ConfigError


class BlockGroup(NamedTuple):
    """Repeated inverted residual blocks of one width (a row of the paper's table)."""

    stage: int
    kernel_size: int
    stride: int
    expansion: int
    channels: int
    repeats: int


_GROUPS = (
    BlockGroup(1, 3, 1, 1, 16, 1),
    BlockGroup(2, 3, 2, 6, 24, 2),
    BlockGroup(3, 5, 2, 6, 40, 2),
    BlockGroup(4, 3, 2, 6, 80, 3),
    BlockGroup(4, 5, 1, 6, 112, 3),
    BlockGroup(5, 5, 2, 6, 192, 4),
    BlockGroup(5, 3, 1, 6, 320, 1),
)
#: variant -> (factor of channels, factor of repeats, side of the images it was trained on)
VARIANTS = {"lite0": (1.0, 1.0, 224), "lite1": (1.0, 1.1, 240), "lite2": (1.1, 1.2, 260)}
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280


def efficientnet_lite(
    input_tensor: Any,
    variant: str = "lite0",
    train_bn: bool | None = False,
    include_top: bool = False,
    classes: int = 1000,
    last_row: bool = True,
) -> Any:
    """Build the network on a tensor of images.

    Args:
        input_tensor: (B, H, W, 3) RGB, ``(pixel - 127) / 128``.
        variant: "lite0", "lite1" or "lite2".
        train_bn: False freezes the statistics of batch norms; None or True train them.
        include_top: add the classifier and return its logits.
        classes: of the classifier.
        last_row: False leaves out the last block, which widens 192 channels to 320 for the
            classifier and holds a fifth of all weights: C5 then has 192.

    Returns:
        ``[C1, C2, C3, C4, C5]`` with strides 2, 4, 8, 16, 32, each the last features of that
        stride (Lite0: 16, 24, 40, 112, 320 channels); or logits (B, classes) if ``include_top``.

    Raises:
        ConfigError: for an unknown variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(f"variant is {variant!r}; EfficientNet-Lite has {', '.join(VARIANTS)}.")
    train = train_bn is not False
    stem = ConvNorm(
        _STEM_CHANNELS, 3, strides=2, activation="relu6", train_bn=train, name="stage1_stem"
    )
    x = stem(input_tensor)
    features: dict[int, Any] = {}
    index = 0
    for group in scaled_groups(variant)[: None if last_row else -1]:
        for repeat in range(group.repeats):
            x = inverted_residual(
                x,
                f"stage{group.stage}_block{index}",
                channels=group.channels,
                expansion=group.expansion,
                kernel_size=group.kernel_size,
                stride=group.stride if repeat == 0 else 1,
                train_bn=train,
            )
            index += 1
        features[group.stage] = x
    if not include_top:
        return [features[stage] for stage in range(1, 6)]
    x = efficientnet_lite_top(x, train_bn, name="top_conv")
    x = keras.layers.GlobalAveragePooling2D(name="top_pool")(x)
    return keras.layers.Dense(classes, name="top_logits")(x)


def efficientnet_lite_top(
    c5: Any, train_bn: bool | None = False, name: str = "stage5_top_conv"
) -> Any:
    """The convolution between C5 and the pool of ImageNet's classifier, (B, H, W, 1280).

    Args:
        c5: (B, H, W, 320) of :func:`efficientnet_lite`, or what another variant has there.
        train_bn: as there.
        name: of the layer; by default it counts as a part of stage 5.
    """
    train = train_bn is not False
    return ConvNorm(_HEAD_CHANNELS, 1, activation="relu6", train_bn=train, name=name)(c5)


def inverted_residual(
    x: Any,
    name: str,
    *,
    channels: int,
    expansion: int,
    kernel_size: int,
    stride: int,
    train_bn: bool,
    momentum: float = 0.99,
) -> Any:
    """Widen, filter each channel, narrow; plus the input where shapes allow (MobileNetV2's block).

    Its layers are called ``name`` with ``_expand``, ``_depthwise``, ``_project`` and ``_add``.
    """
    norm: dict[str, Any] = {"train_bn": train_bn, "momentum": momentum}
    wide = widened(x, name, expansion=expansion, **norm)
    return narrowed(
        wide, x, name, channels=channels, kernel_size=kernel_size, stride=stride, **norm
    )


def widened(x: Any, name: str, *, expansion: int, train_bn: bool, momentum: float) -> Any:
    """The first third of :func:`inverted_residual`: ``expansion`` times the channels."""
    if expansion == 1:
        return x
    return ConvNorm(
        x.shape[-1] * expansion,
        1,
        activation="relu6",
        train_bn=train_bn,
        momentum=momentum,
        name=f"{name}_expand",
    )(x)


def narrowed(
    wide: Any,
    inputs: Any,
    name: str,
    *,
    channels: int,
    kernel_size: int,
    stride: int,
    train_bn: bool,
    momentum: float,
) -> Any:
    """The rest of :func:`inverted_residual`, of what :func:`widened` made of ``inputs``."""
    norm: dict[str, Any] = {"train_bn": train_bn, "momentum": momentum}
    depthwise = ConvNorm(
        None, kernel_size, strides=stride, activation="relu6", name=f"{name}_depthwise", **norm
    )
    x = ConvNorm(channels, 1, name=f"{name}_project", **norm)(depthwise(wide))
    if stride == 1 and channels == inputs.shape[-1]:
        x = keras.layers.Add(name=f"{name}_add")([inputs, x])
    return x


def scaled_groups(variant: str) -> list[BlockGroup]:
    """The variant's rows: channels in multiples of eight, first and last row repeat alike."""
    width, depth, _ = VARIANTS[variant]
    last = len(_GROUPS) - 1
    return [
        group._replace(
            channels=round_channels(group.channels * width),
            repeats=group.repeats if row in (0, last) else math.ceil(group.repeats * depth),
        )
        for row, group in enumerate(_GROUPS)
    ]


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of ``divisor``, but never less than nine tenths of ``channels``."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
