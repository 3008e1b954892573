"""Guards: an SSD detects, trains, is saved, opened and exported like any other model, and its file
finds the same boxes."""

import json

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from maskdet import SSD, Detections, MaskRCNN, MobileConfig, open_model
from maskdet.commands.main import main
from maskdet.errors import ConfigError, WeightsError
from maskdet.images import resize_image, write_image
from maskdet.models.ssd.anchors import anchors_as_shares
from maskdet.models.ssd.losses import NAMES
from maskdet.runtime import Detector
from maskdet.training.layers import select_layers
from tests.models.ssd.conftest import SIDE, SmallSsd
from tests.models.yolox.test_networks import nms


@pytest.fixture(scope="module")
def model(ssd_weights):
    return open_model(ssd_weights)


def by_hand(model, image):
    """Boxes in the image's pixels, classes and scores, from the heads' own maps."""
    config = model.config
    placement = config.placement_rule(detecting=True)(image.shape)
    canvas = (resize_image(image, placement).astype("f4")[None] - 127.5) / 127.5
    names = [f"head{level}_{kind}" for level in (1, 2, 3, 4) for kind in ("class_logits", "deltas")]
    maps = [model.network.get_layer(name).output for name in names]
    outputs = keras.Model(model.network.inputs, maps).predict_on_batch(canvas)
    logits = np.concatenate([array.reshape(-1, 3) for array in outputs[::2]])
    deltas = np.concatenate([array.reshape(-1, 4) for array in outputs[1::2]]) * config.BBOX_STD_DEV
    anchors = anchors_as_shares(config).astype("f8")
    sides = anchors[:, 2:] - anchors[:, :2]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2 + deltas[:, :2] * sides
    half = sides * np.exp(deltas[:, 2:]) / 2
    boxes = np.clip(np.concatenate([centres - half, centres + half], axis=1), 0, 1) * SIDE
    scores = 1 / (1 + np.exp(-logits.astype("f8")))
    rows = []
    for number in (1, 2):
        good = np.flatnonzero(scores[:, number] >= config.DETECTION_MIN_CONFIDENCE)
        for i in nms(boxes[good], scores[good, number], config.DETECTION_NMS_THRESHOLD):
            rows.append([*boxes[good[i]], number, scores[good[i], number]])
    rows = np.array(sorted(rows, key=lambda row: -row[5]))[: config.DETECTION_MAX_INSTANCES]
    return placement.inverse_boxes(rows[:, :4]), rows[:, 4], rows[:, 5]


@pytest.mark.parametrize("shape", [(120, 128), (60, 200), (300, 170)])
def test_detections_are_what_the_maps_say_in_the_images_own_pixels(model, shape):
    """Photos are stretched to the input, so that one far from square is put back the same way."""
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    boxes, class_ids, scores = by_hand(model, image)
    [detections] = model.detections([image])
    assert isinstance(model, SSD) and isinstance(detections, Detections)
    assert detections.class_names == ("BG", "red", "blue") and not detections.has_masks
    assert len(boxes) > 3
    inside = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    np.testing.assert_array_equal(detections.class_ids, class_ids[inside])
    np.testing.assert_allclose(detections.scores, scores[inside], atol=1e-4)
    np.testing.assert_allclose(detections.boxes, boxes[inside], atol=0.05)


# ---- training ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def trained(ssd_set, tmp_path_factory):
    """Two epochs of heads in one go."""
    model = SSD("training", SmallSsd(), tmp_path_factory.mktemp("whole"))
    before = {layer.name: layer.get_weights() for layer in model.network.layers if layer.weights}
    history = model.train(ssd_set, ssd_set, 0.01, 2, "heads")
    return model, before, history


def test_the_heads_learn_and_nothing_else_does(trained):
    model, before, history = trained
    assert set(history) >= {"loss", "val_loss", *NAMES, *(f"val_{name}" for name in NAMES)}
    assert history["val_loss"][1] < history["val_loss"][0]
    for name, arrays in before.items():
        after = model.network.get_layer(name).get_weights()
        same = all(np.array_equal(a, b) for a, b in zip(arrays, after, strict=True))
        assert same is not name.startswith(("head", "extra")), name
    assert model.outputs == {"boxes"} and model.class_names == ("BG", "red", "blue")


def test_stages_by_word(trained):
    model = trained[0]
    words = model.family.stages(model.config)
    names = {word: set(select_layers(model.network, word, words)) for word in words}
    assert list(names) == ["heads", "3+", "4+", "5+", "all"]
    assert names["heads"] < names["5+"] < names["4+"] < names["3+"] < names["all"]
    assert "extra3_wide" in names["heads"] and "stage5_pair13_pointwise" in names["5+"]
    assert model.family.rate("extra3_wide", model.config) == 1.0
    assert model.family.rate("stage1_stem", model.config) == model.config.BACKBONE_RATE


