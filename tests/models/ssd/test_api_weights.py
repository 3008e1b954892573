"""Promise: what the TF Object Detection API trained gives here what it gave there."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from maskdet import SSD, SsdConfig
from maskdet.errors import WeightsError
from maskdet.pretrained.coco_names import COCO_NAMES, COCO_SLOTS
from tests.pretrained.api_files import ApiGraph

PUBLISHED = (
    Path(__file__).resolve().parents[3] / "../shared/weights/ssdlite_mobilenet_v2_coco_2018_05_09"
)
SIDE = 96
# kind, depth multiplier, size of the heads' window, our name of the trunk
CASES = {
    "ssd_mobilenet_v1": (0.25, 1, "mobilenet_v1_0.25"),
    "ssd_mobilenet_v2": (0.35, 1, "mobilenet_v2_0.35"),
    "ssdlite_mobilenet_v2": (0.35, 3, "mobilenet_v2_0.35"),
    "ssd_inception_v2": (0.25, 3, "inception_v2_0.25"),
}


def written(folder, kind, image=None, slots=4):
    alpha, size, _ = CASES[kind]
    return ApiGraph(kind, alpha, slots, SIDE, head_size=size).write(folder, image)


@pytest.fixture(scope="module")
def coco_folder(tmp_path_factory):
    """A small SSD MobileNetV1 with COCO's slots, as frozen graph and checkpoint."""
    folder = tmp_path_factory.mktemp("coco")
    written(folder, "ssd_mobilenet_v1", slots=91)
    return folder


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory):
    """The same for three classes."""
    folder = tmp_path_factory.mktemp("own")
    written(folder, "ssd_mobilenet_v1")
    return folder


def raw_rows(model, image):
    """Deltas and logits that a model's network gives."""
    rows = [model.network.get_layer(name).output for name in ("delta_rows", "class_rows")]
    return keras.Model(model.network.inputs, rows).predict_on_batch(image)


def small_ssd(classes, **settings):
    config = SsdConfig()
    small = {"BACKBONE": "mobilenet_v1_0.25", "EXTRA_CHANNELS": (128, 64, 64, 32)}
    small |= {"NUM_CLASSES": classes, "IMAGE_MIN_DIM": SIDE, "IMAGE_MAX_DIM": SIDE}
    for name, value in (small | settings).items():
        setattr(config, name, value)
    return SSD("inference", config)


def values_of(model):
    return [np.array(value) for value in model.network.get_weights()]


# The usual trunk, and the one with separable heads; the others are made of the same parts.
MARKS = {"ssd_mobilenet_v1": (), "ssdlite_mobilenet_v2": pytest.mark.thorough}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=MARKS.get(kind, pytest.mark.slow)) for kind in CASES]
)
def test_raw_boxes_and_logits_are_those_of_the_graph(kind, tmp_path):
    image = np.random.default_rng(1).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype("f4")
    expected = written(tmp_path, kind, image)
    for file in ("frozen_inference_graph.pb", "model.ckpt"):
        model = SSD.load(tmp_path / file, IMAGE_MIN_DIM=SIDE, IMAGE_MAX_DIM=SIDE)
        assert model.config.BACKBONE == CASES[kind][2]
        for found, wanted in zip(raw_rows(model, image), expected, strict=True):
            assert found.shape == wanted.shape
            assert wanted.std() > 0.1, "the file's own network says something"
            np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_published_ssdlite_is_a_whole_network_here(tmp_path):
    """By the names and shapes of its index; its values are not on the machines that test."""
    if not PUBLISHED.is_dir():
        pytest.skip("the published index is not here")
    reader = tf.train.load_checkpoint(str(PUBLISHED / "model.ckpt"))
    shapes = reader.get_variable_to_shape_map()
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "model.ckpt"),
        tensor_names=list(shapes),
        shape_and_slices=[""] * len(shapes),
        tensors=[tf.zeros(shape) for shape in shapes.values()],
    )
    model = SSD.load(tmp_path)
    assert model.class_names == COCO_NAMES
    assert (model.config.BACKBONE, model.config.EXTRA_CHANNELS, model.config.SEPARABLE_HEADS) == (
        "mobilenet_v2",
        (512, 256, 256, 128),
        True,
    )
    assert sum(array.size for array in model.network.get_weights()) == sum(
        int(np.prod(shape)) * 81 // 91 if "/ClassPredictor/" in name else int(np.prod(shape))
        for name, shape in shapes.items()
        if name != "global_step"
    )


