"""Guards: weights that PyTorch's networks learned find the pixels under them that they learned by:
padding the same on all sides, and the activations those networks have."""

import keras
import numpy as np
import pytest

from maskdet.backbones.layers import ConvNorm


def by_loops(inputs, kernel, stride, margin, depthwise):
    """PyTorch's Conv2d(stride, padding=margin) over one image (H, W, C), window by window."""
    side = kernel.shape[0]
    padded = np.pad(inputs, [(margin, margin), (margin, margin), (0, 0)])
    rows = (padded.shape[0] - side) // stride + 1
    columns = (padded.shape[1] - side) // stride + 1
    outputs = []
    for y in range(rows):
        for x in range(columns):
            window = padded[y * stride : y * stride + side, x * stride : x * stride + side]
            if depthwise:
                outputs.append((window * kernel[..., 0]).sum(axis=(0, 1)))
            else:
                outputs.append(np.einsum("hwc,hwco->o", window, kernel))
    return np.array(outputs).reshape(rows, columns, -1)


def layer_of(filters, side, stride=1, channels=3, **settings):
    layer = ConvNorm(filters, side, strides=stride, centred=True, **settings)
    layer.build((None, None, None, channels))
    draws = np.random.default_rng(1)
    kernel, gamma, beta, mean, variance = layer.get_weights()
    layer.set_weights(
        [
            draws.normal(size=kernel.shape),
            draws.normal(size=gamma.shape),
            draws.normal(size=beta.shape),
            draws.normal(size=mean.shape),
            draws.uniform(0.5, 2, variance.shape),
        ]
    )
    return layer


@pytest.mark.parametrize("shape", [(8, 8), (9, 7), (6, 9)], ids=str)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("filters", "side", "stride"),
    [(4, 1, 1), (4, 3, 1), (4, 3, 2), (4, 5, 2), (None, 3, 1), (None, 3, 2), (None, 5, 2)],
)
def test_odd_windows_stand_in_the_middle(filters, side, stride, training, shape):
    layer = layer_of(filters, side, stride)
    inputs = np.random.default_rng(2).normal(size=(1, *shape, 3)).astype("f4")
    kernel, gamma, beta, mean, variance = layer.get_weights()
    plain = by_loops(inputs[0], kernel, stride, side // 2, filters is None)
    expected = (plain - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    outputs = keras.ops.convert_to_numpy(layer(inputs, training=training))
    np.testing.assert_allclose(outputs[0], expected, atol=1e-4)
    assert layer.compute_output_shape(inputs.shape) == outputs.shape


def test_the_norm_of_a_training_sees_the_same_windows():
    layer = layer_of(4, 3, 2, train_bn=True)
    inputs = np.random.default_rng(2).normal(size=(1, 8, 8, 3)).astype("f4")
    kernel, gamma, beta, *_ = layer.get_weights()
    plain = by_loops(inputs[0], kernel, 2, 1, False)
    mean, variance = plain.mean(axis=(0, 1)), plain.var(axis=(0, 1))
    expected = (plain - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    outputs = keras.ops.convert_to_numpy(layer(inputs, training=True))
    np.testing.assert_allclose(outputs[0], expected, atol=1e-4)


def test_yolox_stem_has_two_pixels_on_each_side():
    """6 x 6 at every other pixel, the published stem's 3 x 3 over cells of 2 x 2."""
    layer = layer_of(4, 6, 2)
    inputs = np.random.default_rng(2).normal(size=(1, 8, 12, 3)).astype("f4")
    kernel, gamma, beta, mean, variance = layer.get_weights()
    plain = by_loops(inputs[0], kernel, 2, 2, False)
    expected = (plain - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(inputs))[0], expected, atol=1e-4)


def test_padding_of_tensorflow_is_another():
    """At an even side and every other pixel SAME has no margin at the top and on the left."""
    ours, theirs = layer_of(1, 3, 2, 1), ConvNorm(1, 3, strides=2)
    theirs.build((None, None, None, 1))
    weights = [np.zeros((3, 3, 1, 1)), np.ones(1), np.zeros(1), np.zeros(1), np.full(1, 0.999)]
    weights[0][1, 1] = 1  # what lies in the middle of the window
    inputs = np.arange(16, dtype="f4").reshape(1, 4, 4, 1)
    found = []
    for layer in (ours, theirs):
        layer.set_weights(weights)
        found.append(keras.ops.convert_to_numpy(layer(inputs))[0, :, :, 0].round(3).tolist())
    assert found == [[[0, 2], [8, 10]], [[5, 7], [13, 15]]]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        # x / (1 + e^-x)
        ("silu", [-0.142278, -0.268941, 0, 0.731059, 3.928055]),
        # x * min(max(x + 3, 0), 6) / 6
        ("hard_swish", [0, -1 / 3, 0, 2 / 3, 4]),
    ],
)
def test_activations_by_hand(activation, expected):
    layer = ConvNorm(1, 1, activation=activation)
    layer.build((None, None, None, 1))
    weights = [np.ones((1, 1, 1, 1)), np.ones(1), np.zeros(1), np.zeros(1), np.full(1, 0.999)]
    layer.set_weights(weights)
    inputs = np.array([-3, -1, 0, 1, 4], "f4").reshape(1, 1, 5, 1)
    outputs = keras.ops.convert_to_numpy(layer(inputs)).reshape(-1)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_a_layer_comes_back_from_its_config():
    layer = ConvNorm(4, 3, strides=2, activation="silu", centred=True, momentum=0.97)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert (again.centred, again.activation, again.momentum) == (True, "silu", 0.97)
