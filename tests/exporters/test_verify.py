"""Promise: a file that does not do what its network does is never written, and the sentence says in
which photo and by how much it differs."""

import copy
import random
import re

import numpy as np
import pytest

from maskdet import Detections, MaskRCNN
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.exporters import source as source_module
from maskdet.exporters import verify
from maskdet.exporters.photos import compared_photos, spread
from maskdet.exporters.report import Row, table
from maskdet.tasks.detection.comparison import compare_detections, matching_rows
from maskdet.tasks.detection.task import DETECTION, DetectionTask
from maskdet.training.settling import settled
from tests.models.conftest import MaskedRectangles, SmallConfig


class RectanglesConfig(SmallConfig):
    STEPS_PER_EPOCH = 60
    IMAGES_PER_GPU = 8
    VALIDATION_STEPS = 0
    DETECTION_MIN_CONFIDENCE = 0.5


@pytest.fixture(scope="module")
def rectangles():
    return MaskedRectangles().fill(16)


@pytest.fixture(scope="module")
def trained(rectangles, tmp_path_factory):
    """A network that has learnt to find red and blue rectangles, in seconds."""
    folder = tmp_path_factory.mktemp("trained")
    model = MaskRCNN("training", RectanglesConfig(), folder)
    model.load_weights("imagenet")
    model.train(rectangles, None, 0.004, 1, "heads")
    model.save_weights(folder / "rectangles.h5")
    detector = MaskRCNN("inference", RectanglesConfig(), folder)
    detector.load_weights(folder / "rectangles.h5")
    # Settled here, so that what follows compares one and the same network.
    once = settled(detector.trained, rectangles, progress=False)
    detector.trained = once.with_facts(steps=None)
    return detector


def refused(model, tmp_path, match, **arguments):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match=match):
        model.export(path, progress=False, **arguments)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


# ---- good files ------------------------------------------------------------------------------
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_good_file_is_compared_scored_and_written(trained, rectangles, tmp_path, precision):
    photos = [rectangles.load_image(i) for i in rectangles.image_ids]
    report = trained.export(
        tmp_path / "good.tflite",
        precision=precision,
        calibration=photos if precision == "int8" else None,
        dataset=rectangles,
        progress=False,
    )
    agreement = report.comparison.agreement
    assert report.verified and agreement.photos == 16
    assert agreement.expected >= 12 and agreement.matched >= 0.8 * agreement.expected
    network, file = report.rows
    assert network.scores["box AP50"] > 0.5 and network.scores["mask AP"] > 0.2
    assert file.scores.keys() == network.scores.keys() and file.size == report.size
    if precision == "float32":
        assert file.scores == pytest.approx(network.scores, abs=1e-3)
        assert agreement.errors["box"] < 0.05 and agreement.errors["mask"] < 0.02


