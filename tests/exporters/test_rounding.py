"""Promise: rounding a network to int8 leaves flat areas and each layer's mean where they were."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from maskdet.exporters.flatbuffer import constant, operator_names, read_model, tensor_name
from maskdet.exporters.quantize import activation_statistics, quantize
from maskdet.exporters.rounding import correct_rounding, rounded, with_room_for_bias
from tests.exporters.lite_files import layer_of, lite_file


def window(*weights):
    """A 2 x 2 window of one channel whose largest weight, 127, makes steps of 1."""
    return np.array(weights, np.float32).reshape(1, 2, 2, 1)


# ---- weights ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("weights", "whole"),
    [
        # The sum is 1.15 too low after rounding: the weight that was nearest to it goes up.
        ((127, 0.3, 0.4, 0.45), (127, 0, 0, 1)),
        ((127, 0.45, 0.3, 0.4), (127, 1, 0, 0)),
        ((127, -0.3, -0.45, -0.4), (127, 0, -1, 0)),
        ((-127, 9.6, 8.55, 3.6), (-127, 10, 8, 4)),
        # Less than half a step: nothing moves.
        ((127, 0.2, 0.1, 0.1), (127, 0, 0, 0)),
        # Weights at the end of the scale stay although others are further from their steps.
        ((127, 126.6, 126.6, 0.0), (127, 127, 127, -1)),
    ],
)
def test_windows_by_hand(weights, whole):
    assert rounded(window(*weights), 0).reshape(-1).tolist() == list(whole)


def test_two_weights_move_where_two_steps_are_missing():
    weights = np.full((1, 3, 3, 1), 0.25, np.float32)
    weights[0, 1, 1, 0] = 127
    weights[0, 0, 0, 0] = weights[0, 2, 2, 0] = 0.375
    new = rounded(weights, 0)
    assert new.sum() == 129  # of 129.25
    assert new[0, 0, 0, 0] == new[0, 2, 2, 0] == 1


def test_each_window_is_for_itself():
    pair = np.concatenate([window(127, 0.3, 0.3, 0.3), window(127, -0.3, -0.3, -0.3)], axis=3)
    new = rounded(pair, 0)
    assert new.sum(axis=(1, 2)).tolist() == [[128, 126]]


@pytest.mark.parametrize("axis", [0, 3])
def test_channels_have_steps_of_their_own(axis):
    draws = np.random.default_rng(0)
    weights = draws.normal(size=(4, 3, 3, 5)).astype(np.float32)
    sizes = 10.0 ** np.arange(weights.shape[axis])
    weights *= np.float32(sizes).reshape([-1 if i == axis else 1 for i in range(4)])
    new = rounded(weights, axis)
    assert new.dtype == np.float32
    others = tuple(i for i in range(4) if i != axis)
    steps = np.abs(weights).max(axis=others, keepdims=True) / 127
    np.testing.assert_allclose(new / steps, np.rint(new / steps), atol=1e-3)
    assert (
        np.abs((new - weights).sum(axis=(1, 2)))
        <= 0.501 * np.broadcast_to(steps, weights.shape)[:, 0, 0]
    ).all()


def test_single_weights_go_to_the_nearest_step():
    weights = np.array([127, 0.4, 0.4, 3.6, -3.6], np.float32).reshape(1, 1, 1, 5)
    assert rounded(weights, 0).reshape(-1).tolist() == [127, 0, 0, 4, -4]


def test_a_channel_of_zeros_stays():
    weights = np.concatenate([np.zeros((1, 2, 2, 1)), window(127, 0, 0, 0)]).astype(np.float32)
    np.testing.assert_array_equal(rounded(weights, 0), weights)


@pytest.mark.parametrize("axis", [0, 3])
def test_a_dead_channel_gets_steps_that_its_bias_fits(axis):
    weights = np.moveaxis(np.zeros((3, 3, 3, 2), np.float32), 0, 0 if axis == 0 else 3)
    by_channel = np.moveaxis(weights, axis, 0)
    by_channel[0, 1, 1, 1] = 0.5
    by_channel[1, 0, 0, 0] = -1e-12
    offsets, input_step = np.array([2.0, -4.6, 0.0], np.float32), 6 / 255
    new = np.moveaxis(with_room_for_bias(weights, offsets, axis, input_step), axis, 0)
    np.testing.assert_array_equal(new[0], by_channel[0])
    np.testing.assert_array_equal(new[2], by_channel[2])
    step = np.abs(new[1]).max() / 127
    assert abs(offsets[1]) / (step * input_step) == pytest.approx(2**29, rel=1e-4)
    assert np.abs(new[1]).max() * 6 < 1e-4 * abs(offsets[1])


def test_a_dead_channel_keeps_its_bias_in_an_int8_file():
    """Told by the file itself: a channel's weights are nothing, its bias is -4.6."""
    image = keras.Input(batch_shape=(1, 4, 4, 3), name="image")
    layer = keras.layers.Conv2D(2, 1, name="logits")
    network = keras.Model({"image": image}, {"y": layer(image)})
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[..., 0] = 0.3
    layer.set_weights([kernel, np.array([1.0, -4.6], np.float32)])
    content = lite_file(network)
    draws = np.random.default_rng(0)
    samples = [{"image": draws.uniform(-1, 1, (1, 4, 4, 3)).astype("f4")} for _ in range(4)]
    content = quantize(content, activation_statistics(content, samples, 1), "no such layer", {})
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], samples[0]["image"])
    interpreter.invoke()
    detail = interpreter.get_output_details()[0]
    np.testing.assert_allclose(interpreter.get_tensor(detail["index"])[..., 1], -4.6, atol=0.05)


