"""Promise: an int8 file's last layers give the same bits whatever order a processor adds in."""

import keras
import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.exporters.exact_sums import make_sums_exact, short_range, short_step
from maskdet.exporters.flatbuffer import constant, operator_names, read_model, tensor_name
from maskdet.exporters.quantize import Statistics, activation_statistics, quantize
from tests.exporters.lite_files import layer_of, lite_file

FLOAT, INT8 = 0, 9  # of the schema's TensorType
FLOAT_LAYERS = "head_"


def layer(kind, *arguments, **options):
    return kind(*arguments, kernel_initializer="he_normal", bias_initializer="normal", **options)


@pytest.fixture(scope="module")
def content():
    """Integer layers ``body``, ``side``, ``deep`` and ``mid``, and the heads that read them.

    ``side`` feeds ``head_map``; ``deep``, as another shape, ``head_dense``; ``mid`` ``head_mid``.
    ``head_last`` reads ``head_dense``, which stays in floats.
    """
    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input(batch_shape=(1, 4, 4, 3), name="image")
    body = layer(layers.Conv2D, 8, 3, padding="same", activation="relu", name="body")(image)
    deep = layers.DepthwiseConv2D(
        3, padding="same", activation="relu", bias_initializer="normal", name="deep"
    )(body)
    side = layer(layers.Conv2D, 8, 1, activation="relu", name="side")(body)
    head_map = layer(layers.Conv2D, 5, 1, name="head_map")(side)
    dense = layer(layers.Dense, 6, activation="relu", name="head_dense")(
        layers.Flatten(name="flat")(deep)
    )
    last = layer(layers.Dense, 2, name="head_last")(dense)
    mid = layer(layers.Dense, 4, activation="relu", name="mid")(layers.Flatten(name="other")(body))
    head_mid = layer(layers.Dense, 4, name="head_mid")(mid)
    # Another shape behind each head, as the converter calls a file's outputs by names of its own.
    outputs = {
        "map": layers.Reshape((16, 5))(head_map),
        "last": layers.Reshape((2, 1))(last),
        "mid": layers.Reshape((2, 2))(head_mid),
    }
    return lite_file(keras.Model({"image": image}, outputs))


@pytest.fixture(scope="module")
def seen(content):
    draws = np.random.default_rng(0)
    samples = [{"image": draws.normal(size=(1, 4, 4, 3)).astype(np.float32)} for _ in range(4)]
    return activation_statistics(content, samples, 1)


def operators_of(model):
    """By layer: (operator, input's name, indices of weights and bias)."""
    graph = model.subgraphs[0]
    by_layer = {}
    for operator, kind in zip(graph.operators, operator_names(model), strict=True):
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            name = layer_of(tensor_name(graph, int(operator.outputs[0])))
            source = tensor_name(graph, int(operator.inputs[0]))
            kernel, bias = int(operator.inputs[1]), int(operator.inputs[2])
            by_layer[name] = (operator, source, kernel, bias)
    return by_layer


@pytest.fixture(scope="module")
def prepared(content, seen):
    model, ranges = read_model(content), dict(seen.ranges)
    make_sums_exact(model, ranges, FLOAT_LAYERS)
    return model, ranges


def input_step(ranges, name):
    return (ranges[name][1] - ranges[name][0]) / 255


def steps_of(weights):
    """The power of two of each output channel."""
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    return 2.0 ** np.ceil(np.log2(largest / 127))


def is_whole(values):
    return np.abs(values - np.rint(values)).max() < 1e-6


def sums_in_float32(numbers, orders):
    """The bits of sums of float32 numbers, added one by one in each order."""
    totals = set()
    for order in orders:
        total = np.float32(0)
        for number in numbers[order]:
            total = np.float32(total + number)
        totals.add(total.tobytes())
    return totals


