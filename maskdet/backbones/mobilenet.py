"""MobileNetV2 (Sandler et al., 2018), the network of keras.applications in folded layers.

Built of :class:`~maskdet.backbones.layers.ConvNorm` instead of taken from there, because a frozen
batch norm then costs nothing and its statistics cannot move; the weights are the same.
"""

from typing import Any

from maskdet.backbones.efficientnet_lite import BlockGroup, narrowed, round_channels, widened
from maskdet.backbones.layers import ConvNorm
from maskdet.errors import ConfigError

_GROUPS = (
    BlockGroup(1, 3, 1, 1, 16, 1),
    BlockGroup(2, 3, 2, 6, 24, 2),
    BlockGroup(3, 3, 2, 6, 32, 3),
    BlockGroup(4, 3, 2, 6, 64, 4),
    BlockGroup(4, 3, 1, 6, 96, 3),
    BlockGroup(5, 3, 2, 6, 160, 3),
    BlockGroup(5, 3, 1, 6, 320, 1),
)
#: Widths that ImageNet weights are published for.
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
# keras.applications has 0.999: a training of minutes would end before the statistics are its own.
_MOMENTUM = 0.99
_TOP_CHANNELS = 1280


def mobilenet_v2(
    input_tensor: Any, alpha: float = 1.0, train_bn: bool | None = False, pair: bool = False
) -> list[Any]:
    """Build the network on a tensor of images.

    Args:
        input_tensor: (B, H, W, 3) RGB, ``(pixel - 127.5) / 127.5``.
        alpha: factor of all channels.
        train_bn: False freezes the statistics of batch norms; None or True train them.
        pair: give the two maps that single-shot detectors look at (Sandler et al., section 6.2).

    Returns:
        ``[C1, C2, C3, C4, C5]`` with strides 2, 4, 8, 16, 32, each the last features of that
        stride (alpha 1: 16, 24, 32, 96, 320 channels); the 1280 channels of the classifier are left
        out. With ``pair`` the widened features of the first block of stage 5, whose stride is still
        16 (576 channels), and those 1280 channels, of stride 32.

    Raises:
        ConfigError: if ``alpha`` is not positive.
    """
    if not alpha > 0:
        raise ConfigError(f"alpha is {alpha!r}; MobileNetV2 needs a factor such as 0.5 or 1.0.")
    norm: dict[str, Any] = {"train_bn": train_bn is not False, "momentum": _MOMENTUM}
    x = ConvNorm(
        round_channels(32 * alpha), 3, strides=2, activation="relu6", name="stage1_stem", **norm
    )(input_tensor)
    features: dict[int, Any] = {}
    finest: dict[int, Any] = {}  # of each stage: still with the stride of the one before
    index = 0
    for group in _GROUPS:
        for repeat in range(group.repeats):
            name = f"stage{group.stage}_block{index}"
            wide = widened(x, name, expansion=group.expansion, **norm)
            finest.setdefault(group.stage, wide)
            x = narrowed(
                wide,
                x,
                name,
                channels=round_channels(group.channels * alpha),
                kernel_size=group.kernel_size,
                stride=group.stride if repeat == 0 else 1,
                **norm,
            )
            index += 1
        features[group.stage] = x
    if pair:
        top = round_channels(_TOP_CHANNELS * alpha)
        x = ConvNorm(top, 1, activation="relu6", name="stage5_top", **norm)(x)
        return [finest[5], x]
    return [features[stage] for stage in range(1, 6)]
