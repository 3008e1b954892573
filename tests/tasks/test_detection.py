"""Promise: an export and an evaluation leave the user's Config as it is, and data that no detector
can learn is named before anything is built; masks decide where there are any."""

import copy
from types import SimpleNamespace

import pytest

from maskdet import Dataset, Detections, MobileConfig
from maskdet.errors import ConfigError
from maskdet.tasks.detection.task import DetectionTask


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
