"""Promise: an int8 file spends its values where a SiLU says something."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.exporters.flatbuffer import operator_names, read_model, tensor_name
from maskdet.exporters.quantize import activation_statistics, quantize
from maskdet.exporters.swish import LOWEST, LOWEST_AT, cut_flat_ranges, flat_below
from tests.exporters.lite_files import lite_file


def swish(x):
    return x / (1.0 + np.exp(-np.asarray(x, np.float64)))


@given(st.floats(1e-4, 10.0))
def test_nothing_that_a_step_can_show_lies_below_the_cut(step):
    cut = flat_below(step)
    below = np.linspace(cut - 30.0, cut, 500)
    assert (np.abs(swish(below)) <= step / 2 + 1e-9).all()
    # Nor is it cut further down than needed.
    assert cut == LOWEST_AT or swish(cut + 0.01) < -step / 2


def test_the_smallest_value_is_where_it_is_said_to_be():
    x = np.linspace(-10, 10, 200_001)
    assert swish(x).min() == pytest.approx(LOWEST, abs=1e-4)
    assert x[swish(x).argmin()] == pytest.approx(LOWEST_AT, abs=1e-3)


@pytest.fixture(scope="module")
def content():
    """``wide`` goes through a SiLU alone; ``shared`` through one and beside it; ``gated`` is
    multiplied by another's sigmoid."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input(batch_shape=(1, 6, 6, 3), name="image")
    wide = layers.Conv2D(8, 1, kernel_initializer="he_normal", name="wide")(image)
    wide = wide * keras.ops.sigmoid(wide)
    shared = layers.Conv2D(8, 1, kernel_initializer="he_normal", name="shared")(wide)
    gated = layers.Conv2D(8, 1, kernel_initializer="he_normal", name="gated")(wide)
    both = shared * keras.ops.sigmoid(shared)
    outputs = {"a": both + shared, "b": gated * keras.ops.sigmoid(layers.Dense(8)(wide))}
    return lite_file(keras.Model({"image": image}, outputs))


@pytest.fixture(scope="module")
def seen(content):
    draws = np.random.default_rng(0)
    samples = [{"image": 40 * draws.normal(size=(1, 6, 6, 3)).astype(np.float32)} for _ in range(4)]
    return samples, activation_statistics(content, samples, 1)


def test_only_what_a_silu_alone_reads_is_cut(content, seen):
    model, (_, statistics) = read_model(content), seen
    ranges = dict(statistics.ranges)
    cut_flat_ranges(model, ranges)
    graph = model.subgraphs[0]
    convolutions = [
        tensor_name(graph, int(operator.outputs[0]))
        for operator, kind in zip(graph.operators, operator_names(model), strict=True)
        if kind == "CONV_2D"
    ]
    changed = {name for name in ranges if ranges[name] != statistics.ranges[name]}
    assert len(changed) == 1 and changed <= {n for n in convolutions if "wide" in n}
    (name,) = changed
    low, high = ranges[name]
    assert statistics.ranges[name][0] < low < 0 and high == statistics.ranges[name][1]


def test_integers_are_nearer_to_the_network(content, seen, monkeypatch):
    from ai_edge_litert.interpreter import Interpreter

    samples, statistics = seen

    def run(file):
        interpreter = Interpreter(model_content=file)
        interpreter.allocate_tensors()
        results = []
        for sample in samples:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample["image"])
            interpreter.invoke()
            results += [
                interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()
            ]
        return np.concatenate([r.ravel() for r in results])

    def error():
        return np.square(run(quantize(content, statistics, "nothing", {})) - run(content)).mean()

    cut = error()
    monkeypatch.setattr("maskdet.exporters.quantize.cut_flat_ranges", lambda *arguments: None)
    assert cut < 0.8 * error()
