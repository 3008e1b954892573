"""Depthwise convolution whose gradients are quick on a CPU too.

TensorFlow's oneDNN kernel for the gradient of the filter is quick for windows up to three wide; for
5 x 5 it takes about three times as long as TensorFlow's own kernel, which explicit padding selects.
"""

from typing import Any

from keras import ops

from maskdet.convolutions.place import on_tensorflow_cpu

_FAST_WIDTH = 3


def depthwise_convolution(
    inputs: Any, kernel: Any, stride: int = 1, training: bool | None = False
) -> Any:
    """Each channel convolved with a filter of its own, TensorFlow's SAME padding.

    Args:
        inputs: (B, H, W, C).
        kernel: (k, k, C, 1).
        stride: step of the window, the same both ways.
        training: whether gradients will be asked for.

    Returns:
        (B, ceil(H / stride), ceil(W / stride), C).
    """
    wide = kernel.shape[1] > _FAST_WIDTH
    if training and wide and None not in inputs.shape[1:] and on_tensorflow_cpu():
        return _with_quick_gradient(inputs, kernel, stride)
    return ops.depthwise_conv(inputs, kernel, strides=stride, padding="same")


def _with_quick_gradient(inputs: Any, kernel: Any, stride: int) -> Any:
    import tensorflow as tf

    strides = [1, stride, stride, 1]
    side = kernel.shape[0]
    rows, columns = (_same_padding(size, side, stride) for size in inputs.shape[1:3])

    @tf.custom_gradient
    def convolve(inputs: Any, kernel: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            to_inputs = tf.nn.depthwise_conv2d_backprop_input(
                tf.shape(inputs), kernel, upstream, strides, "SAME"
            )
            to_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=inputs,
                filter_sizes=tf.shape(kernel),
                out_backprop=upstream,
                strides=strides,
                padding="EXPLICIT",
                explicit_paddings=[0, 0, *rows, *columns, 0, 0],
            )
            return to_inputs, to_kernel

        return tf.nn.depthwise_conv2d(inputs, kernel, strides, "SAME"), gradients

    return convolve(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))


def _same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Pixels before and after that make SAME of one axis."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2
