"""Promise: an export and an evaluation leave the user's Config as it is, and data that no detector
can learn is named before anything is built; masks decide where there are any."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from maskdet import Dataset, Detections, MobileConfig, YoloxConfig
from maskdet.errors import ConfigError
from maskdet.geometry import place
from maskdet.tasks.detection.task import DetectionTask
from maskdet.tasks.task import FileFacts


def test_what_a_file_reports_is_no_business_of_the_models_config():
    config = MobileConfig()
    before = copy.deepcopy(vars(config))
    reporting = DetectionTask().reporting_config(config, 25, 0.125)
    assert (reporting.DETECTION_MAX_INSTANCES, reporting.DETECTION_MIN_CONFIDENCE) == (25, 0.125)
    assert vars(config) == before and reporting is not config


def test_images_of_a_source_without_classes_are_named():
    dataset = Dataset()
    dataset.add_class("fruit", 1, "apple")
    dataset.add_image("tree", "IMG_1", "IMG_1.jpg")
    dataset.prepare()
    config = MobileConfig()
    config.NUM_CLASSES = 2
    with pytest.raises(ConfigError, match="'tree'"):
        DetectionTask().check_dataset(dataset, config)


@pytest.mark.parametrize(
    ("mask", "names"),
    [(None, ["ap", "ap50"]), ((0.3, 0.6), ["mask_ap", "mask_ap50", "ap", "ap50"])],
)
def test_a_trainings_figures_begin_with_the_one_that_decides(mask, names):
    scores = [value and SimpleNamespace(ap=value[0], ap50=value[1]) for value in ((0.4, 0.7), mask)]
    logged = DetectionTask().logged(SimpleNamespace(box=scores[0], mask=scores[1]))
    assert list(logged) == names
    assert (logged["ap"], logged["ap50"]) == (0.4, 0.7)
    assert mask is None or (logged["mask_ap"], logged["mask_ap50"]) == mask


def test_pictures_of_a_training_show_what_is_more_likely_than_not():
    boxes = [[0, 0, 9, 9]] * 2
    found = Detections(boxes, [1, 1], [0.9, 0.4], ("BG", "red"), (20, 20))
    assert len(DetectionTask().worth_showing(found)) == 1


def decoded(**facts):
    arrays = [np.array([[[0.25, 0.5, 1.0, 1.0]]]), np.zeros((1, 1)), np.ones((1, 1)), np.ones(1)]
    placement = place((128, 128), 0, 64)
    file_facts = FileFacts(class_names=("BG", "cat"), ours=True, all=facts)
    return DetectionTask().decode(arrays, placement, file_facts).boxes[0]


def test_a_file_says_whether_its_boxes_are_plain_shares():
    """64 pixels of the input are 128 of the image; matterport's corners lie on corner pixels."""
    np.testing.assert_allclose(decoded(plain_boxes=True), [32, 64, 128, 128], atol=1e-4)
    others = decoded()
    np.testing.assert_allclose(others, decoded(plain_boxes=False))
    np.testing.assert_allclose(others, [16 / 63 * 127, 32 / 63 * 127, 128, 128], atol=1e-4)


def test_facts_of_a_file_name_the_form_of_its_boxes():
    facts = [
        DetectionTask().file_facts(config(), frozenset({"boxes"}), 0.05)["plain_boxes"]
        for config in (MobileConfig, YoloxConfig)
    ]
    assert facts == [False, True]


def test_class_numbers_that_int8_moved_a_little_are_those_they_were():
    """Files of older exports gave 1.9961 for class 2 of the contract, the third with background."""
    arrays = [np.array([[[0.25, 0.5, 1.0, 1.0]]]), np.full((1, 1), 1.9961), np.ones((1, 1))]
    facts = FileFacts(class_names=("BG", "cat", "dog", "emu"), ours=True)
    found = DetectionTask().decode([*arrays, np.ones(1)], place((128, 128), 0, 64), facts)
    assert found.names == ["emu"]
