"""Guards: a YOLOX detects, is saved, opened and exported like any other model, and its file finds
the same boxes."""

import json

import numpy as np
import pytest

from maskdet import YOLOX, Detections, open_model
from maskdet.commands.main import main
from maskdet.errors import ConfigError
from maskdet.geometry.placement import CORNER_FILL
from maskdet.images import resize_image, write_image
from maskdet.models.yolox.network import cells
from maskdet.runtime import Detector
from tests.models.yolox.conftest import SIDE, SmallYolox


@pytest.fixture(scope="module")
def model(yolox_weights):
    return open_model(yolox_weights)


def nms(boxes, scores, threshold):
    """Indices that stay, the best first, by loops."""
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def iou(first, second):
    height = min(first[2], second[2]) - max(first[0], second[0])
    width = min(first[3], second[3]) - max(first[1], second[1])
    inter = max(height, 0) * max(width, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return inter / (sum(areas) - inter)


def by_hand(model, image):
    """Boxes in the image's pixels, classes and scores, from the head's own maps."""
    import keras

    placement = model.config.placement_rule(detecting=True)(image.shape)
    canvas = resize_image(image, placement).astype("f4")[None] / 128
    names = ("class_logits", "deltas", "objectness")
    maps = [model.network.get_layer(f"head{i}_{n}").output for i in (3, 4, 5) for n in names]
    outputs = keras.Model(model.network.inputs, maps).predict_on_batch(canvas)
    boxes, scores = [], []
    for level, stride in enumerate((8, 16, 32)):
        logits, deltas, objectness = (array[0] for array in outputs[3 * level : 3 * level + 3])
        y, x = np.mgrid[: logits.shape[0], : logits.shape[1]]
        centre = (deltas[..., :2] + np.stack([y, x], axis=-1)) * stride
        half = np.exp(deltas[..., 2:]) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], axis=-1).reshape(-1, 4))
        joint = 1 / (1 + np.exp(-logits)) / (1 + np.exp(-objectness))
        scores.append(joint.reshape(-1, logits.shape[2]))
    boxes, scores = np.clip(np.concatenate(boxes), 0, SIDE), np.concatenate(scores)
    found = []
    for number in range(scores.shape[1]):
        rows = np.flatnonzero(scores[:, number] >= model.config.DETECTION_MIN_CONFIDENCE)
        for i in nms(boxes[rows], scores[rows, number], model.config.DETECTION_NMS_THRESHOLD):
            found.append([*boxes[rows[i]], number + 1, scores[rows[i], number]])
    found = np.array(sorted(found, key=lambda row: -row[5]))
    return placement.inverse_boxes(found[:, :4]), found[:, 4], found[:, 5]


@pytest.mark.parametrize("shape", [(120, 128), (60, 200), (300, 170)])
def test_detections_are_what_the_maps_say_in_the_images_own_pixels(model, shape):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    boxes, class_ids, scores = by_hand(model, image)
    [detections] = model.detections([image])
    assert isinstance(model, YOLOX) and isinstance(detections, Detections)
    assert detections.class_names == ("BG", "red", "blue") and not detections.has_masks
    assert detections.image_shape == shape and len(boxes) > 3
    inside = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    inside = inside[: model.config.DETECTION_MAX_INSTANCES]
    np.testing.assert_array_equal(detections.class_ids, class_ids[inside])
    np.testing.assert_allclose(detections.scores, scores[inside], atol=1e-4)
    np.testing.assert_allclose(detections.boxes, boxes[inside], atol=0.05)


def test_one_cell_can_be_an_object_of_two_classes(yolox_weights, yolox_set):
    model_of_all = open_model(yolox_weights, min_score=0.05)
    [detections] = model_of_all.detections([yolox_set.load_image(3)])
    rows = {tuple(np.round(box, 3)) for box in detections.boxes}
    assert len(rows) < len(detections)


def test_cells_are_squares_around_upper_left_corners():
    boxes = cells(SmallYolox())
    assert boxes.shape == (256 + 64 + 16, 4) and boxes.dtype == np.float32
    assert boxes[0].tolist() == [-4, -4, 4, 4] and boxes[1].tolist() == [-4, 4, 4, 12]
    assert boxes[-1].tolist() == [80, 80, 112, 112]


# ---- files -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def exported(model, yolox_set, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "small.tflite"
    return path, model.export(path, dataset=yolox_set, progress=False)


def test_the_file_finds_the_same_in_the_images_own_pixels(exported, model):
    path, report = exported
    assert report.verified and report.comparison.agreement.expected > 3
    detector = Detector(path)
    # Far from square: what lies where in the padding matters.
    image = np.random.default_rng(1).integers(0, 256, (60, 200, 3)).astype(np.uint8)
    [expected] = model.detections([image])
    detections = detector.detect(image)
    np.testing.assert_array_equal(detections.class_ids, expected.class_ids[: len(detections)])
    np.testing.assert_allclose(detections.boxes, expected.boxes[: len(detections)], atol=0.05)
    np.testing.assert_allclose(detections.scores, expected.scores[: len(detections)], atol=1e-3)


def test_the_file_says_where_images_go_and_what_its_boxes_are(exported):
    facts = Detector(exported[0]).facts
    assert facts.all["resize_mode"] == "corner" and facts.all["plain_boxes"] is True
    placement = facts.placement((60, 200))
    assert placement.window == (0, 0, 38, 128) and placement.fill == CORNER_FILL


def test_the_command_line_detects_and_exports(yolox_weights, yolox_set, tmp_path, capsys):
    write_image(tmp_path / "photo.png", yolox_set.load_image(3))
    arguments = ["detect", str(yolox_weights), str(tmp_path / "photo.png"), "--out"]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    assert "red" in capsys.readouterr().out and (tmp_path / "out" / "photo.jpg").exists()


def test_the_json_says_the_family(yolox_weights):
    facts = json.loads(yolox_weights.with_name("small.h5.json").read_text())
    assert (facts["family"], facts["task"], facts["outputs"]) == ("yolox", "detection", ["boxes"])


# ---- settings --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IMAGE_MAX_DIM", 400, "400 x 400, which 32 does not divide"),
        ("IMAGE_RESIZE_MODE", "pad64", "IMAGE_RESIZE_MODE is 'pad64'; use one of corner, square"),
        ("DETECTION_CANDIDATES", 0, "DETECTION_CANDIDATES"),
        ("BACKBONE", "efficientnet_lite0", "no pyramid of its own.*'yolox_nano'"),
        ("LOSS_WEIGHTS", {"box": 1.0}, "LOSS_WEIGHTS"),
    ],
)
def test_settings_that_cannot_be(tmp_path, name, value, words):
    config = SmallYolox()
    setattr(config, name, value)
    with pytest.raises(ConfigError, match=words):
        YOLOX("inference", config, tmp_path)
