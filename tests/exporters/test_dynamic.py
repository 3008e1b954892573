"""Promise: the first layer of an int8 file works in integers and keeps its small channels."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from maskdet import YOLOX
from maskdet.exporters.flatbuffer import operator_names, read_model, tensor_name
from maskdet.exporters.quantize import activation_statistics, quantize
from tests.exporters.conftest import photos
from tests.exporters.lite_files import lite_file
from tests.exporters.test_layer_list import SmallYolox

SMALL, LARGE = 0.001, 1.0


@pytest.fixture(scope="module")
def content():
    """One convolution of grey levels, whose first four channels are a thousandth of the others."""
    keras.utils.set_random_seed(1)
    image = keras.Input(batch_shape=(1, 16, 16, 3), name="image")
    layer = keras.layers.Conv2D(8, 3, name="uneven", padding="same")
    # The converter calls a file's outputs after no layer, so that the layer must not be the last.
    network = keras.Model({"image": image}, {"map": keras.layers.MaxPooling2D()(layer(image))})
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * np.repeat([SMALL, LARGE], 4), bias])
    return lite_file(network)


@pytest.fixture(scope="module")
def samples():
    draws = np.random.default_rng(0)
    return [{"image": draws.integers(0, 256, (1, 16, 16, 3)).astype(np.float32)} for _ in range(4)]


def first_convolution(content):
    """Number formats of what the first convolution reads, of its weights, and of what it gives."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(content)
    graph = model.subgraphs[0]
    operator = graph.operators[operator_names(model).index("CONV_2D")]
    formats = {number: name for name, number in vars(schema.TensorType).items()}
    ends = (*operator.inputs[:2], operator.outputs[0])
    return [formats[graph.tensors[int(i)].type] for i in ends], tensor_name(
        graph, int(operator.outputs[0])
    )


def results(content, samples):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    maps = []
    for sample in samples:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample["image"])
        interpreter.invoke()
        maps.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(maps)


def test_small_channels_keep_their_values_in_integers(content, samples):
    seen = activation_statistics(content, samples, 1)
    exact = results(content, samples)

    def relative_error(dynamic_layers, float_layers):
        file = quantize(content, seen, float_layers, {}, dynamic_layers)
        error = results(file, samples) - exact
        return np.sqrt(np.square(error).mean(axis=(0, 1, 2)) / exact.var(axis=(0, 1, 2)))

    dynamic = relative_error("uneven", "uneven")
    assert 0 < dynamic.max() < 0.02  # its weights are rounded, and nothing else is
    assert relative_error("", "nothing")[:4].min() > 10 * dynamic.max()


def test_its_rounded_weights_shift_no_mean(content, samples, monkeypatch):
    """Grey levels have a mean, through which errors of weights shine unless they cancel out."""
    seen = activation_statistics(content, samples, 1)
    exact = results(content, samples)

    def shift():
        file = quantize(content, seen, "uneven", {}, "uneven")
        shifts = (results(file, samples) - exact).mean(axis=(0, 1, 2)) / exact.std(axis=(0, 1, 2))
        return np.abs(shifts).mean()

    corrected = shift()
    monkeypatch.setattr("maskdet.exporters.quantize.correct_rounding", lambda *arguments: None)
    assert corrected < 0.3 * shift()


def test_a_layer_is_dynamic_only_where_it_is_said(content, samples):
    seen = activation_statistics(content, samples, 1)
    formats = ["FLOAT32", "INT8", "FLOAT32"]
    assert first_convolution(quantize(content, seen, "uneven", {}, "uneven"))[0] == formats
    assert first_convolution(quantize(content, seen, "uneven", {}))[0] == ["FLOAT32"] * 3


def test_an_exported_file_reads_bytes_with_integers(tmp_path):
    model = YOLOX(mode="inference", config=SmallYolox(), model_dir=str(tmp_path))
    path = tmp_path / "small.tflite"
    model.export(path, "int8", calibration=photos(2), verify=False, progress=False)
    formats, name = first_convolution(path.read_bytes())
    assert "stage1_focus" in name
    assert formats == ["FLOAT32", "INT8", "FLOAT32"]
