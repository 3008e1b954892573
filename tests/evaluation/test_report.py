"""Guards: the table and the JSON of an evaluation say what was measured, under the right name."""

import numpy as np
import pytest

from maskdet.evaluation.coco import APResult
from maskdet.evaluation.pictures import precision_recall_curves
from maskdet.evaluation.report import Evaluation, evaluate_detections
from tests.evaluation.conftest import CAT, DOG, Listed, detections_of

A, B, C = [0, 0, 20, 20], [40, 40, 60, 60], [70, 10, 90, 30]
GRID = np.linspace(0, 1, 101)


def result(ap, ap50, per_class):
    return APResult(ap, ap50, 0.0, per_class, dict.fromkeys(per_class, (GRID, GRID * 0)))


def test_images_without_objects_are_left_out_of_matterports_mean():
    dataset = Listed().fill([[(A, CAT)], [], [(B, CAT), (C, DOG)]])
    answers = [detections_of((A, CAT, 0.9)), detections_of((A, CAT, 0.8)), detections_of()]
    evaluation = evaluate_detections(dataset, answers)
    assert evaluation.matterport_ap == pytest.approx((1 + 0) / 2)
    assert (evaluation.images, evaluation.objects) == (3, 3)


def test_chosen_images_alone_are_scored():
    dataset = Listed().fill([[(A, CAT)], [(B, CAT), (C, DOG)]])
    evaluation = evaluate_detections(
        dataset, [detections_of((B, CAT, 0.9), (C, DOG, 0.9))], image_ids=[1]
    )
    assert (evaluation.images, evaluation.objects) == (1, 2)
    assert (evaluation.matterport_ap, evaluation.box.ap) == pytest.approx((1, 1))


def test_the_table_and_the_facts():
    boxes = result(0.25, 0.5, {"cat": 0.75, "dog": 0.125})
    masks = result(0.375, 0.625, {"cat": 0.875})
    evaluation = Evaluation(boxes, masks, 0.4375, 3, 17)
    lines = [line.split() for line in evaluation.table().splitlines()]
    assert lines[0] == ["box", "AP50", "mask", "AP50", "box", "AP", "mask", "AP"]
    assert lines[1] == ["all", "classes", "0.500", "0.625", "0.250", "0.375"]
    assert lines[2] == ["cat", "0.750", "0.875"]
    assert lines[3] == ["dog", "0.125", "nan"]
    assert lines[4] == "mean over images (compute_ap): 0.438 17 objects in 3 images".split()
    facts = evaluation.to_dict()
    assert facts["box"]["ap50"] == 0.5
    assert facts["mask"]["ap"] == 0.375
    assert (facts["matterport_ap"], facts["images"], facts["objects"]) == (0.4375, 3, 17)


def test_without_masks_there_is_no_column_of_them():
    evaluation = Evaluation(result(0.25, 0.5, {"cat": 0.75}), None, 0.5, 1, 1)
    assert evaluation.table().splitlines()[0].split() == ["box", "AP50", "box", "AP"]
    assert evaluation.to_dict()["mask"] is None


def test_curves_are_told_apart_by_class_and_kind():
    boxes, masks = result(0, 0, {"cat": 0.75, "dog": 0.125}), result(0, 0, {"cat": 0.875})
    curves = precision_recall_curves(Evaluation(boxes, masks, 0.5, 1, 1))
    assert {name: curve[2] for name, curve in curves.items()} == {
        "cat, box": 0.75,
        "dog, box": 0.125,
        "cat, mask": 0.875,
    }
    assert curves["cat, box"][0] is GRID