# ---- biases -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def content():
    """A convolution, a depthwise one, a dense layer, and a head that stays in floats."""
    keras.utils.set_random_seed(2)
    layers = keras.layers
    image = keras.Input(batch_shape=(1, 4, 4, 3), name="image")
    options = {"activation": "relu", "bias_initializer": "normal"}
    x = layers.Conv2D(8, 3, padding="same", name="conv", **options)(image)
    x = layers.DepthwiseConv2D(3, padding="same", name="deep", **options)(x)
    x = layers.Dense(6, name="dense", **options)(layers.Flatten()(x))
    x = layers.Reshape((2, 1))(layers.Dense(2, name="head", bias_initializer="normal")(x))
    return lite_file(keras.Model({"image": image}, {"y": x}))


def layers_of(model):
    """By layer: the input's name, weights as (out, h, w, in) or (1, h, w, C), and bias."""
    graph = model.subgraphs[0]
    by_layer = {}
    for operator, kind in zip(graph.operators, operator_names(model), strict=True):
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            name = layer_of(tensor_name(graph, int(operator.outputs[0])))
            weights = constant(model, int(operator.inputs[1]))
            weights = weights if weights.ndim == 4 else weights[:, None, None]
            source = tensor_name(graph, int(operator.inputs[0]))
            by_layer[name] = (source, weights, constant(model, int(operator.inputs[2])))
    return by_layer


def corrected(content, means):
    model = read_model(content)
    correct_rounding(model, means, {}, lambda name: "head" in name)
    return layers_of(model)


def mean_output(name, weights, bias, mean):
    """What a layer gives where its whole input is the mean."""
    sums = weights.astype(np.float64).sum(axis=(1, 2)) * mean
    return (sums[0] if name == "deep" else sums.sum(axis=1)) + bias


def test_the_mean_of_each_layers_output_stays(content):
    draws = np.random.default_rng(5)
    before = layers_of(read_model(content))
    means = {source: draws.normal(5, 1, weights.shape[3]) for source, weights, _ in before.values()}
    after = corrected(content, means)
    for name in ("conv", "deep", "dense"):
        source, weights, bias = before[name]
        _, new_weights, new_bias = after[name]
        mean = means[source]
        wanted = mean_output(name, weights, bias, mean)
        np.testing.assert_allclose(
            mean_output(name, new_weights, new_bias, mean), wanted, atol=1e-5, err_msg=name
        )
        # The weights alone would have moved it.
        assert np.abs(mean_output(name, new_weights, bias, mean) - wanted).max() > 1e-3, name
        np.testing.assert_array_equal(new_weights, rounded(weights, 3 if name == "deep" else 0))


def test_a_layer_that_stays_in_floats_is_not_rounded(content):
    before = layers_of(read_model(content))
    means = {source: np.ones(weights.shape[3]) for source, weights, _ in before.values()}
    for old, new in zip(before["head"][1:], corrected(content, means)["head"][1:], strict=True):
        np.testing.assert_array_equal(old, new)


def test_without_a_known_mean_weights_are_rounded_and_the_bias_stays(content):
    before, after = layers_of(read_model(content)), corrected(content, {})
    for name in ("conv", "deep", "dense"):
        np.testing.assert_array_equal(before[name][2], after[name][2])
        assert (before[name][1] != after[name][1]).any()
