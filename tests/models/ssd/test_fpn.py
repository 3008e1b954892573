"""Guards: SSD on a feature pyramid is RetinaNet as the TF Object Detection API builds it: anchors,
levels, shared heads with norms of each level's own; and it trains, is saved and exported."""

import keras
import numpy as np
import pytest

from maskdet import SSD, SsdConfig, open_model
from maskdet.errors import ConfigError
from maskdet.geometry.grid_anchors import grid_anchors, octave_shapes
from maskdet.models.ssd.anchors import anchors_as_shares, anchors_per_cell, level_shapes
from maskdet.models.ssd.network import predictions
from maskdet.runtime import Detector
from maskdet.training.layers import select_layers
from tests.models.conftest import with_settings
from tests.models.ssd.conftest import SIDE, SmallSsd

LITE = {"SEPARABLE_HEADS": True}
OWN_TOWERS = {"FPN_SHARED_TOWER": False}


class SmallFpn(SmallSsd):
    FPN_CHANNELS = 16
    FPN_LEVELS = (3, 6)
    FPN_HEAD_CHANNELS = 24
    FPN_HEAD_LAYERS = 2
    HEAD_KERNEL = 3
    ANCHOR_RATIOS = (1.0, 2.0, 0.5)
    STEPS_PER_EPOCH = 6


def network_of(config):
    image = keras.Input((*config.input_sides, 3))
    return keras.Model(image, predictions(image, config))


# ---- anchors ---------------------------------------------------------------------------------
def test_sizes_are_strides_times_the_scale_in_even_steps_of_an_octave():
    # Level 3: stride 8, four strides are 32 pixels, half an octave more 45.25; ratios are width /
    # height, and the sizes of a ratio follow each other.
    half = 32 * 2**0.5
    root = 2**0.5
    expected = [
        [32, 32],
        [half, half],
        [32 / root, 32 * root],  # 22.63 high, 45.25 wide
        [half / root, half * root],  # 32 high, 64 wide
        [32 * root, 32 / root],
        [half * root, half / root],
    ]
    np.testing.assert_allclose(octave_shapes(3, 4.0, 2, (1.0, 2.0, 0.5)), expected)
    third = [384, 384 * 2 ** (1 / 3), 384 * 4 ** (1 / 3)]  # 3 x 128, then by a third of an octave
    np.testing.assert_allclose(octave_shapes(7, 3.0, 3, (1.0,))[:, 0], third)


def test_centres_lie_half_a_stride_in_only_where_the_stride_divides_the_side():
    """At 320 pixels level 7 (stride 128) begins at the edge, level 6 half a stride in."""
    pixels = np.array([[320, 320, 320, 320]])
    square = np.array([[64.0, 64.0]])
    coarse = grid_anchors([7], [square], (320, 320)) * pixels
    centres = (coarse[:, :2] + coarse[:, 2:]) / 2
    rows = [[y, x] for y in (0, 128, 256) for x in (0, 128, 256)]
    np.testing.assert_allclose(centres, rows, atol=1e-4)
    np.testing.assert_allclose(coarse[4], [96, 96, 160, 160], atol=1e-4)
    fine = grid_anchors([6], [square], (320, 320)) * pixels
    np.testing.assert_allclose(fine[0], [0, 0, 64, 64], atol=1e-4)
    np.testing.assert_allclose(fine[-1], [256, 256, 320, 320], atol=1e-4)
    # Each axis for itself: 128 divides the height of 256, not the width of 320.
    uneven = grid_anchors([7], [square], (256, 320)) * np.array([[256, 320, 256, 320]])
    np.testing.assert_allclose(uneven[0], [32, -32, 96, 32], atol=1e-4)


@pytest.mark.parametrize(
    ("side", "cells", "count"),
    [
        # What the API's detectors of these sides have: 12804 and 51150 rows.
        (320, [40, 20, 10, 5, 3], 12804),
        (512, [64, 32, 16, 8, 4], 32736),
        (640, [80, 40, 20, 10, 5], 51150),
    ],
)
def test_every_side_has_its_cells(side, cells, count):
    settings = {"FPN_CHANNELS": 8, "ANCHOR_RATIOS": (1.0, 2.0, 0.5)}
    settings |= {"IMAGE_MIN_DIM": side, "IMAGE_MAX_DIM": side}
    config = with_settings(SsdConfig(), settings)
    config.validate()
    assert level_shapes(config) == [(cell, cell) for cell in cells]
    assert list(anchors_per_cell(config)) == [6] * 5
    assert anchors_as_shares(config).shape == (count, 4)


