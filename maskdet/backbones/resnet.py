"""ResNet 50 and 101 under matterport's layer names, so that its weight files fit.

Bottleneck blocks with the stride on the first 1 x 1 convolution, biases in every convolution, batch
norms as layers of their own (He et al., "Deep Residual Learning for Image Recognition", 2015).
"""

from typing import Any

from keras import layers

from maskdet.backbones.batch_norm import BatchNorm
from maskdet.errors import ConfigError

_REPEATS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}


def resnet(
    input_tensor: Any,
    architecture: str = "resnet50",
    train_bn: bool | None = False,
    stage5: bool = True,
) -> list[Any]:
    """Build the network on a tensor of images.

    Args:
        input_tensor: (B, H, W, C), RGB minus the mean pixel, not divided.
        architecture: "resnet50" or "resnet101".
        train_bn: handed to the batch norms as their ``training``: False freezes their statistics,
            None moves them in training only, True uses the batch's own always.
        stage5: False leaves out C5, which is None then.

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
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="conv1_pool")(x)
    features: list[Any] = [x]
    for stage, repeats in enumerate(_REPEATS[architecture], start=2):
        if stage == 5 and not stage5:
            return [*features, None]
        for index in range(repeats):
            x = _bottleneck(x, stage, index, train_bn)
        features.append(x)
    return features


def _bottleneck(x: Any, stage: int, index: int, train_bn: bool | None) -> Any:
    width = 64 * 2 ** (stage - 2)
    block = f"{stage}{chr(ord('a') + index)}"
    stride = 2 if index == 0 and stage > 2 else 1
    shortcut = x
    x = layers.Conv2D(width, 1, strides=stride, name=f"res{block}_branch2a")(x)
    x = layers.ReLU(name=f"res{block}_relu1")(_norm(f"bn{block}_branch2a", x, train_bn))
    x = layers.Conv2D(width, 3, padding="same", name=f"res{block}_branch2b")(x)
    x = layers.ReLU(name=f"res{block}_relu2")(_norm(f"bn{block}_branch2b", x, train_bn))
    x = layers.Conv2D(width * 4, 1, name=f"res{block}_branch2c")(x)
    if index == 0:
        project = layers.Conv2D(width * 4, 1, strides=stride, name=f"res{block}_branch1")
        shortcut = project(shortcut)
    x = _norm(f"bn{block}_branch2c", x, train_bn)
    if index == 0:
        shortcut = _norm(f"bn{block}_branch1", shortcut, train_bn)
    x = layers.Add(name=f"res{block}_add")([x, shortcut])
    return layers.ReLU(name=f"res{block}_out")(x)


def _norm(name: str, x: Any, train_bn: bool | None) -> Any:
    return BatchNorm(train_bn, name=name)(x)
