"""ResNet 50 and 101 under matterport's layer names, so that its weight files fit.

Bottleneck blocks with the stride on the first 1 x 1 convolution, biases in every convolution, batch
norms as layers of their own (He et al., "Deep Residual Learning for Image Recognition", 2015).
"""

from collections.abc import Sequence
from typing import Any

from keras import layers

from maskdet.backbones.batch_norm import BatchNorm
from maskdet.convolutions.layer import SwiftConv2D
from maskdet.errors import ConfigError

_REPEATS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}


def resnet(
    input_tensor: Any,
    architecture: str = "resnet50",
    train_bn: bool | None = False,
    stage5: bool = True,
    ceiling: float | None = None,
) -> list[Any]:
    """Build the network on a tensor of images.

    Args:
        input_tensor: (B, H, W, C), RGB minus the mean pixel, not divided.
        architecture: "resnet50" or "resnet101".
        train_bn: handed to the batch norms as their ``training``: False freezes their statistics,
            None moves them in training only, True uses the batch's own always.
        stage5: False leaves out C5, which is None then.
        ceiling: the most that ReLUs let through; detectors of the TF Object Detection API have 6.

    Returns:
        ``[C1, C2, C3, C4, C5]`` with strides 4, 4, 8, 16, 32 and 64, 256, 512, 1024, 2048 channels.
        C1 comes after the pooling, as the original has it.

    Raises:
        ConfigError: for an unknown architecture.
    """
    if architecture not in _REPEATS:
        raise ConfigError(f"architecture is {architecture!r}; use {' or '.join(_REPEATS)}.")
    x = layers.ZeroPadding2D(3, name="conv1_pad")(input_tensor)
    x = layers.Conv2D(64, 7, strides=2, name="conv1")(x)
    x = _norm("bn_conv1", x, train_bn)
    x = layers.ReLU(ceiling, name="conv1_relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="conv1_pool")(x)
    features: list[Any] = [x]
    for stage, repeats in enumerate(_REPEATS[architecture], start=2):
        if stage == 5 and not stage5:
            return [*features, None]
        width = 64 * 2 ** (stage - 2)
        for index in range(repeats):
            first = index == 0
            x = bottleneck(
                x,
                f"{stage}{chr(ord('a') + index)}",
                (width, width, width * 4),
                strides=2 if first and stage > 2 else 1,
                project=first,
                train_bn=train_bn,
                ceiling=ceiling,
            )
        features.append(x)
    return features


def bottleneck(
    x: Any,
    block: str,
    filters: Sequence[int],
    kernel_size: int = 3,
    strides: int | tuple[int, int] = 1,
    project: bool = False,
    use_bias: bool = True,
    train_bn: bool | None = False,
    ceiling: float | None = None,
) -> Any:
    """One residual block.

    Args:
        x: (B, H, W, C).
        block: stage and letter, such as "2a"; its layers are named by it.
        filters: of the three convolutions.
        kernel_size: of the middle one.
        strides: of the first one, and of the shortcut's.
        project: whether the shortcut has a convolution of its own.
        use_bias: whether convolutions have biases.
        train_bn, ceiling: see :func:`resnet`.
    """
    bias = {"use_bias": use_bias}
    shortcut = x
    x = layers.Conv2D(filters[0], 1, strides=strides, name=f"res{block}_branch2a", **bias)(x)
    x = layers.ReLU(ceiling, name=f"res{block}_relu1")(_norm(f"bn{block}_branch2a", x, train_bn))
    middle = f"res{block}_branch2b"
    x = SwiftConv2D(filters[1], kernel_size, padding="same", name=middle, **bias)(x)
    x = layers.ReLU(ceiling, name=f"res{block}_relu2")(_norm(f"bn{block}_branch2b", x, train_bn))
    x = layers.Conv2D(filters[2], 1, name=f"res{block}_branch2c", **bias)(x)
    if project:
        branch = layers.Conv2D(filters[2], 1, strides=strides, name=f"res{block}_branch1", **bias)
        shortcut = branch(shortcut)
    x = _norm(f"bn{block}_branch2c", x, train_bn)
    if project:
        shortcut = _norm(f"bn{block}_branch1", shortcut, train_bn)
    x = layers.Add(name=f"res{block}_add")([x, shortcut])
    return layers.ReLU(ceiling, name=f"res{block}_out")(x)


def _norm(name: str, x: Any, train_bn: bool | None) -> Any:
    return BatchNorm(train_bn, name=name)(x)
