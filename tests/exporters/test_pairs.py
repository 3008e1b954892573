"""Promise: a file whose first layer reads pixels by pairs gives what it gave before."""

import keras
import numpy as np
import pytest

from maskdet.exporters import flatbuffer
from maskdet.exporters.flatbuffer import operator_names, pack_model, read_model
from maskdet.exporters.pairs import pair_pixels
from tests.exporters.lite_files import lite_file


def first_layer(window, channels=3, width=12, **options):
    keras.utils.set_random_seed(window)
    image = keras.Input(batch_shape=(1, 8, width, channels), name="image")
    maps = keras.layers.Conv2D(5, window, bias_initializer="normal", **options)(image)
    return lite_file(keras.Model({"image": image}, {"maps": maps}))


def outputs(content):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    image = np.random.default_rng(3).integers(0, 256, detail["shape"]).astype(np.float32)
    interpreter.set_tensor(detail["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("window", [2, 3, 6, 7])
@pytest.mark.parametrize("channels", [1, 3])
def test_maps_are_the_same(window, channels):
    content = first_layer(window, channels, strides=2, padding="same")
    model = read_model(content)
    assert pair_pixels(model)
    assert operator_names(model)[:2] == ["RESHAPE", "CONV_2D"]
    window_of_pairs = model.subgraphs[0].tensors[int(model.subgraphs[0].operators[1].inputs[1])]
    assert list(window_of_pairs.shape) == [5, window, (window + 1) // 2, 2 * channels]
    paired = outputs(pack_model(model))
    expected = outputs(content)
    np.testing.assert_allclose(paired, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    "options",
    [
        {"window": 5, "strides": 2, "padding": "same"},  # pairs would begin between two others
        {"window": 4, "strides": 2, "padding": "same"},
        {"window": 3, "strides": 2, "padding": "valid"},
        {"window": 3, "strides": 1, "padding": "same"},
        {"window": 3, "strides": 2, "padding": "same", "width": 11},
        {"window": 3, "strides": 2, "padding": "same", "channels": 8},
    ],
)
def test_other_layers_stay(options):
    content = first_layer(**options)
    model = read_model(content)
    assert not pair_pixels(model)
    np.testing.assert_array_equal(outputs(pack_model(model)), outputs(content))


def test_a_constant_that_shares_its_values_is_changed_alone():
    """A bias of 0 and an NMS's sigma are one buffer for the converter; only the bias may move."""
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.buffers, model.subgraphs = [schema.BufferT()], [graph]
    model.buffers[0].data = np.zeros(4, np.uint8)
    graph.tensors = [schema.TensorT() for _ in range(2)]
    for tensor in graph.tensors:
        tensor.buffer, tensor.shape, tensor.type = 0, np.array([1]), schema.TensorType.FLOAT32
    flatbuffer.store_constant(model, 1, np.array([-0.5]))
    assert flatbuffer.constant(model, 0) == [0.0]
    assert flatbuffer.constant(model, 1) == [-0.5]
    flatbuffer.store_constant(model, 1, np.array([2.0]))
    assert len(model.buffers) == 2  # now it has one of its own
