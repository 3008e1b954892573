"""1 x 1 convolution with bias whose gradients are quick on a CPU too.

With oneDNN TensorFlow merges the gradients of kernel and bias into one operation, which takes about
1.7 times as long as two matrix products that give the same numbers. It does not see through this.
"""

from typing import Any

from keras import ops

from maskdet.convolutions.place import on_tensorflow_cpu


def pointwise_convolution(
    inputs: Any, kernel: Any, bias: Any, training: bool | None = False
) -> Any:
    """Every pixel's channels times a matrix, plus a bias.

    Args:
        inputs: (B, H, W, C).
        kernel: (1, 1, C, F).
        bias: (F,).
        training: whether gradients will be asked for.

    Returns:
        (B, H, W, F).
    """
    if training and on_tensorflow_cpu():
        return _with_product_gradient(inputs, kernel, bias)
    return ops.add(ops.conv(inputs, kernel), bias)


def _with_product_gradient(inputs: Any, kernel: Any, bias: Any) -> Any:
    import tensorflow as tf

    @tf.custom_gradient
    def convolve(inputs: Any, kernel: Any, bias: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any, Any]:
            # Reshapes, not indexing: a network has dozens of these, and a slice is four nodes.
            channels, filters = kernel.shape[2:]
            rows = tf.reshape(upstream, [-1, filters])
            matrix = tf.reshape(kernel, [channels, filters])
            products = tf.matmul(rows, matrix, transpose_b=True)
            to_kernel = tf.matmul(tf.reshape(inputs, [-1, channels]), rows, transpose_a=True)
            # A sum over pixels as a product: several threads share it.
            ones = tf.fill(tf.shape(rows) // [1, filters], tf.ones((), rows.dtype))  # (pixels, 1)
            to_bias = tf.matmul(ones, rows, transpose_a=True)
            return (
                tf.reshape(products, tf.shape(inputs)),
                tf.reshape(to_kernel, kernel.shape),
                tf.reshape(to_bias, [filters]),
            )

        outputs = tf.nn.conv2d(inputs, kernel, 1, "VALID")
        return tf.nn.bias_add(outputs, bias), gradients

    return convolve(*(tf.convert_to_tensor(value) for value in (inputs, kernel, bias)))
