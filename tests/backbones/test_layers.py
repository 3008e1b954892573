"""Promise: ConvNorm computes convolution, batch norm and activation, folded or not, and a frozen
norm never moves its statistics."""

import keras
import numpy as np
import pytest
from keras import ops

from maskdet.backbones.layers import ConvNorm
from maskdet.errors import ConfigError

KINDS = [(4, 1, 1), (4, 3, 2), (None, 3, 1), (None, 5, 2)]


def _filled(layer: ConvNorm, channels: int = 6) -> ConvNorm:
    if not layer.built:
        layer.build((None, None, None, channels))
    random = np.random.default_rng(4)
    for weight in layer.weights:
        values = random.normal(size=weight.shape)
        weight.assign(np.abs(values) + 0.5 if weight.name == "moving_variance" else values)
    return layer


def _inputs(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape).astype("float32")


def _reference(layer: ConvNorm, inputs: np.ndarray, mean, variance) -> np.ndarray:
    convolve = ops.depthwise_conv if layer.depthwise else ops.conv
    outputs = convolve(inputs, layer.kernel, strides=layer.strides, padding="same")
    if mean is None:
        mean, variance = ops.moments(outputs, axes=(0, 1, 2))
    outputs = (outputs - mean) / ops.sqrt(variance + layer.epsilon) * layer.gamma + layer.beta
    clipped = {None: lambda x: x, "relu": ops.relu, "relu6": ops.relu6}[layer.activation](outputs)
    return ops.convert_to_numpy(clipped)


@pytest.mark.parametrize("activation", [None, "relu", "relu6"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("filters", "side", "stride"), KINDS)
def test_frozen_norm_is_folded_exactly(filters, side, stride, training, activation):
    layer = _filled(ConvNorm(filters, side, strides=stride, activation=activation))
    inputs = _inputs(2, 9, 8, 6)
    expected = _reference(layer, inputs, layer.moving_mean, layer.moving_variance)
    outputs = ops.convert_to_numpy(layer(inputs, training=training))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(inputs.shape) == outputs.shape


@pytest.mark.parametrize(("filters", "side", "stride"), KINDS)
def test_trained_norm_takes_the_batch_and_moves_its_statistics(filters, side, stride):
    layer = _filled(ConvNorm(filters, side, strides=stride, train_bn=True, momentum=0.75))
    inputs = _inputs(2, 9, 8, 6)
    before = layer.get_weights()[3:]
    outputs = ops.convert_to_numpy(layer(inputs, training=True))
    np.testing.assert_allclose(outputs, _reference(layer, inputs, None, None), rtol=1e-3, atol=1e-3)

    convolve = ops.depthwise_conv if layer.depthwise else ops.conv
    raw = convolve(inputs, layer.kernel, strides=stride, padding="same")
    mean, variance = (ops.convert_to_numpy(x) for x in ops.moments(raw, axes=(0, 1, 2)))
    np.testing.assert_allclose(
        layer.moving_mean, 0.75 * before[0] + 0.25 * mean, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        layer.get_weights()[4],
        0.75 * before[1] + 0.25 * variance,
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("frozen", ["train_bn", "trainable"])
def test_frozen_statistics_are_bit_equal_after_training(frozen):
    image = keras.Input((8, 8, 3))
    layer = ConvNorm(4, 3, activation="relu6", train_bn=frozen == "trainable", name="frozen")
    layer.trainable = frozen != "trainable"
    model = keras.Model(image, keras.layers.Dense(1)(layer(image)))
    _filled(layer, 3)
    before = [np.array(weight) for weight in layer.get_weights()]
    model.compile(keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    model.fit(_inputs(4, 8, 8, 3), np.ones((4, 8, 8, 1), "float32"), epochs=2, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True)]
    trained = frozen == "train_bn"
    assert moved == [trained, trained, trained, False, False]  # kernel, gamma, beta, mean, variance


def test_gradients_through_the_fold_are_those_of_the_unfolded_norm():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow")
    layer = _filled(ConvNorm(4, 3, strides=2, activation="relu6"))
    inputs = _inputs(2, 9, 8, 6)
    weights = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        folded = tape.gradient(tf.reduce_sum(layer(inputs, training=True) ** 2), weights)
    with tf.GradientTape() as tape:
        outputs = tf.nn.conv2d(inputs, weights[0], 2, "SAME")
        outputs = (outputs - layer.moving_mean) / tf.sqrt(layer.moving_variance + layer.epsilon)
        outputs = tf.nn.relu6(outputs * weights[1] + weights[2])
        plain = tape.gradient(tf.reduce_sum(outputs**2), weights)
    for found, expected in zip(folded, plain, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_config_round_trip_and_weight_names():
    layer = ConvNorm(
        None, 5, strides=2, activation="relu", train_bn=True, epsilon=1e-5, momentum=0.9, name="x"
    )
    again = ConvNorm.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    _filled(again)
    names = [weight.name for weight in again.weights]
    assert names == ["kernel", "gamma", "beta", "moving_mean", "moving_variance"]
    assert [tuple(weight.shape) for weight in again.weights] == [(5, 5, 6, 1)] + [(6,)] * 4


def test_mixed_precision_keeps_its_type_and_norms_in_float32():
    layer = _filled(ConvNorm(4, 3, activation="relu6", dtype="mixed_bfloat16"))
    assert keras.backend.standardize_dtype(layer(_inputs(1, 4, 4, 6)).dtype) == "bfloat16"
    assert layer.gamma.dtype == "float32"


def test_unknown_activation():
    with pytest.raises(ConfigError, match="activation of layer 'c' must be .* Received: 'swish'"):
        ConvNorm(4, 3, activation="swish", name="c")
