"""Promise: data that cannot be of a photo, or of other classes than the weights know, is said
before the first step, with the photo's name."""

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.data.requirements import check_names, check_sources, fitting_objects, largest_count
from maskdet.errors import ConfigError, DataError


def fruit(*names, source="fruit"):
    dataset = Dataset()
    for number, name in enumerate(names, start=1):
        dataset.add_class("fruit", number, name)
    dataset.add_image(source, "IMG_1", "IMG_1.jpg")
    dataset.prepare()
    return dataset


def test_classes_of_the_same_names_and_order_are_the_same():
    check_names(fruit("apple", "pear"), ("BG", "apple", "pear"), "trained on")
    check_names(fruit("apple", "pear"), (), "trained on")


def test_another_order_is_said_where_it_counts():
    known = ("BG", "pear", "apple")
    with pytest.raises(ConfigError, match=r"numbers its classes apple, pear.*pear, apple"):
        check_names(fruit("apple", "pear"), known, "trained on")
    check_names(fruit("apple", "pear"), known, "scored on", in_order=False)


@pytest.mark.parametrize("in_order", [True, False])
def test_other_classes_are_named(in_order):
    with pytest.raises(ConfigError, match=r"apple, pear.*apple, plum.*cannot be scored on it"):
        check_names(fruit("apple", "pear"), ("BG", "apple", "plum"), "scored on", in_order)


def test_images_of_a_source_without_classes_are_named():
    check_sources(fruit("apple"))
    with pytest.raises(ConfigError, match=r"'IMG_1' is of source 'tree'.*'fruit'"):
        check_sources(fruit("apple", source="tree"))


@pytest.mark.parametrize("number", [3, -3, 0, 7])
def test_class_ids_that_there_are_not_are_named(number):
    ids = np.array([1, number])
    with pytest.raises(DataError, match=rf"IMG_1 has class id {number}, .* 1 \.\. 2") as raised:
        fitting_objects(ids, None, (10, 20, 3), 3, "IMG_1")
    assert raised.value.kind == "unknown class"


def test_crowds_are_negative_ids_of_their_class():
    fitting_objects(np.array([1, -2]), None, (10, 20, 3), 3, "IMG_1")


def test_masks_of_another_size_are_named_with_both_sizes():
    ids, image = np.array([1]), (10, 20, 3)
    fitting_objects(ids, np.zeros((10, 20, 1), bool), image, 2, "IMG_1")
    fitting_objects(ids[:0], np.zeros((0, 0, 0), bool), image, 2, "IMG_1")
    with pytest.raises(DataError, match=r"IMG_1 are 20 x 10 pixels.*image is 10 x 20") as raised:
        fitting_objects(ids, np.zeros((20, 10, 1), bool), image, 2, "IMG_1")
    assert raised.value.kind == "mask of another size"


class OneLost(Dataset):
    """Of three images, the second one's masks are lost."""

    def load_mask(self, image_id):
        if image_id == 1:
            raise FileNotFoundError("IMG_1.png")
        return np.ones((5, 5, 1 + image_id), bool), np.ones(1 + image_id, np.int32)


def test_an_image_whose_objects_cannot_be_counted_is_named_or_left_to_the_loader():
    dataset = OneLost()
    dataset.add_class("x", 1, "thing")
    for number in range(3):
        dataset.add_image("x", number, f"IMG_{number}.jpg")
    dataset.prepare()
    with pytest.raises(
        DataError, match=r"IMG_1\.jpg cannot be read: FileNotFoundError: IMG_1\.png"
    ):
        largest_count(dataset, 100)
    assert largest_count(dataset, 100, "skip") == 3
    assert largest_count(dataset, 2, "skip") == 2
