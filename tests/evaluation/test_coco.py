"""Guards: the AP we print is COCO's, also for nothing found, nothing there and difficult ones."""

from dataclasses import replace

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.evaluation.coco import coco_ap
from maskdet.evaluation.report import evaluate_detections
from tests.evaluation.conftest import CAT, DOG, NAMES, SHAPE, Listed, UpperHalves, detections_of

A, B, C = [0, 0, 20, 20], [40, 40, 60, 60], [70, 10, 90, 30]


def test_a_hand_checked_case():
    # Ranked: A right, C wrong, B right: precision 1 up to recall 1/2, then 2/3. COCO reads the
    # envelope at 101 recalls: 51 of them (0 .. 0.50) at 1, 50 at 2/3.
    dataset = Listed().fill([[(A, 1), (B, 1)]])
    result = coco_ap(dataset, [detections_of((A, 1, 0.9), (C, 1, 0.8), (B, 1, 0.7))])
    assert result.ap50 == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert result.per_class_ap50 == {"cat": pytest.approx(result.ap50)}
    recall, precision = result.curves["cat"]
    np.testing.assert_allclose(recall, np.linspace(0, 1, 101))
    np.testing.assert_allclose(precision, [1.0] * 51 + [2 / 3] * 50)


def test_masks_of_images_in_which_nothing_was_found():
    """pycocotools takes no empty list of masks; a network's first epochs give many."""
    dataset = UpperHalves().fill([[(A, CAT)], [(B, CAT)]])
    nothing = replace(detections_of(), small_masks=np.zeros((0, 28, 28), np.float32))
    # Half of the objects at a precision of 1: COCO reads it at 51 of 101 recalls.
    result = coco_ap(dataset, [with_mask(A, 14), nothing], iou_type="segm")
    assert result.ap50 == pytest.approx(51 / 101)


@pytest.mark.parametrize(
    ("iou", "ap50", "ap75", "rows"),
    [(0.48, 0, 0, 0), (0.52, 1, 0, 1), (0.72, 1, 0, 5), (0.78, 1, 1, 6), (0.97, 1, 1, 10)],
)
def test_each_iou_has_its_own_row(iou, ap50, ap75, rows):
    dataset = Listed().fill([[([0, 0, 50, 100], CAT)]])
    result = coco_ap(dataset, [detections_of(([0, 0, 50, 100 * iou], CAT, 0.9))])
    # AP is the mean over the ten rows 0.50, 0.55 .. 0.95.
    assert (result.ap50, result.ap75, result.ap) == pytest.approx((ap50, ap75, rows / 10))


def test_objects_of_all_sizes_count():
    small, medium, large = [0, 0, 10, 10], [0, 30, 50, 80], [0, 0, 100, 100]
    images = [[(box, CAT)] for box in (small, medium, large)]
    answers = [detections_of((box, CAT, 0.9)) for box in (small, medium, large)]
    for number in range(3):
        missed = [detections_of() if i == number else answers[i] for i in range(3)]
        # Two objects of three: recalls 0 .. 0.66.
        assert coco_ap(Listed().fill(images), missed).ap50 == pytest.approx(67 / 101)


def test_more_than_a_hundred_detections_of_an_image_count():
    rows = [([80, i / 2, 99, i / 2 + 30], CAT, 0.9 - i / 1000) for i in range(110)]
    result = coco_ap(Listed().fill([[(A, CAT)]]), [detections_of(*rows, (A, CAT, 0.1))])
    assert result.ap50 == pytest.approx(1 / 111)


def test_boxes_are_long_and_wide_the_right_way_round():
    wide, tall = [10, 20, 30, 90], [20, 10, 90, 30]
    dataset = Listed().fill([[(wide, CAT)]])
    assert coco_ap(dataset, [detections_of((wide, CAT, 0.9))]).ap == pytest.approx(1)
    assert coco_ap(dataset, [detections_of((tall, CAT, 0.9))]).ap50 == 0


def test_all_images_share_one_ranking_unlike_matterports_mean():
    dataset = Listed().fill([[(A, 1)], [(A, 1)]])
    detections = [detections_of((B, 1, 0.9), (A, 1, 0.3)), detections_of((A, 1, 0.5))]
    evaluation = evaluate_detections(dataset, detections)
    assert evaluation.matterport_ap == pytest.approx((0.5 + 1) / 2)
    assert evaluation.box.ap50 == pytest.approx(2 / 3, abs=0.01)


def test_detections_belong_to_the_images_they_were_given_for():
    dataset = Listed().fill([[(A, CAT)], [(B, CAT)], [(C, DOG)]])
    answers = [detections_of((C, DOG, 0.9)), detections_of((A, CAT, 0.9))]
    assert coco_ap(dataset, answers, image_ids=[2, 0]).ap == pytest.approx(1)
    assert coco_ap(dataset, answers, image_ids=[0, 2]).ap50 == 0


def test_perfect_and_empty_answers():
    dataset = Listed().fill([[(A, 1), (B, 2)], []])
    perfect = coco_ap(dataset, [detections_of((A, 1, 0.9), (B, 2, 0.8)), detections_of()])
    assert (perfect.ap, perfect.ap50, perfect.ap75) == pytest.approx((1, 1, 1))
    nothing = coco_ap(dataset, [detections_of(), detections_of()])
    assert nothing.ap == 0 and nothing.ap50 == 0