def test_an_export_leaves_the_model_and_the_process_alone(trained, rectangles, tmp_path):
    model = copy.copy(trained)
    model.steps = 60  # so short that the file's batch norms are settled anew
    before = [weights.copy() for weights in model.network.get_weights()]
    first = next(model.detections([rectangles.load_image(3)]))
    random.seed(5)
    np.random.seed(6)
    states = random.getstate(), np.random.get_state()[1].tolist()
    model.export(tmp_path / "a.tflite", calibration=rectangles, verify=False, progress=False)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    for old, new in zip(before, model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.steps == 60 and model.config.DETECTION_MIN_CONFIDENCE == 0.5
    assert next(model.detections([rectangles.load_image(3)])) == first


# ---- bad files -------------------------------------------------------------------------------
def with_weights(monkeypatch, name, change):
    """A twin in which a layer's weights went wrong on their way from the trained network."""

    def copied(source, target):
        copy_weights(source, target)
        layer = next((layer for layer in target.layers if layer.name == name), None)
        if layer is not None and target.name.endswith("lite"):
            layer.set_weights([change(weights) for weights in layer.get_weights()])

    copy_weights = source_module.copy_weights
    monkeypatch.setattr(source_module, "copy_weights", copied)


@pytest.mark.thorough
def test_a_twin_without_box_refinement_is_refused(trained, rectangles, tmp_path, monkeypatch):
    """Network and file agree with each other in this one: the trained network alone tells."""
    with_weights(monkeypatch, "mrcnn_bbox_fc", np.zeros_like)
    match = r"float32 file does not agree.*in .*image \d+ .*(pixels away|not in the file)"
    refused(trained, tmp_path, match, dataset=rectangles)


@pytest.mark.thorough
def test_a_twin_with_a_wrong_mask_layer_is_refused(trained, rectangles, tmp_path, monkeypatch):
    with_weights(monkeypatch, "mrcnn_mask_conv1", lambda weights: 0.5 * weights)
    refused(trained, tmp_path, r"the mask of the (red|blue).*differs by 0\.", dataset=rectangles)


def test_swapped_classes_are_refused(trained, rectangles, tmp_path, monkeypatch):
    with_weights(monkeypatch, "mrcnn_class_logits", lambda weights: weights[..., [0, 2, 1]])
    refused(
        trained, tmp_path, r"the (red|blue) of score .* is not in the file's", dataset=rectangles
    )


@pytest.mark.thorough
def test_a_wrong_window_is_refused(trained, rectangles, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "maskdet.runtime.predictor.normalize_boxes",
        lambda boxes, shape: np.array([[0.4, 0.4, 0.6, 0.6]], np.float32),
    )
    match = r"in .*image \d+ .*\(\d+ of \d+ objects agree|pixels away"
    refused(trained, tmp_path, match, dataset=rectangles)


def test_an_int8_file_calibrated_on_black_photos_is_refused(trained, rectangles, tmp_path):
    black = [np.zeros((120, 128, 3), np.uint8)] * 3
    match = r"int8 file does not agree.*in .*image \d+ .*more calibration images"
    refused(trained, tmp_path, match, calibration=black, dataset=rectangles)


@pytest.mark.thorough
def test_a_file_that_scores_lower_is_refused(trained, rectangles, tmp_path, monkeypatch):
    """As good as equal in single photos, but worse on the whole set."""
    figures, calls = DetectionTask.figures, []

    def lower_for_the_file(self, evaluation):
        calls.append(evaluation)
        lost = 0.02 * (len(calls) - 1)
        return {name: value - lost for name, value in figures(self, evaluation).items()}

    monkeypatch.setattr(DetectionTask, "figures", lower_for_the_file)
    refused(trained, tmp_path, r"loses 2\.0 points of box AP50", dataset=rectangles)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("precision", "precisions", "words", "missing"),
    [
        ("int8", ("float32", "int8"), "use precision='float32'", "Report"),
        ("int8", ("int8",), "more calibration images", "float32"),
        ("float32", ("float32",), "Report this", "calibration"),
    ],
)
def test_nobody_is_sent_to_a_precision_that_the_format_has_not(
    precision, precisions, words, missing
):
    advice = verify._advice(precision, precisions)
    assert words in advice and missing not in advice


# ---- nothing to compare ----------------------------------------------------------------------
class Blank(MaskedRectangles):
    def load_image(self, image_id):
        return np.full((120, 128, 3), 90, np.uint8)


@pytest.mark.thorough
def test_photos_in_which_the_network_is_sure_of_nothing_pass_no_file(trained, tmp_path):
    match = r"Nothing could be compared: the network is sure of nothing in 8 photos.*verify=False"
    refused(trained, tmp_path, match, dataset=Blank().fill(8))


@pytest.mark.thorough
def test_without_photos_it_is_said_that_nothing_was_compared(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "maskdet.exporters.photos.make_scene",
        lambda shape, draws: type("Scene", (), {"image": np.full((*shape, 3), 90, np.uint8)}),
    )
    with pytest.warns(MaskdetWarning, match="Nothing could be compared.*only the conversion"):
        report = trained.export(tmp_path / "a.tflite", progress=False)
    assert not report.verified and report.remark and (tmp_path / "a.tflite").exists()


# ---- which photos ----------------------------------------------------------------------------
def test_a_data_sets_photos_come_before_those_of_the_calibration(rectangles):
    other = [np.zeros((8, 8, 3), np.uint8)] * 9
    photos = compared_photos(rectangles, other, 5, 4)
    assert photos.names == [f"drawn image image {i}" for i in (0, 5, 10, 15)]
    np.testing.assert_array_equal(photos.images[1], rectangles.load_image(5))


def test_photos_that_were_not_measured_come_before_those_that_were(rectangles):
    measured = set(spread(16, 6).tolist())
    photos = compared_photos(None, rectangles, 6, 16)
    assert photos.names == [f"drawn image image {i}" for i in range(16) if i not in measured]
    listed = [np.full((8, 8, 3), i, np.uint8) for i in range(5)]
    photos = compared_photos(None, listed, 3, 16)
    assert [int(image[0, 0, 0]) for image in photos.images] == [3, 4]
    photos = compared_photos(None, listed, 100, 2)
    assert [int(image[0, 0, 0]) for image in photos.images] == [0, 4]
    assert compared_photos(None, [], 0, 3).made_up