def test_coco_slots_become_cocos_classes(coco_folder):
    model = SSD.load(coco_folder, IMAGE_MIN_DIM=SIDE, IMAGE_MAX_DIM=SIDE)
    whole = small_ssd(91)
    whole.load_weights(coco_folder)
    assert model.class_names == COCO_NAMES and model.config.NUM_CLASSES == 81
    assert whole.class_names == ()
    image = np.random.default_rng(2).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype("f4")
    slots = raw_rows(whole, image)[1]
    np.testing.assert_allclose(raw_rows(model, image)[1], slots[..., list(COCO_SLOTS)], atol=1e-5)


@pytest.mark.parametrize("name", ["model.ckpt.index", "model.ckpt", ""], ids=str)
def test_load_weights_knows_what_it_is_given(name, own_folder):
    model = small_ssd(4)
    report = model.load_weights(own_folder / name)
    assert not report.unmatched and len(report.loaded) > 40


def test_other_classes_leave_the_class_layers_fresh(coco_folder):
    model = small_ssd(4)
    before = model.network.get_layer("head1_class_logits").get_weights()
    report = model.load_weights(coco_folder / "frozen_inference_graph.pb")
    assert report.unmatched == [f"head{number}_class_logits" for number in range(1, 7)]
    after = model.network.get_layer("head1_class_logits").get_weights()
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    assert model.class_names == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"BACKBONE": "mobilenet_v2_0.35"}, r"is for BACKBONE 'mobilenet_v1_0.25'.*SSD.load"),
        ({"SEPARABLE_HEADS": True}, "another network .*SEPARABLE_HEADS.*SSD.load"),
        ({"EXTRA_CHANNELS": (128, 64)}, "another network .*EXTRA_CHANNELS"),
        ({"EXTRA_CHANNELS": (128, 64, 64, 64)}, "do not fit layer 'extra6_"),
    ],
)
def test_a_file_of_another_network_changes_nothing(settings, words, own_folder):
    model = small_ssd(4, **settings)
    before = values_of(model)
    with pytest.raises(WeightsError, match=words):
        model.load_weights(own_folder)
    assert all((a == b).all() for a, b in zip(before, values_of(model), strict=True))


def test_heads_of_other_anchors_keep_their_own_weights(own_folder):
    report = small_ssd(4, ANCHOR_RATIOS=(1.0, 2.0)).load_weights(own_folder)
    assert all(name.endswith(("_class_logits", "_deltas")) for name in report.unmatched)
    assert "head2_deltas" in report.unmatched and "extra3_wide" in report.loaded


def test_other_shapes_of_anchors_can_be_said(tmp_path):
    ApiGraph("ssd_mobilenet_v1", 0.25, side=SIDE, anchors=4).write(tmp_path)
    sides = {"IMAGE_MIN_DIM": SIDE, "IMAGE_MAX_DIM": SIDE}
    with pytest.raises(WeightsError, match=r"has 3, 4, 4, .* ANCHOR_RATIOS"):
        SSD.load(tmp_path, **sides)
    model = SSD.load(tmp_path, **sides, ANCHOR_RATIOS=(1.0, 2.0, 0.5))
    assert model.config.ANCHOR_BETWEEN and model.config.ANCHOR_REDUCED


def test_weights_of_ours_still_load(own_folder, tmp_path):
    model = SSD.load(own_folder, IMAGE_MIN_DIM=SIDE, IMAGE_MAX_DIM=SIDE)
    model.class_names = ("BG", "a", "b", "c")
    model.save_weights(tmp_path / "ours.h5")
    again = SSD.load(tmp_path / "ours.h5")
    assert again.class_names == model.class_names
    assert all((a == b).all() for a, b in zip(values_of(model), values_of(again), strict=True))
