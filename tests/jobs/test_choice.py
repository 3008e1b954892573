"""Promise: a set gets a network that fits it, and is told why."""

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.errors import UsageError
from maskdet.jobs.choice import CONFIGS, choose, object_sides


class Made(Dataset):
    """Photos of 1000 x 500 pixels with square boxes."""

    def __init__(self, *sides_of_photos):
        super().__init__()
        self.sides = sides_of_photos
        self.add_class("made", 1, "thing")
        for number in range(len(sides_of_photos)):
            self.add_image("made", str(number), f"{number}.jpg")
        self.prepare()

    def load_boxes(self, image_id):
        sides = self.sides[image_id]
        boxes = np.array([[0, 0, side, side] for side in sides], np.float32).reshape(-1, 4)
        return boxes, np.ones(len(sides), np.int32)

    def image_shape(self, image_id):
        return 500, 1000


def test_sides_are_shares_of_the_longer_side_and_the_fullest_photo_counts():
    sides, most = object_sides(Made([100, 250], [], [500, 500, 500]))
    assert sides.tolist() == [0.1, 0.25, 0.5, 0.5, 0.5]
    assert most == 3


def test_crowds_are_no_objects():
    made = Made([100])
    made.load_boxes = lambda image_id: (np.array([[0, 0, 9, 9]], np.float32), np.array([-1]))
    assert object_sides(made)[0].tolist() == []


def test_objects_get_the_light_network():
    choice = choose(Made(*[[200]] * 9))
    assert (choice.name, type(choice.config).__name__) == ("mobile", "MobileConfig")
    assert choice.reason == "the objects have boxes, which teach masks too"
    assert choice.changes == []
    assert choice.config.NUM_CLASSES == 2
    assert choice.config.STEPS_PER_EPOCH is None


def test_small_objects_get_a_larger_input_that_shows_them():
    made = Made(*[[25]] * 9)  # 25 of 1000 pixels are 11 of 448
    choice = choose(made)
    side = choice.config.IMAGE_MAX_DIM
    assert side == choice.config.IMAGE_MIN_DIM == 640
    assert 0.025 * side >= 16
    assert "at 640 pixels (IMAGE_MAX_DIM), since at 448" in choice.changes[0]
    assert "smaller than 11" in choice.changes[0]
    choice.config.NAME = "made"
    choice.config.validate()


def test_an_input_grows_to_a_limit():
    assert choose(Made(*[[1]] * 9)).config.IMAGE_MAX_DIM == 832


def test_a_full_photo_gets_room():
    choice = choose(Made([200], [200] * 120))
    assert choice.config.MAX_GT_INSTANCES == choice.config.DETECTION_MAX_INSTANCES == 180
    assert "MAX_GT_INSTANCES=180, since one photo has 120 objects" in choice.changes


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "classifier"])
def test_each_network_can_be_had_by_name(name):
    choice = choose(Made([25], [200] * 120), name)
    assert (choice.name, choice.reason) == (name, "")
    choice.config.NAME = "made"
    choice.config.validate()


def test_folders_of_classes_get_a_classifier(made_colours):
    choice = choose(Dataset.load(made_colours))
    assert (choice.name, choice.config.NUM_CLASSES) == ("classifier", 4)
    assert choice.reason == "the photos lie in a folder for each class"


def test_a_network_for_another_task_is_refused(made_colours):
    with pytest.raises(UsageError, match=r"--config pi is not .* use --config classifier\."):
        choose(Dataset.load(made_colours), "pi")
    with pytest.raises(UsageError, match=r"--config classifier is not .* use --config mobile\."):
        choose(Made([200]), "classifier")
