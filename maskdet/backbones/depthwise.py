"""Depthwise convolution with gradients that are fast on a CPU."""

from typing import Any

from keras import ops


def depthwise_convolution(inputs: Any, kernel: Any, stride: int = 1, training: bool = False) -> Any:
    """Each channel convolved with a filter of its own, TensorFlow's SAME padding.

    Args:
        inputs: (B, H, W, C).
        kernel: (k, k, C, 1).
        stride: step of the window, the same both ways.
        training: whether gradients will be asked for.

    Returns:
        (B, ceil(H / stride), ceil(W / stride), C).
    """
    return ops.depthwise_conv(inputs, kernel, strides=stride, padding="same")