# ---- classes ----------------------------------------------------------------------------------
def test_the_wrong_class_is_wrong():
    dataset = Listed().fill([[(A, 1), (B, 2)]])
    assert coco_ap(dataset, [detections_of((A, 2, 0.9), (B, 1, 0.9))]).ap50 == 0


def test_each_class_has_its_own_score_by_name():
    dataset = Listed().fill([[(A, CAT), (B, DOG), (C, DOG)]])
    loose = [0, 0, 20, 14]  # IoU 0.7 with A
    answers = [detections_of((loose, CAT, 0.5), (B, DOG, 0.9), (A, DOG, 0.4))]
    result = coco_ap(dataset, answers)
    assert result.per_class_ap50 == pytest.approx({"cat": 1.0, "dog": 51 / 101})
    assert result.ap50 == pytest.approx((1 + 51 / 101) / 2)  # classes count alike
    assert set(result.curves) == {"cat", "dog"}
    assert result.curves["dog"][1].tolist() == pytest.approx([1.0] * 51 + [0.0] * 50)
    facts = result.to_dict()
    assert facts["per_class_ap50"] == result.per_class_ap50
    assert (facts["ap"], facts["ap50"], facts["ap75"]) == (result.ap, result.ap50, result.ap75)


def test_a_class_without_objects_has_no_score_and_costs_nothing():
    dataset = Listed().fill([[(B, DOG)]])
    result = coco_ap(dataset, [detections_of((B, DOG, 0.9), (A, CAT, 0.9))])
    assert result.per_class_ap50 == {"dog": pytest.approx(1)}
    assert result.ap == pytest.approx(1)


# ---- difficult objects and crowds -------------------------------------------------------------
def test_difficult_objects_are_neither_right_nor_wrong():
    dataset = Listed().fill([[(A, 1), (B, 1, "difficult")]])
    assert coco_ap(dataset, [detections_of((A, 1, 0.8), (B, 1, 0.9))]).ap50 == pytest.approx(1)
    assert coco_ap(dataset, [detections_of((A, 1, 0.8))]).ap50 == pytest.approx(1)


def test_crowds_are_neither_right_nor_wrong():
    dataset = Listed().fill([[(A, CAT), ([40, 40, 90, 90], -CAT)]])
    # Any number of detections inside a crowd, before the right one in rank.
    inside = [(B, CAT, 0.9), ([60, 60, 80, 90], CAT, 0.85)]
    assert coco_ap(dataset, [detections_of((A, CAT, 0.8), *inside)]).ap == pytest.approx(1)
    assert coco_ap(dataset, [detections_of((A, CAT, 0.8))]).ap == pytest.approx(1)
    assert coco_ap(dataset, [detections_of(*inside)]).ap50 == 0
    # A crowd of cats excuses no dogs, and nothing outside it.
    for box, kind in ((B, DOG), (C, CAT)):
        dogs = Listed().fill([[(A, kind), ([40, 40, 90, 90], -CAT)]])
        result = coco_ap(dogs, [detections_of((A, kind, 0.8), (box, kind, 0.9))])
        assert result.ap50 == pytest.approx(0.5)


def test_a_set_of_crowds_alone_has_no_score():
    result = coco_ap(Listed().fill([[(A, -CAT)]]), [detections_of((A, CAT, 0.9))])
    assert np.isnan([result.ap, result.ap50, result.ap75]).all()
    assert result.per_class_ap50 == {}


# ---- odd sets ---------------------------------------------------------------------------------
def test_a_set_without_objects_has_no_score():
    evaluation = evaluate_detections(Listed().fill([[]]), [detections_of()])
    assert np.isnan(evaluation.box.ap50) and np.isnan(evaluation.matterport_ap)
    assert "all classes" in evaluation.table()


def test_numbers_must_agree():
    with pytest.raises(UsageError, match="1 images but 2 detections"):
        coco_ap(Listed().fill([[]]), [detections_of(), detections_of()])


# ---- masks ------------------------------------------------------------------------------------
def with_mask(box, rows):
    """A cat whose mask fills the upper ``rows`` of 28 rows of its box."""
    mask = np.zeros((1, 28, 28), np.float32)
    mask[0, :rows] = 1
    return Detections([box], [CAT], [0.9], NAMES, SHAPE, mask)


def test_masks_are_scored_when_both_sides_have_them():
    dataset = UpperHalves().fill([[(A, 1)]])
    right, whole = with_mask(A, 14), with_mask(A, 28)
    assert evaluate_detections(dataset, [right]).mask.ap50 == pytest.approx(1)
    assert evaluate_detections(dataset, [whole]).mask.ap75 == 0
    assert evaluate_detections(dataset, [detections_of((A, 1, 0.9))]).mask is None


def test_boxes_and_masks_have_scores_of_their_own():
    dataset = UpperHalves().fill([[([0, 0, 56, 40], CAT)]])
    evaluation = evaluate_detections(dataset, [with_mask([0, 0, 56, 40], 10)])
    assert evaluation.box.ap == pytest.approx(1)
    # 20 rows of the object's 28: IoU 0.71, five rows of ten.
    assert evaluation.mask.ap == pytest.approx(0.5)
    assert (evaluation.mask.ap50, evaluation.mask.ap75) == pytest.approx((1, 0))
    assert evaluation.matterport_ap == pytest.approx(1)
    # Too small a mask is a miss in matterport's measure too, however good its box.
    evaluation = evaluate_detections(dataset, [with_mask([0, 0, 56, 40], 4)])
    assert evaluation.box.ap == pytest.approx(1)
    assert (evaluation.mask.ap50, evaluation.matterport_ap) == (0, 0)
