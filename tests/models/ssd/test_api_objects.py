"""Promise: what the TF Object Detection API of TensorFlow 2 trained gives the same here."""

import numpy as np
import pytest
import tensorflow as tf

from maskdet import SSD, SsdConfig
from maskdet.errors import WeightsError
from maskdet.pretrained.coco_names import COCO_NAMES
from tests.models.ssd.test_api_weights import raw_rows, values_of
from tests.models.ssd.test_pipeline_fpn import pyramid_text
from tests.pretrained.api_objects import ObjectNet

SIDE = 96
SIDES = {"IMAGE_MIN_DIM": SIDE, "IMAGE_MAX_DIM": SIDE}
LITE = {"trunk": "mobilenet_v2", "alpha": 0.35, "pyramid": (3, 7), "light": True, "shared": True}
CASES = {
    "fpnlite": (LITE, "mobilenet_v2_0.35"),
    "fpn": ({"trunk": "mobilenet_v1", "alpha": 0.25, "pyramid": (4, 6)}, "mobilenet_v1_0.25"),
    "own heads": ({"trunk": "mobilenet_v2", "alpha": 0.35}, "mobilenet_v2_0.35"),
    "resnet": ({"trunk": "resnet50", "pyramid": (3, 7)}, "resnet50_relu6"),
    "no gammas": ({**LITE, "scale": False}, "mobilenet_v2_0.35"),
}


@pytest.mark.parametrize("case", CASES)
def test_raw_boxes_and_logits_are_those_of_the_api(case, tmp_path):
    arguments, backbone = CASES[case]
    net = ObjectNet(**arguments)
    image = np.random.default_rng(1).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype("f4")
    model = SSD.load(net.write(tmp_path), **SIDES)
    assert model.config.BACKBONE == backbone
    if backbone.startswith("resnet"):
        assert list(model.config.MEAN_PIXEL) == [123.68, 116.779, 103.939]
    for found, wanted in zip(raw_rows(model, image), net.run(image), strict=True):
        assert found.shape == wanted.shape
        assert wanted.std() > 0.1, "the file's own network says something"
        np.testing.assert_allclose(found, wanted, atol=2e-4)


@pytest.fixture(scope="module")
def coco_folder(tmp_path_factory):
    """A small FPN-lite with COCO's slots: checkpoint and SavedModel."""
    folder = tmp_path_factory.mktemp("coco")
    net = ObjectNet(**LITE, slots=91)
    net.write_saved_model(net.write(folder))
    return folder


@pytest.mark.parametrize(
    "name", ["", "checkpoint", "checkpoint/ckpt-0", "saved_model", "saved_model/saved_model.pb"]
)
def test_it_is_known_by_any_of_its_paths(name, coco_folder):
    model = SSD.load(coco_folder / name, **SIDES)
    assert model.class_names == COCO_NAMES and model.config.NUM_CLASSES == 81
    expected = values_of(SSD.load(coco_folder / "checkpoint" / "ckpt-0.index", **SIDES))
    assert all((a == b).all() for a, b in zip(values_of(model), expected, strict=True))


def test_the_settings_are_those_of_the_file(coco_folder):
    config = SSD.load(coco_folder).config
    expected = {
        "FPN_LEVELS": (3, 7),
        "FPN_CHANNELS": 16,
        "FPN_TOP_CHANNELS": 448,
        "FPN_HEAD_LAYERS": 2,
        "FPN_HEAD_CHANNELS": 16,
        "FPN_SHARED_TOWER": True,
        "SEPARABLE_HEADS": True,
        "FPN_SCALES_PER_OCTAVE": 2,
        "ANCHOR_RATIOS": (1.0, 2.0, 0.5),
        "IMAGE_MAX_DIM": 320,
    }
    assert {name: getattr(config, name) for name in expected} == expected


def test_a_pipeline_beside_it_says_sides_and_anchors(coco_folder, tmp_path):
    """The zoo's detector of 640 pixels opens at 640, and not with its threshold of 1e-8."""
    (tmp_path / "zoo" / "checkpoint").mkdir(parents=True)
    for file in (coco_folder / "checkpoint").glob("ckpt-0*"):
        (tmp_path / "zoo" / "checkpoint" / file.name).symlink_to(file)
    (tmp_path / "zoo" / "pipeline.config").write_text(
        pyramid_text()
        .replace("height: 96 width: 96", "height: 640 width: 640")
        .replace("aspect_ratios: [1.0, 0.5]", "aspect_ratios: [1.0, 3.0, 0.3]")
    )
    config = SSD.load(tmp_path / "zoo").config
    expected = {
        "IMAGE_MAX_DIM": 640,
        "ANCHOR_RATIOS": (1.0, 3.0, 0.3),
        "FPN_ANCHOR_SCALE": 3.0,
        "FPN_SCALES_PER_OCTAVE": 2,
        "FPN_LEVELS": (3, 7),
        "DETECTION_MIN_CONFIDENCE": SsdConfig.DETECTION_MIN_CONFIDENCE,
    }
    assert {name: getattr(config, name) for name in expected} == expected
    assert SSD.load(tmp_path / "zoo", **SIDES).config.IMAGE_MAX_DIM == SIDE


