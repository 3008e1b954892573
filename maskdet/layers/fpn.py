"""Feature Pyramid Network (Lin et al. 2017), with matterport's layer names."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from maskdet.convolutions.layer import SwiftConv2D


def convolution(
    filters: int, size: int, name: str, separable: bool = False, **kwargs: Any
) -> keras.layers.Layer:
    """A convolution with bias, or its depthwise + 1 x 1 twin of the same name."""
    if separable and size > 1:
        return layers.SeparableConv2D(
            filters,
            size,
            depthwise_initializer="he_uniform",
            pointwise_initializer="he_uniform",
            name=name,
            **kwargs,
        )
    return SwiftConv2D(filters, size, name=name, **kwargs)


def _upsampling(name: str) -> Any:
    return layers.UpSampling2D(2, name=name)


def feature_pyramid(
    stages: list[Any],
    strides: list[int],
    channels: int,
    separable: bool = False,
    upsampling: Callable[[str], Any] = _upsampling,
) -> list[Any]:
    """Levels of one width from a backbone's stages.

    Args:
        stages: C1..C5, each (B, H, W, C).
        strides: pixels a cell of the wanted levels, [4, 8, 16, 32, 64] or [8, 16, 32, 64]; the last
            is C5's level halved once more.
        channels: width of every level.
        separable: 3 x 3 convolutions as depthwise + 1 x 1.
        upsampling: maker of the layer of that name that doubles a map by repeating its cells.

    Returns:
        The levels, finest first, each (B, image / stride, image / stride, channels).
    """
    first = strides[0].bit_length() - 1
    level = layers.Conv2D(channels, 1, name="fpn_c5p5")(stages[4])
    merged = {5: level}
    for number in range(4, first - 1, -1):
        larger = upsampling(f"fpn_p{number + 1}upsampled")(merged[number + 1])
        lateral = layers.Conv2D(channels, 1, name=f"fpn_c{number}p{number}")(stages[number - 1])
        merged[number] = layers.Add(name=f"fpn_p{number}add")([larger, lateral])
    levels = [
        convolution(channels, 3, f"fpn_p{number}", separable, padding="same")(merged[number])
        for number in range(first, 6)
    ]
    coarsest = layers.MaxPooling2D(1, 2, name="fpn_p6")(levels[-1])
    return [*levels, coarsest]


def lateral_levels(stages: list[Any], strides: list[int], channels: int) -> list[Any]:
    """Levels of one width from a backbone that holds a pyramid of its own: 1 x 1 convolutions.

    Args:
        stages: C1..C5, each (B, H, W, C).
        strides: pixels a cell of the wanted levels, such as [8, 16, 32].
        channels: width of every level.

    Returns:
        The levels, finest first, each (B, image / stride, image / stride, channels).
    """
    numbers = [stride.bit_length() - 1 for stride in strides]
    return [
        layers.Conv2D(channels, 1, name=f"fpn_p{number}")(stages[number - 1]) for number in numbers
    ]
