"""Promise: classes are compared by their names, whatever their numbers."""

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.errors import DataError, UsageError
from maskdet.evaluation.coco import coco_ap, numbers_of
from maskdet.evaluation.report import evaluate_detections
from tests.evaluation.conftest import CAT, DOG, NAMES, SHAPE, Listed

BOX, OTHER_BOX = [10, 10, 40, 40], [50, 50, 90, 90]
PERFECT = pytest.approx(1.0)


def detections(names, kinds, boxes=(BOX, OTHER_BOX)):
    count = len(kinds)
    rows = np.array(boxes[:count], np.float32).reshape(-1, 4)
    scores = np.full(count, 0.9, np.float32)
    return Detections(rows, np.array(kinds, np.int32), scores, names, SHAPE)


@pytest.fixture(scope="module")
def pets():
    return Listed().fill([[(BOX, CAT), (OTHER_BOX, DOG)]])


def test_another_order_of_the_classes_costs_nothing(pets):
    same = detections(NAMES, [CAT, DOG])
    other = detections(("BG", "dog", "cat"), [2, 1])
    assert coco_ap(pets, [other]).ap == coco_ap(pets, [same]).ap == PERFECT
    assert coco_ap(pets, [detections(("BG", "dog", "cat"), [1, 2])]).ap50 == 0.0


def test_a_network_of_more_classes_is_scored_while_it_finds_none_of_them(pets):
    wider = ("BG", "bird", "cat", "dog")
    assert coco_ap(pets, [detections(wider, [2, 3])]).ap == PERFECT
    with pytest.raises(UsageError, match=r"bird, cat, dog.*has cat, dog; 'bird' is not"):
        coco_ap(pets, [detections(wider, [1, 3])])


def test_classes_without_names_count_by_their_numbers(pets):
    assert coco_ap(pets, [detections(("BG", "class 1", "class 2"), [1, 2])]).ap == PERFECT


def test_renumbered_detections_keep_all_else(pets):
    (one,) = numbers_of(pets, [detections(("BG", "dog", "cat"), [2, 1])])
    assert one.class_names == NAMES and one.class_ids.tolist() == [CAT, DOG]
    assert one.boxes.tolist() == [BOX, OTHER_BOX] and one.names == ["cat", "dog"]


@pytest.mark.parametrize("score", [coco_ap, evaluate_detections])
def test_a_class_id_that_the_set_has_not_is_named(score):
    broken = Listed().fill([[(BOX, 5)]])
    with pytest.raises(DataError, match=r"class id 5, .* 1 \.\. 2"):
        score(broken, [detections(NAMES, [CAT])])