def small_fpnlite(classes, **settings):
    config = SsdConfig()
    small = {
        "BACKBONE": "mobilenet_v2_0.35",
        "NUM_CLASSES": classes,
        "FPN_CHANNELS": 16,
        "FPN_TOP_CHANNELS": 448,
        "FPN_HEAD_LAYERS": 2,
        "FPN_HEAD_CHANNELS": 16,
        "SEPARABLE_HEADS": True,
        "ANCHOR_RATIOS": (1.0, 2.0, 0.5),
        **SIDES,
        **settings,
    }
    for name, value in small.items():
        setattr(config, name, value)
    return SSD("inference", config)


def test_other_classes_leave_the_class_layer_fresh(coco_folder):
    model = small_fpnlite(4)
    report = model.load_weights(coco_folder)
    assert report.unmatched == ["head0_class_logits"] and model.class_names == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"BACKBONE": "mobilenet_v1_0.25"}, r"is for BACKBONE 'mobilenet_v2_0.35'.*SSD.load"),
        ({"SEPARABLE_HEADS": False}, "another network .*FPN_ settings and SEPARABLE_HEADS.*SSD.lo"),
        ({"FPN_LEVELS": (3, 6)}, "another network .*FPN_ settings"),
        ({"FPN_HEAD_CHANNELS": 24}, "do not fit layer 'head"),
    ],
)
def test_a_file_of_another_network_changes_nothing(settings, words, coco_folder):
    model = small_fpnlite(4, **settings)
    before = values_of(model)
    with pytest.raises(WeightsError, match=words):
        model.load_weights(coco_folder)
    assert all((a == b).all() for a, b in zip(before, values_of(model), strict=True))


def test_heads_of_other_anchors_keep_their_own_weights(coco_folder):
    report = small_fpnlite(4, ANCHOR_RATIOS=(1.0, 2.0)).load_weights(coco_folder)
    assert sorted(report.unmatched) == ["head0_class_logits", "head0_deltas"]


def test_other_shapes_of_anchors_can_be_said(tmp_path):
    ObjectNet(**LITE, anchors=8).write(tmp_path)
    with pytest.raises(WeightsError, match=r"has 8, 8, .* anchors .* ANCHOR_RATIOS"):
        SSD.load(tmp_path, **SIDES)
    model = SSD.load(tmp_path, **SIDES, ANCHOR_RATIOS=(1.0, 2.0, 0.5, 3.0))
    assert model.config.FPN_SCALES_PER_OCTAVE == 2


def written(folder, *names):
    """A checkpoint with variables of these names."""
    holder = tf.Module()
    for number, name in enumerate(names):
        setattr(holder, f"kept_{number}", tf.Variable(np.zeros((1, 1, 3, 2), "f4"), name=name))
    tf.train.Checkpoint(model=holder).write(str(folder / "ckpt-3"))
    return folder


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["center_net/conv/kernel"], r"variables of another kind \(center_net\)"),
        (["block_1_expand/kernel"], "the trunk mobilenet_v2, without SSD's heads"),
        (["FirstStageBoxPredictor/Conv/kernel", "conv_pw_1/kernel"], "a two-stage detector"),
        (["step"], "none of layers"),
    ],
)
def test_another_network_is_named_in_one_sentence(names, words, tmp_path):
    with pytest.raises(WeightsError, match=f"{words}.*, as a checkpoint of TensorFlow 2") as raised:
        SSD.load(written(tmp_path, *names))
    assert "\n" not in str(raised.value) and "MobileNetV1 or V2" in str(raised.value)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("block_3_project_BN/moving_variance", "of the layer 'stage3_block3_project' it has kern"),
        ("WeightSharedConvolutionalBoxPredictor/WeightSharedConvolutionalBoxHead/BoxPredictor/bias",
         "does not hold a whole SSD"),
        ("block_16_project/kernel", "of the layer 'stage5_block16_project'"),
    ],
)  # fmt: skip
def test_a_variable_that_lacks_is_named(gone, words, tmp_path):
    net = ObjectNet(**LITE)
    del net.values[gone]
    with pytest.raises(WeightsError, match=words):
        SSD.load(net.write(tmp_path), **SIDES)


def test_a_name_that_several_variables_have_is_refused(tmp_path):
    """An average beside the detector would be taken for it by chance."""
    net = ObjectNet(**LITE)
    both = tf.train.Checkpoint(model=net.module(), other=ObjectNet(**LITE, seed=1).module())
    both.write(str(tmp_path / "ckpt-1"))
    with pytest.raises(WeightsError, match="several variables called"):
        SSD.load(tmp_path, **SIDES)


def test_a_loaded_detector_learns(coco_folder, ssd_set, tmp_path):
    """As somebody does who goes on from the zoo with classes of their own."""
    config = small_fpnlite(3, IMAGES_PER_GPU=4, STEPS_PER_EPOCH=4, EMA_DECAY=0.0).config
    config.AUGMENTATION, config.WARMUP_STEPS, config.MAX_GT_INSTANCES = "none", 0, 8
    model = SSD("training", config, tmp_path)
    model.load_weights(coco_folder)
    before = {layer.name: layer.get_weights() for layer in model.network.layers if layer.weights}
    model.train(ssd_set, None, 0.002, 1, "heads")
    for name in ("stage1_stem", "fpn3_lateral", "head0_deltas", "head4_norm1"):
        after = model.network.get_layer(name).get_weights()
        same = all(np.array_equal(a, b) for a, b in zip(before[name], after, strict=True))
        assert same is name.startswith("stage"), name
        assert all(np.isfinite(array).all() for array in after)
