"""MobileNetV1 (Howard et al., 2017) in folded layers, the trunk of the first mobile detectors."""

from typing import Any

from maskdet.backbones.layers import ConvNorm
from maskdet.errors import ConfigError

# (stage, stride, channels) of the thirteen pairs of a depthwise and a 1 x 1 convolution.
_PAIRS = (
    (1, 1, 64),
    (2, 2, 128),
    (2, 1, 128),
    (3, 2, 256),
    (3, 1, 256),
    (4, 2, 512),
    *((4, 1, 512),) * 5,
    (5, 2, 1024),
    (5, 1, 1024),
)
_STEM_CHANNELS = 32
# The least that a width leaves of any layer's channels, as published detectors have it.
_LEAST_CHANNELS = 16
_MOMENTUM = 0.99


def mobilenet_v1(input_tensor: Any, alpha: float = 1.0, train_bn: bool | None = False) -> list[Any]:
    """Build the network on a tensor of images.

    Args:
        input_tensor: (B, H, W, 3) RGB, ``(pixel - 127.5) / 127.5`` or, for the quantised detector
            of 2018, ``(pixel - 128) / 128``.
        alpha: factor of all channels.
        train_bn: False freezes the statistics of batch norms; None or True train them.

    Returns:
        ``[C1, C2, C3, C4, C5]`` with strides 2, 4, 8, 16, 32, each the last features of that
        stride (alpha 1: 64, 128, 256, 512, 1024 channels).

    Raises:
        ConfigError: if ``alpha`` is not positive.
    """
    if not alpha > 0:
        raise ConfigError(f"alpha is {alpha!r}; MobileNetV1 needs a factor such as 0.75 or 1.0.")

    def unit(x: Any, name: str, channels: int | None, size: int, stride: int) -> Any:
        return ConvNorm(
            None if channels is None else max(int(channels * alpha), _LEAST_CHANNELS),
            size,
            strides=stride,
            activation="relu6",
            train_bn=train_bn is not False,
            momentum=_MOMENTUM,
            name=name,
        )(x)

    x = unit(input_tensor, "stage1_stem", _STEM_CHANNELS, 3, 2)
    features: dict[int, Any] = {}
    for number, (stage, stride, channels) in enumerate(_PAIRS, start=1):
        x = unit(x, f"stage{stage}_pair{number}_depthwise", None, 3, stride)
        x = unit(x, f"stage{stage}_pair{number}_pointwise", channels, 1, 1)
        features[stage] = x
    return [features[stage] for stage in range(1, 6)]