# ---- network ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("backbone", "settings"),
    [
        ("mobilenet_v1_0.25", {}),
        ("mobilenet_v2_0.35", {**LITE, "FPN_TOP_CHANNELS": 64}),
        ("inception_v2_0.25", {"FPN_LEVELS": (4, 8)}),
        ("efficientnet_lite0", {**LITE, "FPN_LEVELS": (2, 5)}),
        ("yolox_nano", LITE),
        ("resnet50", {**OWN_TOWERS, "FPN_LEVELS": (3, 4)}),
    ],
)
def test_any_trunk_gives_a_row_for_each_anchor(backbone, settings):
    config = with_settings(SmallFpn(), {"BACKBONE": backbone, **settings})
    logits, deltas = network_of(config).outputs
    lowest, highest = config.FPN_LEVELS
    count = 6 * sum((-(-SIDE // 2**level)) ** 2 for level in range(lowest, highest + 1))
    assert logits.shape == (None, count, 3) and deltas.shape == (None, count, 4)
    assert len(anchors_as_shares(config)) == count


@pytest.mark.parametrize("settings", [{}, LITE, OWN_TOWERS], ids=["plain", "lite", "own towers"])
def test_levels_share_convolutions_and_have_norms_of_their_own(settings):
    config = with_settings(SmallFpn(), settings)
    network = network_of(config)
    shared = sorted(layer.name for layer in network.layers if layer.name.startswith("head0_"))
    own = [
        layer.name
        for layer in network.layers
        if layer.weights and layer.name.startswith(("head3", "head4", "head5", "head6"))
    ]
    towers = ["deltas_", "class_logits_"] if settings == OWN_TOWERS else [""]
    names = [f"head0_{tower}conv{number}" for tower in towers for number in (1, 2)]
    names += ["head0_deltas", "head0_class_logits"]
    if settings == LITE:
        names += [f"{name}_depthwise" for name in names]
    assert shared == sorted(names)
    assert sorted(own) == sorted(
        f"head{level}_{tower}norm{n}" for level in range(3, 7) for tower in towers for n in (1, 2)
    )
    # A level's norm changes what that level says and nothing else.
    image = np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype("f4")
    before = network.predict_on_batch(image)
    norm = network.get_layer(f"head4_{towers[0]}norm2")
    norm.beta.assign(norm.beta + 3.0)
    after = network.predict_on_batch(image)
    levels = np.repeat([3, 4, 5, 6], [6 * (SIDE // 2**level) ** 2 for level in range(3, 7)])
    changed = (before[1] != after[1]).any(axis=-1)[0]  # (A,)
    assert changed[levels == 4].all() and not changed[levels != 4].any()


def test_a_level_that_goes_down_is_the_one_that_was_smoothed():
    """The API's order: P4 is smoothed before P3 is made of it; the coarsest level is not."""
    config = with_settings(SmallFpn(), {"FPN_LEVELS": (3, 5), "FPN_HEAD_LAYERS": 0})
    network = network_of(config)

    def feeds(name):
        layer = network.get_layer(name)
        return {node.operation.name for node in layer._inbound_nodes[0].parent_nodes}

    assert feeds("fpn3_larger") == {"fpn4_smooth"} and feeds("fpn4_larger") == {"fpn5_lateral"}
    assert feeds("fpn3_sum") == {"fpn3_larger", "fpn3_lateral"}
    assert not any(layer.name.startswith("fpn5_smooth") for layer in network.layers)


# ---- settings --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"IMAGE_MAX_DIM": 300}, "300 x 300; a feature pyramid .* 32 divides, such as 288"),
        ({"FPN_LEVELS": (6, 7)}, r"FPN_LEVELS is \(6, 7\); give the finest level, 2 to 5"),
        ({"FPN_LEVELS": (4, 3)}, "FPN_LEVELS"),
        ({"FPN_LEVELS": (3,)}, "FPN_LEVELS"),
        ({"FPN_CHANNELS": -1}, "FPN_CHANNELS is -1; give a whole number of 0 or more"),
        ({"FPN_HEAD_CHANNELS": 0}, "FPN_HEAD_CHANNELS"),
        ({"FPN_HEAD_LAYERS": 1.5}, "FPN_HEAD_LAYERS"),
        ({"FPN_SCALES_PER_OCTAVE": 0}, "FPN_SCALES_PER_OCTAVE"),
        ({"FPN_ANCHOR_SCALE": 0}, "FPN_ANCHOR_SCALE is 0; give a number above 0"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    config = with_settings(SmallFpn(), settings)
    with pytest.raises(ConfigError, match=words):
        config.validate()


# ---- training and files ------------------------------------------------------------------------
@pytest.fixture(scope="module")
def trained(ssd_set, tmp_path_factory):
    """A light pyramid after two epochs of all layers."""
    config = with_settings(SmallFpn(), {**LITE, "IMAGES_PER_GPU": 4})
    model = SSD("training", config, tmp_path_factory.mktemp("fpn"))
    before = {layer.name: layer.get_weights() for layer in model.network.layers if layer.weights}
    return model, before, model.train(ssd_set, ssd_set, 0.005, 2, "all")


def test_it_learns_in_all_its_layers(trained):
    model, before, history = trained
    assert history["loss"][1] < 0.9 * history["loss"][0]
    for name, arrays in before.items():
        after = model.network.get_layer(name).get_weights()
        assert not all(np.array_equal(a, b) for a, b in zip(arrays, after, strict=True)), name


def test_stages_by_word(trained):
    model = trained[0]
    words = model.family.stages(model.config)
    names = {word: set(select_layers(model.network, word, words)) for word in words}
    assert {"fpn6_coarse", "fpn3_lateral", "head0_deltas", "head5_norm2"} < names["heads"]
    assert not any(name.startswith("stage") for name in names["heads"])
    assert model.family.rate("fpn6_coarse", model.config) == 1.0


def spread(model, picture, size=2.0):
    """Make logits differ, so that few of the anchors are above a half."""
    probe = network_of(model.config)
    for layer in probe.layers:
        if layer.weights:
            layer.set_weights(model.network.get_layer(layer.name).get_weights())
    canvas = np.zeros((1, SIDE, SIDE, 3), "f4")
    canvas[0, :120] = (picture - 127.5) / 127.5
    logits, deltas = probe.predict_on_batch(canvas)
    for values, kind, factor in ((logits, "class_logits", size), (deltas, "deltas", 1.0)):
        layer = model.network.get_layer(f"head0_{kind}")
        kernel, bias = layer.get_weights()
        scale = factor / values.std()
        layer.set_weights([kernel * scale, (bias - values.mean()) * scale - factor])


@pytest.fixture(scope="module")
def sure(ssd_set, tmp_path_factory):
    """Weights, as a file, that find a few boxes in each rectangle picture."""
    settings = {**LITE, "FPN_LEVELS": (4, 6), "FPN_HEAD_LAYERS": 1}
    config = with_settings(SmallFpn(), settings)
    model = SSD("inference", config, tmp_path_factory.mktemp("sure"))
    spread(model, ssd_set.load_image(3))
    model.class_names = ("BG", "red", "blue")
    path = tmp_path_factory.mktemp("weights") / "fpn.h5"
    model.save_weights(path)
    return path


def found_in(model, image):
    [detections] = model.detections([image])
    assert len(detections) > 3
    return detections


def test_saved_and_opened_it_finds_the_same(sure, ssd_set, tmp_path):
    image = ssd_set.load_image(3)
    model = open_model(sure)
    assert (*model.config.FPN_LEVELS, model.config.FPN_CHANNELS) == (4, 6, 16)
    expected = found_in(model, image)
    model.keras_model.save(tmp_path / "whole.keras")
    whole = keras.models.load_model(tmp_path / "whole.keras")
    canvas = np.random.default_rng(2).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype("f4")
    rows = whole.predict_on_batch(canvas)
    np.testing.assert_allclose(rows, model.keras_model.predict_on_batch(canvas), atol=1e-5)
    [result] = model.detect([image])
    assert len(result["rois"]) == len(expected)
    evaluation = model.evaluate(ssd_set, progress=False)
    assert evaluation.images == 8 and 0 <= evaluation.box.ap50 <= 1


def test_its_tflite_file_finds_the_same(sure, ssd_set, tmp_path):
    model = open_model(sure)
    report = model.export(tmp_path / "fpn.tflite", dataset=ssd_set, progress=False)
    assert report.verified and report.comparison.agreement.expected > 3
    image = np.random.default_rng(1).integers(0, 256, (60, 200, 3)).astype(np.uint8)
    expected = found_in(model, image)
    detections = Detector(tmp_path / "fpn.tflite").detect(image)
    assert len(detections) > 3
    np.testing.assert_allclose(detections.boxes, expected.boxes[: len(detections)], atol=0.05)
    np.testing.assert_allclose(detections.scores, expected.scores[: len(detections)], atol=1e-3)


@pytest.mark.slow
def test_its_int8_file_finds_the_same(sure, ssd_set, tmp_path):
    model = open_model(sure)
    report = model.export(
        tmp_path / "int8.tflite", dataset=ssd_set, calibration=ssd_set, progress=False
    )
    assert report.verified and report.comparison.agreement.expected > 3
    assert (tmp_path / "int8.tflite").stat().st_size < 0.5 * sure.stat().st_size
