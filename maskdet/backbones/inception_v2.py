"""Inception V2 (Ioffe and Szegedy, 2015), the trunk of the larger of the first mobile detectors.

As it was published for detection: ReLU6, and a first convolution that was trained as a depthwise
and a 1 x 1 one without anything between them, which is one 7 x 7 convolution.
"""

from typing import Any, NamedTuple

from keras import layers

from maskdet.backbones.layers import ConvNorm
from maskdet.errors import ConfigError


class Block(NamedTuple):
    """Branches side by side, their channels joined; layers are called after stage and letter.

    Attributes:
        name: stage and letter.
        branches: channels of each branch's convolutions, 1 x 1 the first and 3 x 3 the others; the
            last one halves the map where the block does.
        pool: "average" or "max", what the last branch begins with.
        pooled: channels of the 1 x 1 convolution behind it; 0: none, and the block halves the map.
    """

    name: str
    branches: tuple[tuple[int, ...], ...]
    pool: str
    pooled: int

    @property
    def stage(self) -> int:
        """1 .. 5."""
        return int(self.name[0])


BLOCKS = (
    Block("3b", ((64,), (64, 64), (64, 96, 96)), "average", 32),
    Block("3c", ((64,), (64, 96), (64, 96, 96)), "average", 64),
    Block("4a", ((128, 160), (64, 96, 96)), "max", 0),
    Block("4b", ((224,), (64, 96), (96, 128, 128)), "average", 128),
    Block("4c", ((192,), (96, 128), (96, 128, 128)), "average", 128),
    Block("4d", ((160,), (128, 160), (128, 160, 160)), "average", 96),
    Block("4e", ((96,), (128, 192), (160, 192, 192)), "average", 96),
    Block("5a", ((128, 192), (192, 256, 256)), "max", 0),
    Block("5b", ((352,), (192, 320), (160, 224, 224)), "average", 128),
    Block("5c", ((352,), (192, 320), (192, 224, 224)), "max", 128),
)
# The finest map that detectors look at; the other is the last one.
_FINE_BLOCK = "4c"
_STEM_CHANNELS = (64, 64, 192)
# The least that a width leaves of any layer's channels.
_LEAST_CHANNELS = 16
_MOMENTUM = 0.99


def inception_v2(
    input_tensor: Any, alpha: float = 1.0, train_bn: bool | None = False, pair: bool = False
) -> list[Any]:
    """Build the network on a tensor of images.

    Args:
        input_tensor: (B, H, W, 3) RGB, ``(pixel - 127.5) / 127.5``.
        alpha: factor of all channels.
        train_bn: False freezes the statistics of batch norms; None or True train them.
        pair: give the two maps that single-shot detectors look at.

    Returns:
        ``[C1, C2, C3, C4, C5]`` with strides 2, 4, 8, 16, 32, each the last features of that
        stride (alpha 1: 64, 192, 320, 576, 1024 channels). With ``pair`` those of block 4c (stride
        16, 576 channels) and of the last one.

    Raises:
        ConfigError: if ``alpha`` is not positive.
    """
    if not alpha > 0:
        raise ConfigError(f"alpha is {alpha!r}; Inception V2 needs a factor such as 0.5 or 1.0.")

    def unit(x: Any, name: str, channels: int, size: int, stride: int = 1) -> Any:
        return ConvNorm(
            max(int(channels * alpha), _LEAST_CHANNELS),
            size,
            strides=stride,
            activation="relu6",
            train_bn=train_bn is not False,
            momentum=_MOMENTUM,
            name=name,
        )(x)

    def joined(x: Any, block: Block) -> Any:
        name = f"stage{block.stage}_mixed{block.name}"
        stride = 1 if block.pooled else 2
        branches = []
        for number, widths in enumerate(block.branches):
            branch = x
            for index, channels in enumerate(widths):
                step = stride if index == len(widths) - 1 else 1
                size = 3 if index else 1
                branch = unit(branch, f"{name}_branch{number}_conv{index}", channels, size, step)
            branches.append(branch)
        branch = _pool(x, block.pool, stride, f"{name}_pool")
        if block.pooled:
            branch = unit(branch, f"{name}_branch{len(block.branches)}_conv0", block.pooled, 1)
        return layers.Concatenate(name=f"{name}_join")([*branches, branch])

    stem, narrow, wide = _STEM_CHANNELS
    features = {1: unit(input_tensor, "stage1_stem", stem, 7, 2)}
    x = unit(_pool(features[1], "max", 2, "stage2_pool"), "stage2_narrow", narrow, 1)
    features[2] = unit(x, "stage2_wide", wide, 3)
    x = _pool(features[2], "max", 2, "stage3_pool")
    fine = None
    for block in BLOCKS:
        x = features[block.stage] = joined(x, block)
        fine = x if block.name == _FINE_BLOCK else fine
    return [fine, x] if pair else [features[stage] for stage in range(1, 6)]


def _pool(x: Any, kind: str, stride: int, name: str) -> Any:
    layer = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
    return layer(3, strides=stride, padding="same", name=name)(x)
