"""Guards: each cell learns what SimOTA says, as one would work it out object by object, and the
losses are YOLOX's."""

import keras
import numpy as np
import pytest
from keras import ops

from maskdet.models.yolox.losses import losses
from maskdet.models.yolox.network import cells
from maskdet.models.yolox.targets import CellTargets, class_costs
from tests.models.yolox.conftest import SmallYolox
from tests.models.yolox.test_networks import iou

CELLS = cells(SmallYolox())
CENTRES, SIDES = CELLS[:, 2:], CELLS[:, 2] - CELLS[:, 0]


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def entropy(target, share):
    return -(target * np.log(share) + (1 - target) * np.log(1 - share))


def costs_by_hand(logits, objectness, number, boxes, box):
    """Cost and IoU of each cell for one object: cross entropies of all classes, the overlap."""
    share = np.clip(np.sqrt(sigmoid(logits) * sigmoid(objectness)[:, None]), 1e-6, 1 - 1e-6)
    hot = np.eye(logits.shape[1])[number - 1]
    overlaps = np.array([iou(own, box) for own in boxes])
    classes = entropy(hot, share).sum(axis=1)
    return classes - 3 * np.log(np.maximum(overlaps, 1e-8)), overlaps


def matches_by_hand(logits, objectness, boxes, class_ids, gt_boxes):
    """Object of each cell, -1 for none, and its IoU."""
    owner, price = np.full(len(boxes), -1), np.full(len(boxes), np.inf)
    overlap = np.zeros(len(boxes))
    for number, (class_id, box) in enumerate(zip(class_ids, gt_boxes, strict=True)):
        if class_id <= 0:
            continue
        middle = (box[:2] + box[2:]) / 2
        near = (np.abs(CENTRES - middle) < 2.5 * SIDES[:, None]).all(axis=1)
        cost, overlaps = costs_by_hand(logits, objectness, class_id, boxes, box)
        count = int(np.sort(overlaps[near])[-10:].sum())
        cheapest = np.flatnonzero(near)[np.argsort(cost[near])][: max(1, min(count, 10))]
        for cell in cheapest:
            if cost[cell] < price[cell]:
                owner[cell], price[cell], overlap[cell] = number, cost[cell], overlaps[cell]
    return owner, overlap


@pytest.fixture(scope="module")
def case():
    """Two images: three objects, two of them at one place; a crowd, and one object of padding."""
    draws = np.random.default_rng(3)
    logits = draws.normal(size=(2, len(CELLS), 2)).astype("f4")
    objectness = draws.normal(size=(2, len(CELLS))).astype("f4")
    spread = draws.uniform(1, 5, (2, len(CELLS), 2)) * SIDES[:, None]
    middle = CENTRES + draws.normal(size=(2, len(CELLS), 2)) * SIDES[:, None]
    boxes = np.concatenate([middle - spread / 2, middle + spread / 2], axis=2).astype("f4")
    class_ids = np.array([[1, 2, 2, 0], [-1, 2, 0, 0]], "i4")
    gt_boxes = np.zeros((2, 4, 4), "f4")
    gt_boxes[0, :3] = [[20, 20, 60, 70], [24, 22, 66, 64], [80, 70, 120, 124]]
    gt_boxes[1, :2] = [[0, 0, 90, 90], [70, 60, 118, 120]]
    return boxes, logits, objectness, class_ids, gt_boxes


def test_cells_learn_what_simota_says(case):
    boxes, logits, objectness, class_ids, gt_boxes = case
    match, target_boxes, target_classes = (np.asarray(t) for t in CellTargets(CELLS)(list(case)))
    for row in range(2):
        owner, overlap = matches_by_hand(
            logits[row], objectness[row], boxes[row], class_ids[row], gt_boxes[row]
        )
        positive = owner >= 0
        assert 0 < positive.sum() < 40
        np.testing.assert_array_equal(match[row] == 1, positive)
        np.testing.assert_allclose(target_boxes[row][positive], gt_boxes[row][owner[positive]])
        assert not target_boxes[row][~positive].any() and not target_classes[row][~positive].any()
        hot = np.eye(2)[class_ids[row][owner[positive]] - 1] * overlap[positive, None]
        np.testing.assert_allclose(target_classes[row][positive], hot, atol=1e-5)
    assert (match[0] != 0).all()
    on_crowd = np.array([iou(box, gt_boxes[1, 0]) for box in boxes[1]])
    assert (match[1] == 0).any() and (on_crowd[match[1] == 0] > 0).all()


def test_the_cost_of_a_class_is_the_cross_entropy_of_all(case):
    boxes, logits, objectness, class_ids, gt_boxes = case
    costs = np.asarray(class_costs(logits, objectness, class_ids))
    share = np.sqrt(sigmoid(logits[0]) * sigmoid(objectness[0])[:, None])
    for number in range(3):
        expected = entropy(np.eye(2)[class_ids[0, number] - 1], share).sum(axis=1)
        np.testing.assert_allclose(costs[0, number], expected, rtol=1e-4)


def test_losses_by_hand():
    outputs = {
        "match": np.array([[1, -1, 0, 1]]),
        "object_logits": np.array([[2.0, -1.0, 5.0, 0.5]], "f4"),
        "boxes": np.array([[[0, 0, 10, 10], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 4, 4]]], "f4"),
        "target_boxes": np.array([[[0, 0, 10, 5], [0] * 4, [0] * 4, [0, 0, 4, 4]]], "f4"),
        "class_logits": np.array([[[1.0, -1.0], [9, 9], [9, 9], [0.0, 0.5]]], "f4"),
        "target_classes": np.array([[[0.5, 0], [0, 0], [0, 0], [0, 1.0]]], "f4"),
    }
    found = {name: float(value) for name, value in losses(outputs).items()}
    objects = entropy(np.array([1, 0, 1]), sigmoid(np.array([2.0, -1.0, 0.5]))).sum() / 2
    shares = sigmoid(outputs["class_logits"][0, [0, 3]])
    classes = entropy(outputs["target_classes"][0, [0, 3]], shares).sum() / 2
    assert found["yolox_box_loss"] == pytest.approx((1 - 0.5**2 + 0) / 2, rel=1e-5)
    assert found["yolox_object_loss"] == pytest.approx(objects, rel=1e-5)
    assert found["yolox_class_loss"] == pytest.approx(classes, rel=1e-5)


def test_pictures_without_objects_teach_background_and_nothing_else(case):
    boxes, logits, objectness, _, gt_boxes = case
    match, target_boxes, target_classes = CellTargets(CELLS)(
        [boxes, logits, objectness, np.zeros((2, 4), "i4"), np.zeros_like(gt_boxes)]
    )
    outputs = {
        "match": match,
        "object_logits": ops.convert_to_tensor(objectness),
        "boxes": ops.convert_to_tensor(boxes),
        "target_boxes": target_boxes,
        "class_logits": ops.convert_to_tensor(logits),
        "target_classes": target_classes,
    }
    assert (np.asarray(match) == -1).all()
    found = losses(outputs)
    assert float(found["yolox_box_loss"]) == float(found["yolox_class_loss"]) == 0
    expected = entropy(0, sigmoid(objectness.astype("f8"))).sum()
    assert float(found["yolox_object_loss"]) == pytest.approx(expected, rel=1e-4)


def test_targets_come_back_from_their_config():
    layer = CellTargets(CELLS)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    np.testing.assert_array_equal(again.anchors, CELLS)
