"""What SSD's maps and heads are made of."""

import math
from typing import Any

from keras import initializers, layers

from maskdet.backbones.layers import ConvNorm
from maskdet.models.ssd.config import SsdConfig

# Share of anchors that are taken to hold an object of a class before anything is learned (Lin et
# al. 2017, RetinaNet, section 3.3).
_PRIOR = 0.01
#: Share of the old statistics that batch norms of maps and heads keep at each training step.
MOMENTUM = 0.97


def unit(x: Any, name: str, channels: int | None, size: int, stride: int, config: SsdConfig) -> Any:
    """Convolution (depthwise where ``channels`` is None), norm, ReLU6."""
    return ConvNorm(
        channels,
        size,
        strides=stride,
        activation="relu6",
        train_bn=config.TRAIN_BN is not False,
        momentum=MOMENTUM,
        name=name,
    )(x)


def predictor(name: str, channels: int, size: int, config: SsdConfig) -> layers.Layer:
    """A head's last convolution. Classes of their own begin with a hundredth's probability."""
    rare = name.endswith("_class_logits") and config.CLASS_LOSS != "softmax"
    bias = -math.log((1 - _PRIOR) / _PRIOR) if rare else 0.0
    return layers.Conv2D(
        channels,
        size,
        padding="same",
        dtype="float32",
        kernel_initializer=initializers.RandomNormal(stddev=0.01),
        bias_initializer=initializers.Constant(bias),
        name=name,
    )
