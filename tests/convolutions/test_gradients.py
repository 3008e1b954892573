"""Promise: the quick gradients of the backbones' convolutions are those of the plain operations."""

import keras
import numpy as np
import pytest

from maskdet.convolutions.depthwise import depthwise_convolution
from maskdet.convolutions.place import on_tensorflow_cpu
from maskdet.convolutions.pointwise import pointwise_convolution

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the quick gradients are TensorFlow's"
)


def _normal(seed: int, *shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def _gradients(function, inputs, weights):
    """Outputs and gradients of a fixed random functional of them, in a graph as fit runs it."""

    @tf.function
    def run(inputs, *weights):
        with tf.GradientTape() as tape:
            tape.watch((inputs, weights))
            outputs = function(inputs, *weights)
            loss = tf.reduce_sum(outputs * _normal(9, *outputs.shape))
        return outputs, *tape.gradient(loss, (inputs, *weights))

    return [value.numpy() for value in run(inputs, *weights)]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [3, 5, 7])
@pytest.mark.parametrize("shape", [(9, 12), (8, 8), (3, 10), (2, 1)])
def test_depthwise_gradients_are_those_of_the_stock_operation(shape, side, stride):
    inputs, kernel = _normal(1, 2, *shape, 6), _normal(2, side, side, 6, 1)
    quick = _gradients(
        lambda x, k: depthwise_convolution(x, k, stride, training=True), inputs, [kernel]
    )
    stock = _gradients(
        lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, stride, stride, 1], "SAME"), inputs, [kernel]
    )
    for found, expected in zip(quick, stock, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_pointwise_gradients_are_those_of_the_stock_operations():
    inputs, kernel, bias = _normal(1, 2, 5, 7, 6), _normal(2, 1, 1, 6, 4), _normal(3, 4)
    quick = _gradients(
        lambda x, k, b: pointwise_convolution(x, k, b, training=True), inputs, [kernel, bias]
    )
    stock = _gradients(
        lambda x, k, b: tf.nn.bias_add(tf.nn.conv2d(x, k, 1, "SAME"), b), inputs, [kernel, bias]
    )
    assert [value.shape for value in quick] == [(2, 5, 7, 4), (2, 5, 7, 6), (1, 1, 6, 4), (4,)]
    for found, expected in zip(quick, stock, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_one_row_and_one_filter_by_hand():
    # Inputs 1 2 3 in a row, filter of 5 with a one in the middle: the outputs are the inputs, and
    # the filter's gradient for all-one upstream sums what each tap saw: 1, 1+2, 1+2+3, 2+3, 3.
    inputs = tf.reshape(tf.constant([1.0, 2.0, 3.0]), (1, 1, 3, 1))
    kernel = tf.reshape(tf.one_hot(12, 25), (5, 5, 1, 1))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        outputs = depthwise_convolution(inputs, kernel, training=True)
    gradient = tape.gradient(outputs, kernel)
    np.testing.assert_array_equal(outputs.numpy().ravel(), [1, 2, 3])
    np.testing.assert_array_equal(gradient[2, :, 0, 0], [1, 3, 6, 5, 3])
    np.testing.assert_array_equal(gradient[0, :, 0, 0], np.zeros(5))


def test_unknown_sizes_take_the_plain_way():
    image = keras.Input((None, None, 4))
    outputs = depthwise_convolution(image, np.ones((5, 5, 4, 1), "float32"), training=True)
    assert outputs.shape == (None, None, None, 4)


def test_the_quick_way_is_taken_on_a_cpu():
    assert on_tensorflow_cpu() == (not tf.config.list_physical_devices("GPU"))