# ---- files -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def exported(model, ssd_set, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "small.tflite"
    return path, model.export(path, dataset=ssd_set, progress=False)


def test_the_file_finds_the_same_in_the_images_own_pixels(exported, model):
    path, report = exported
    assert report.verified and report.comparison.agreement.expected > 3
    image = np.random.default_rng(1).integers(0, 256, (60, 200, 3)).astype(np.uint8)
    [expected] = model.detections([image])
    detections = Detector(path).detect(image)
    assert len(detections) > 3
    np.testing.assert_array_equal(detections.class_ids, expected.class_ids[: len(detections)])
    np.testing.assert_allclose(detections.boxes, expected.boxes[: len(detections)], atol=0.05)
    np.testing.assert_allclose(detections.scores, expected.scores[: len(detections)], atol=1e-3)


def test_a_softmax_network_and_its_file_find_the_same(ssd_weights, ssd_set, tmp_path):
    model = open_model(ssd_weights, CLASS_LOSS="softmax", DETECTION_MIN_CONFIDENCE=0.5)
    report = model.export(tmp_path / "soft.tflite", dataset=ssd_set, progress=False)
    assert report.verified and report.comparison.agreement.expected > 3


def test_an_int8_file_names_the_networks_classes(model, ssd_set, tmp_path):
    """Class ids, scores and boxes come out as the floats they are worked out in."""
    path = tmp_path / "bytes.tflite"
    model.export(path, "int8", "detect", calibration=ssd_set, verify=False, progress=False)
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    feed = interpreter.get_input_details()[0]
    picture = np.asarray(Image.fromarray(ssd_set.load_image(3)).resize((SIDE, SIDE)))
    interpreter.set_tensor(feed["index"], picture[None].astype(feed["dtype"]))
    interpreter.invoke()
    values = {
        d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()
    }
    count = int(values["number of detections"][0])
    classes = values["category"][0, :count]
    assert count > 3 and set(classes.tolist()) == {0.0, 1.0}
    scores = values["score"][0, :count]
    assert (np.diff(scores) <= 0).all() and scores.min() > 0
    [expected] = model.detections([picture])
    np.testing.assert_allclose(values["location"][0, 0] * SIDE, expected.boxes[0], atol=3)


def test_the_command_line_detects(ssd_weights, ssd_set, tmp_path, capsys):
    write_image(tmp_path / "photo.png", ssd_set.load_image(3))
    arguments = ["detect", str(ssd_weights), str(tmp_path / "photo.png"), "--out"]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    assert "red" in capsys.readouterr().out and (tmp_path / "out" / "photo.jpg").exists()


def test_the_json_says_the_family(ssd_weights):
    facts = json.loads(ssd_weights.with_name("small.h5.json").read_text())
    assert (facts["family"], facts["task"], facts["outputs"]) == ("ssd", "detection", ["boxes"])


def test_weights_of_another_family_are_refused(ssd_weights, tmp_path):
    config = MobileConfig()
    config.NUM_CLASSES = 3
    with pytest.raises(WeightsError, match="ssd"):
        MaskRCNN("inference", config, tmp_path).load_weights(ssd_weights)


# ---- settings --------------------------------------------------------------------------------
@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "yolox_nano", "mobilenet_v2_0.5"])
def test_any_trunk_with_separable_heads(backbone, tmp_path):
    """SSDLite: the same anchors whatever the trunk, heads of a depthwise and a 1 x 1 layer."""
    config = SmallSsd()
    config.BACKBONE, config.SEPARABLE_HEADS = backbone, True
    model = SSD("training", config, tmp_path)
    rows = model.network.output["class_logits"]
    assert rows.shape[1] == len(anchors_as_shares(config))
    assert model.network.get_layer("head1_deltas_depthwise").depthwise
    assert model.network.get_layer("head1_deltas").kernel.shape[:2] == (1, 1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IMAGE_MAX_DIM", 16, "16 x 16; use a side of 32 or more"),
        ("IMAGE_RESIZE_MODE", "pad64", "IMAGE_RESIZE_MODE is 'pad64'; use one of"),
        ("CLASS_LOSS", "hinge", "CLASS_LOSS"),
        ("HEAD_KERNEL", 2, "HEAD_KERNEL is 2; use 1 or 3"),
        ("ANCHOR_SIZES", (0.9, 0.2), "ANCHOR_SIZES"),
        ("MATCH_IOU", 1.5, "MATCH_IOU"),
        ("LOSS_WEIGHTS", {"box": 1.0}, "LOSS_WEIGHTS"),
    ],
)
def test_settings_that_cannot_be(tmp_path, name, value, words):
    config = SmallSsd()
    setattr(config, name, value)
    if name == "IMAGE_MAX_DIM":
        config.IMAGE_MIN_DIM = value
    with pytest.raises(ConfigError, match=words):
        SSD("inference", config, tmp_path)
