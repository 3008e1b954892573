"""Guards: the AP we print is COCO's, also for nothing found, nothing there and difficult ones."""

import numpy as np
import pytest

from maskdet.data.dataset import Dataset
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.evaluation.coco import coco_ap
from maskdet.evaluation.report import evaluate_detections

NAMES = ("BG", "cat", "dog")
SHAPE = (100, 100)


class Listed(Dataset):
    def fill(self, images):
        self.add_class("x", 1, "cat")
        self.add_class("x", 2, "dog")
        for number, objects in enumerate(images):
            self.add_image("x", number, None, objects=objects)
        self.prepare()
        return self

    def load_boxes(self, image_id):
        objects = self.image_info[image_id]["objects"]
        boxes = np.array([box for box, *_ in objects], np.float32).reshape(-1, 4)
        return boxes, np.array([kind for _, kind, *_ in objects], np.int32)

    def load_difficult(self, image_id):
        return np.array([len(o) > 2 for o in self.image_info[image_id]["objects"]], bool)

    def load_image(self, image_id):
        return np.zeros((*SHAPE, 3), np.uint8)


def found(*rows):
    boxes = np.array([box for box, *_ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, [r[1] for r in rows], [r[2] for r in rows], NAMES, SHAPE)


A, B, C = [0, 0, 20, 20], [40, 40, 60, 60], [70, 10, 90, 30]


def test_a_hand_checked_case():
    # Ranked: A right, C wrong, B right: precision 1 up to recall 1/2, then 2/3. COCO reads the
    # envelope at 101 recalls: 51 of them (0 .. 0.50) at 1, 50 at 2/3.
    dataset = Listed().fill([[(A, 1), (B, 1)]])
    result = coco_ap(dataset, [found((A, 1, 0.9), (C, 1, 0.8), (B, 1, 0.7))])
    assert result.ap50 == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert result.per_class_ap50 == {"cat": pytest.approx(result.ap50)}


def test_all_images_share_one_ranking_unlike_matterports_mean():
    dataset = Listed().fill([[(A, 1)], [(A, 1)]])
    detections = [found((B, 1, 0.9), (A, 1, 0.3)), found((A, 1, 0.5))]
    evaluation = evaluate_detections(dataset, detections)
    assert evaluation.matterport_ap == pytest.approx((0.5 + 1) / 2)
    assert evaluation.box.ap50 == pytest.approx(2 / 3, abs=0.01)


def test_perfect_and_empty_answers():
    dataset = Listed().fill([[(A, 1), (B, 2)], []])
    perfect = coco_ap(dataset, [found((A, 1, 0.9), (B, 2, 0.8)), found()])
    assert (perfect.ap, perfect.ap50, perfect.ap75) == pytest.approx((1, 1, 1))
    nothing = coco_ap(dataset, [found(), found()])
    assert nothing.ap == 0 and nothing.ap50 == 0


def test_the_wrong_class_is_wrong():
    dataset = Listed().fill([[(A, 1), (B, 2)]])
    assert coco_ap(dataset, [found((A, 2, 0.9), (B, 1, 0.9))]).ap50 == 0


def test_difficult_objects_are_neither_right_nor_wrong():
    dataset = Listed().fill([[(A, 1), (B, 1, "difficult")]])
    assert coco_ap(dataset, [found((A, 1, 0.8), (B, 1, 0.9))]).ap50 == pytest.approx(1)
    assert coco_ap(dataset, [found((A, 1, 0.8))]).ap50 == pytest.approx(1)


def test_a_set_without_objects_has_no_score():
    evaluation = evaluate_detections(Listed().fill([[]]), [found()])
    assert np.isnan(evaluation.box.ap50) and np.isnan(evaluation.matterport_ap)
    assert "all classes" in evaluation.table()


def test_numbers_must_agree():
    with pytest.raises(UsageError, match="1 images but 2 detections"):
        coco_ap(Listed().fill([[]]), [found(), found()])


def test_masks_are_scored_when_both_sides_have_them():
    class Masked(Listed):
        def load_mask(self, image_id):
            boxes, class_ids = Listed.load_boxes(self, image_id)
            masks = np.zeros((*SHAPE, len(boxes)), bool)
            for i, (y1, x1, y2, x2) in enumerate(boxes.astype(int)):
                masks[y1 : (y1 + y2) // 2, x1:x2, i] = True  # the upper half
            return masks, class_ids

    dataset = Masked().fill([[(A, 1)]])
    small = np.zeros((1, 28, 28), np.float32)
    small[0, :14] = 1
    names, scores = NAMES, [0.9]
    right = Detections([A], [1], scores, names, SHAPE, small)
    whole = Detections([A], [1], scores, names, SHAPE, np.ones_like(small))
    assert evaluate_detections(dataset, [right]).mask.ap50 == pytest.approx(1)
    assert evaluate_detections(dataset, [whole]).mask.ap75 == 0
    assert evaluate_detections(dataset, [found((A, 1, 0.9))]).mask is None