@pytest.mark.parametrize("name", ["head_map", "head_mid"])
def test_any_order_of_adding_gives_the_same_bits(content, seen, prepared, name):
    draws = np.random.default_rng(3)
    model, ranges = prepared
    _, source, kernel, bias = operators_of(model)[name]
    weights, offsets = constant(model, kernel), constant(model, bias)
    weights = weights.reshape(len(weights), -1)  # (out, in)
    orders = [draws.permutation(weights.shape[1] + 1) for _ in range(60)]
    for _ in range(20):
        levels = draws.integers(0, 256, weights.shape[1])
        values = np.float32(ranges[source][0] + levels * input_step(ranges, source))
        for row, offset in zip(weights, offsets, strict=True):
            assert len(sums_in_float32(np.append(row * values, offset), orders)) == 1
    # Without the rounding they differ, so that this test can fail.
    floats = read_model(content)
    weights, offsets = constant(floats, kernel), constant(floats, bias)
    weights = weights.reshape(len(weights), -1)
    values = np.float32(levels * input_step(seen.ranges, source))
    sums = [
        len(sums_in_float32(np.append(row * values, offset), orders))
        for row, offset in zip(weights, offsets, strict=True)
    ]
    assert max(sums) > 1


@pytest.mark.parametrize("name", ["head_map", "head_dense", "head_mid"])
def test_weights_and_biases_are_whole_multiples_of_their_steps(content, prepared, name):
    model, ranges = prepared
    _, source, kernel, bias = operators_of(model)[name]
    weights, offsets = constant(model, kernel), constant(model, bias)
    floats = read_model(content)
    before, offsets_before = constant(floats, kernel), constant(floats, bias)
    steps = steps_of(before)
    columns = steps.reshape(-1, *[1] * (weights.ndim - 1))
    assert is_whole(weights / columns)
    assert np.abs(weights / columns).max() <= 127
    assert (np.abs(weights - before) <= columns / 2 * 1.0001).all()
    assert (np.abs(weights / columns).reshape(len(weights), -1).max(axis=1) > 63).all()
    product = steps * input_step(ranges, source)
    assert is_whole(offsets / product)
    assert (np.abs(offsets - offsets_before) <= product / 2 * 1.0001).all()
    assert (offsets != offsets_before).any()


def test_what_last_layers_read_gets_a_short_step_and_nothing_else_does(seen, prepared):
    _, ranges = prepared
    changed = {name for name in ranges if ranges[name] != seen.ranges[name]}
    assert {layer_of(name) for name in changed} == {"side", "deep", "flat", "mid"}
    for name in changed:
        low, high = seen.ranges[name]
        assert ranges[name] == short_range(low, high)
        assert ranges[name][0] <= low
        assert ranges[name][1] >= high
        assert input_step(ranges, name) == short_step(input_step(ranges, name))


def test_a_tensor_and_its_other_shape_share_one_range(prepared):
    _, ranges = prepared
    by_layer = {layer_of(name): ranges[name] for name in ranges if "/" in name}
    assert by_layer["deep"] == by_layer["flat"]


def test_other_layers_keep_their_weights(content, prepared):
    before, after = read_model(content), prepared[0]
    for name in ("body", "side", "deep", "mid", "head_last"):  # head_last reads floats
        _, _, kernel, bias = operators_of(before)[name]
        np.testing.assert_array_equal(constant(before, kernel), constant(after, kernel))
        np.testing.assert_array_equal(constant(before, bias), constant(after, bias))


@pytest.mark.parametrize(
    ("least", "step"), [(1.0, 1.0), (1.01, 1.125), (1.875, 1.875), (1.9, 2.0), (0.3, 0.3125)]
)
def test_short_steps_by_hand(least, step):
    assert short_step(least) == step


def test_short_ranges_by_hand():
    assert short_range(0.0, 255.0) == (0.0, 255.0)
    assert short_range(3.0, 250.0) == (0.0, 255.0)  # 0 is one of the values
    assert short_range(-10.0, 245.0) == (-10.0, 245.0)
    assert short_range(0.0, 256.0) == (0.0, 255 * 1.125)
    # The lowest step begins below the range, and the last would end before it: a wider step.
    assert short_range(-0.5, 254.5) == (-1.125, -1.125 + 255 * 1.125)
    assert short_range(0.0, 0.0) == (0.0, 0.0)


# ---- the whole way through the quantizer --------------------------------------------------------
@pytest.fixture(scope="module")
def quantized(content, seen):
    return read_model(quantize(content, seen, FLOAT_LAYERS, {"image": (-2.0, 2.0)}))


