"""Promise: int8 keeps objects where they were, on every processor alike."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskdet.backbones.registry import get_backbone
from maskdet.config import LiteConfig
from maskdet.data.scenes import make_scene
from maskdet.exporters import quantize as quantizing
from maskdet.exporters.convert import convert
from maskdet.exporters.exact_sums import short_range, short_step
from maskdet.exporters.flatbuffer import operator_names, read_model
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.rounding import rounded
from maskdet.exporters.source import Source
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.trained import Facts, Trained

weights = hnp.arrays(
    np.float32, (3, 3, 3, 4), elements=st.floats(-2, 2, width=32, allow_subnormal=False)
)


@given(weights, st.sampled_from([0, 3]))
@settings(max_examples=60, deadline=None)
def test_rounding_keeps_windows_and_the_largest_weight(kernel, axis):
    others = tuple(i for i in range(4) if i != axis)
    largest = np.abs(kernel).max(axis=others, keepdims=True)
    steps = np.where(largest > 0, largest / 127, 1)
    new = rounded(kernel, axis)
    whole = new / steps
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-3)
    assert np.abs(np.rint(whole)).max() <= 127
    # The quantizer finds the same step: the largest weight is where it was.
    np.testing.assert_allclose(np.abs(new).max(axis=others, keepdims=True), largest, rtol=1e-5)
    before, after = kernel.sum(axis=(1, 2)), new.sum(axis=(1, 2))
    step = np.broadcast_to(steps, kernel.shape)[:, 0, 0]
    free = (np.abs(np.rint(whole)) < 127).sum(axis=(1, 2)) == 9
    assert (np.abs(before - after) <= 0.51 * step + 1e-6)[free].all()
    # No weight moves further than to the next step beyond its nearest.
    assert (np.abs(new - kernel) <= 1.51 * np.broadcast_to(steps, kernel.shape) + 1e-6).all()


def test_a_filter_for_edges_stays_blind_for_grey():
    edge = np.array([[0.31, -0.62, 0.31]] * 3, np.float32).reshape(1, 3, 3, 1)
    edge[0, 0, 0, 0] = 17.3  # a strong weight makes the channel's steps coarse
    edge[0, 0, 1, 0] = -17.23
    edge[0, 0, 2, 0] = edge[0].sum() * -1 + edge[0, 0, 2, 0]
    step = 17.3 / 127
    nearest = np.rint(edge / step) * step
    assert abs(edge.sum()) < 1e-5
    assert abs(rounded(edge, 0).sum()) < step / 2
    assert abs(rounded(edge, 0).sum()) <= abs(nearest.sum())


@given(st.floats(1e-6, 1e6))
@settings(deadline=None)
def test_short_steps_have_four_bits(least):
    step = short_step(least)
    mantissa = step / 2.0 ** np.floor(np.log2(step)) * 8
    assert mantissa == int(mantissa)
    assert least <= step <= 1.1251 * least


@given(st.floats(-100, 100), st.floats(0.001, 100))
@settings(deadline=None)
def test_short_ranges_hold_the_range_and_zero(low, width):
    low, high = min(low, 0.0), max(low + width, 0.0)
    first, last = short_range(low, high)
    assert first <= low
    assert last >= high
    step = (last - first) / 255
    assert first / step == pytest.approx(round(first / step), abs=1e-6)
    assert last - first <= 1.35 * (high - low) + 1e-9


@pytest.fixture(scope="module")
def backbone():
    """EfficientNet-Lite0 as ImageNet trained it, cut at stride 8; its file, photos and values."""
    config = LiteConfig()
    config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = 128
    image = keras.Input(batch_shape=(1, 128, 128, 3), name="image")
    stages = get_backbone("efficientnet_lite0").build(image)
    network = keras.Model({"image": image}, {"c3": stages[2]})
    whole = keras.Model(image, stages[4])
    get_backbone("efficientnet_lite0").load_imagenet(whole)
    draws = np.random.default_rng(0)
    photos = [make_scene((128, 128), draws).image for _ in range(6)]
    request = ExportRequest("int8", "instances", 20, 0.05)
    source = Source(Trained(MaskRCNNFamily(), network, config, Facts()), request)
    source.__dict__["lite"] = network  # the part that is looked at
    return convert(source, from_bytes=False), list(source.samples(photos, False))


def output(content, sample):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample["image"])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def decibels(first, second):
    return 10 * np.log10((first**2).mean() / ((first - second) ** 2).mean())


def test_corrections_lessen_the_error_of_a_trained_backbone(backbone, monkeypatch):
    content, samples = backbone
    seen = quantizing.activation_statistics(content, samples[:5], 2)
    with_them = quantizing.quantize(content, seen, "no such layer", {})
    monkeypatch.setattr(quantizing, "correct_rounding", lambda *arguments: None)
    without = quantizing.quantize(content, seen, "no such layer", {})
    exact = output(content, samples[5])
    better, worse = (decibels(exact, output(c, samples[5])) for c in (with_them, without))
    assert better > 15
    assert better > worse + 1.5  # a third less noise; measured 2.3


def test_ranges_hold_every_image(backbone):
    content, samples = backbone
    one = quantizing.activation_statistics(content, samples[:1], 2)
    all_of_them = quantizing.activation_statistics(content, samples, 2)
    assert all_of_them.images == 6
    for name, (low, high) in one.ranges.items():
        assert all_of_them.ranges[name][0] <= low
        assert all_of_them.ranges[name][1] >= high
    constants = [n for n in all_of_them.ranges if n.startswith("arith.constant")]
    assert not constants  # a weight with a range would get one scale for all its channels


def test_last_layers_add_numbers_that_float32_holds(exported):
    """Weights are whole multiples of powers of two, inputs of short steps: sums are exact."""
    from maskdet.exporters.flatbuffer import constant

    model = read_model(exported["int8", "instances"].read_bytes())
    graph = model.subgraphs[0]
    checked = 0
    for operator, name in zip(graph.operators, operator_names(model), strict=True):
        if name not in ("CONV_2D", "FULLY_CONNECTED") or graph.tensors[operator.outputs[0]].type:
            continue  # 0 is float32
        values = constant(model, int(operator.inputs[1]))
        if values is None or values.size < 16:
            continue
        for channel in values.reshape(len(values), -1):
            top = np.abs(channel).max()
            step = 2.0 ** np.ceil(np.log2(top / 127))
            np.testing.assert_array_equal(channel / step, np.rint(channel / step))
        checked += 1
    assert checked >= 2 * 4 + 2
