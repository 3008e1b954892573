"""Promise: an export and an evaluation leave the user's Config as it is, and data that no detector
can learn is named before anything is built."""

import copy

import pytest

from maskdet import Dataset, MobileConfig
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