def scales(model, index):
    return np.asarray(model.subgraphs[0].tensors[index].quantization.scale)


def test_the_file_has_the_steps_that_biases_were_rounded_for(quantized):
    graph = quantized.subgraphs[0]
    makers = {int(o): operator for operator in graph.operators for o in operator.outputs}
    layers = operators_of(quantized)
    for name in ("head_map", "head_dense", "head_mid"):
        operator, _, kernel, bias = layers[name]
        dequantize = makers[int(operator.inputs[0])]
        [step] = scales(quantized, int(dequantize.inputs[0]))
        assert float(step) == short_step(float(step))
        product = steps_of(constant(quantized, kernel)) * float(step)
        assert is_whole(constant(quantized, bias) / product)


def test_last_layers_are_floats_and_the_others_integers_of_a_scale_a_channel(quantized):
    graph = quantized.subgraphs[0]
    for name, (operator, _, kernel, _) in operators_of(quantized).items():
        kinds = {graph.tensors[int(i)].type for i in (operator.inputs[0], kernel)}
        assert kinds == ({FLOAT} if name.startswith("head_") else {INT8}), name
    kernels = [operators_of(quantized)[name][2] for name in ("body", "deep", "mid")]
    assert [len(scales(quantized, kernel)) for kernel in kernels] == [8, 8, 4]
    ends = [int(i) for i in (*graph.inputs, *graph.outputs)]
    assert {graph.tensors[i].type for i in ends} == {FLOAT}


def test_ranges_known_beforehand_take_the_place_of_seen_ones(quantized):
    operator = operators_of(quantized)["body"][0]
    np.testing.assert_allclose(scales(quantized, int(operator.inputs[0])), [4 / 255], rtol=1e-6)


# ---- statistics ---------------------------------------------------------------------------------
def test_constants_get_no_range(content, seen):
    model = read_model(content)
    graph = model.subgraphs[0]
    made = {int(o) for operator in graph.operators for o in operator.outputs}
    made |= {int(i) for i in graph.inputs}
    assert set(seen.ranges) == {tensor_name(graph, i) for i in made}
    assert set(seen.means) == set(seen.ranges)
    for _, _, kernel, bias in operators_of(model).values():
        assert not {tensor_name(graph, kernel), tensor_name(graph, bias)} & set(seen.ranges)


def test_ranges_and_means_are_those_of_all_images(content):
    pictures = [np.full((1, 4, 4, 3), value, np.float32) for value in (0.5, -3.0, 1.0)]
    # The extremes are in different images, neither of them the last.
    pictures[0][0, 0, 0] = [7.0, 1.0, 0.0]
    pictures[1][0, 0, 0] = [0.0, 2.0, -5.0]
    seen = activation_statistics(content, [{"image": picture} for picture in pictures], 1)
    assert seen.images == 3
    assert seen.ranges["image"] == (-5.0, 7.0)
    np.testing.assert_allclose(
        seen.means["image"], np.concatenate(pictures).reshape(-1, 3).mean(axis=0), rtol=1e-6
    )


def test_statistics_without_images_say_what_to_do(content):
    with pytest.raises(UsageError, match="calibration=dataset"):
        activation_statistics(content, [], 1)
    assert Statistics().images == 0


def test_a_layer_that_reads_bytes_keeps_its_weights():
    """A first layer in floats is no last layer: what it reads are no integers of the file."""
    image = keras.Input(batch_shape=(1, 4, 4, 3), dtype="uint8", name="image")
    floats = keras.ops.cast(image, "float32")
    first = layer(keras.layers.Conv2D, 5, 1, name="head_first")(floats)
    outputs = {"map": keras.layers.Reshape((16, 5))(first)}
    model = read_model(lite_file(keras.Model({"image": image}, outputs)))
    graph = model.subgraphs[0]
    (index,) = (
        int(operator.inputs[1])
        for operator, kind in zip(graph.operators, operator_names(model), strict=True)
        if kind == "CONV_2D"
    )
    before = constant(model, index).copy()
    ranges = {tensor_name(graph, i): (0.0, 255.0) for i in range(len(graph.tensors))}
    make_sums_exact(model, ranges, FLOAT_LAYERS)
    np.testing.assert_array_equal(constant(model, index), before)