# ---- the comparison itself -------------------------------------------------------------------
NAMES = ("BG", "cat", "dog")


def found(boxes, class_ids, scores, masks=None):
    return Detections(np.array(boxes, float), class_ids, scores, NAMES, (100, 200), masks)


CAT = found([[10, 10, 50, 60]], [1], [0.9])


@pytest.mark.parametrize(
    ("other", "precision", "fault"),
    [
        (CAT, "float32", None),
        (found([[10, 10, 50, 60.05]], [1], [0.9]), "float32", None),
        (found([[10, 10, 50, 60.5]], [1], [0.9]), "float32", r"box of the cat .* lies 0\.5 pixels"),
        (found([[10, 10, 50, 60.5]], [1], [0.9]), "float16", None),
        (found([[10, 10, 50, 60]], [1], [0.91]), "float32", r"has 0\.91 in the file"),
        (found([[10, 10, 50, 60]], [2], [0.9]), "int8", r"cat of score 0\.90 is not in"),
        (found([], [], []), "int8", r"cat of score 0\.90 is not in the file's \(0 of 1"),
        (found([[10, 10, 50, 64]], [1], [0.3]), "int8", None),
        (found([[10, 10, 50, 75]], [1], [0.9]), "int8", r"mean IoU is 0\.77"),
        (
            found([[10, 10, 50, 60], [60, 100, 90, 180]], [1, 2], [0.9, 0.8]),
            "int8",
            r"finds a dog of score 0\.80 more",
        ),
        (found([[10, 10, 50, 60], [60, 100, 90, 180]], [1, 2], [0.9, 0.5]), "int8", None),
    ],
)
def test_limits_of_each_precision(other, precision, fault):
    agreement = compare_detections([found([], [], []), CAT], [found([], [], []), other], precision)
    assert agreement.photos == 2 and agreement.expected == 1
    if fault is None:
        assert agreement.fault is None
    else:
        assert agreement.photo == 1
        assert re.search(fault, agreement.fault), agreement.fault


def test_masks_are_compared_cell_by_cell():
    ours = found([[10, 10, 50, 60]], [1], [0.9], np.ones((1, 4, 4)))
    theirs = found([[10, 10, 50, 60]], [1], [0.9], np.full((1, 4, 4), 0.9))
    assert "mask of the cat" in compare_detections([ours], [theirs], "float32").fault
    assert compare_detections([ours], [theirs], "int8").fault is None


def test_unsure_objects_are_not_asked_for():
    unsure = found([[10, 10, 50, 60]], [1], [0.4])
    agreement = compare_detections([unsure], [found([], [], [])], "float32")
    assert agreement.expected == 0 and agreement.fault is None


def raw(scores, lefts, classes):
    boxes = np.zeros((1, len(scores), 4), np.float32)
    boxes[0, :, 1] = lefts
    return {
        "score": np.array([scores], np.float32),
        "location": boxes,
        "category": np.array([classes], np.float32),
    }


def test_objects_that_changed_places_are_the_same_objects():
    ours = raw([0.9, 0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0, 0], [0, 1, 2, 0, 0])
    theirs = raw([0.9, 0.5, 0.5, 0.0, 0.0], [0.1, 0.3, 0.2, 0, 0], [0, 2, 1, 0, 0])
    assert matching_rows(ours, theirs).tolist() == [0, 2, 1, 3, 4]
    assert matching_rows(ours, ours).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("figure", "precision", "allowed"),
    [
        ("box AP50", "int8", 0.01),
        ("box AP", "int8", 0.02),
        ("mask AP", "float16", 0.01),
        ("mask AP50", "float32", 0.001),
    ],
)
def test_points_that_a_file_may_lose(figure, precision, allowed):
    assert DETECTION.allowed_loss(figure, precision) == allowed


def test_the_table_lines_up():
    scores = {"box AP50": 0.5, "box AP": 0.25}
    text = table(
        [Row("network", 0, 80.0, scores), Row("mine.tflite, int8", 3_400_000, 9.5, scores)]
    )
    head, first, second = text.splitlines()
    assert "box AP50" in head
    assert first.index("0.500") == second.index("0.500")
    assert "3.40 MB" in second
    assert "9.5 ms" in second
