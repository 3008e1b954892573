"""Guards: each loss is the number one can work out by hand, and 0 where nothing is to be learnt."""

import math

import numpy as np
import pytest

from maskdet.models.mask_rcnn import losses


def value(tensor):
    return float(np.asarray(tensor))


def test_rpn_class_loss_is_the_mean_over_counted_anchors():
    match = np.array([[1, -1, 0]], "i4")
    logits = np.array([[[0, math.log(3)], [0, 0], [9, -9]]], "f4")
    expected = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert value(losses.rpn_class_loss(match, logits)) == pytest.approx(expected, abs=1e-6)


def test_rpn_bbox_loss_counts_positives_only():
    match = np.array([[1, -1]], "i4")
    target = np.array([[[0, 0, 0, 2], [9, 9, 9, 9]]], "f4")
    loss = losses.rpn_bbox_loss(target, match, np.zeros((1, 2, 4), "f4"))
    assert value(loss) == pytest.approx(1.5 / 4)


def test_class_loss_leaves_out_padding_and_classes_that_the_source_does_not_know():
    logits = np.array([[[0, 0, 0], [0, 9, 0], [5, 0, 0]]], "f4")
    ids = np.zeros((1, 3), "i4")
    active = np.array([[1, 0, 1]], "f4")  # the second RoI predicts the unknown class 1
    counted = np.array([[1, 1, 0]])
    loss = losses.mrcnn_class_loss(ids, logits, active, counted)
    assert value(loss) == pytest.approx(math.log(3), abs=1e-5)


def test_box_and_mask_losses_look_at_the_true_class():
    ids = np.array([[2, 0]], "i4")
    deltas = np.zeros((1, 2, 3, 4), "f4")
    deltas[0, 0, 1] = 99
    target = np.ones((1, 2, 4), "f4")
    assert value(losses.mrcnn_bbox_loss(target, ids, deltas)) == pytest.approx(0.5)
    masks = np.full((1, 2, 2, 2, 3), 0.01, "f4")
    masks[0, 0, ..., 2] = 0.8
    loss = losses.mrcnn_mask_loss(np.ones((1, 2, 2, 2), "f4"), ids, masks)
    assert value(loss) == pytest.approx(-math.log(0.8), abs=1e-5)


def test_nothing_positive_costs_nothing():
    ids = np.zeros((1, 2), "i4")
    assert value(losses.rpn_class_loss(ids, np.ones((1, 2, 2), "f4"))) == 0
    assert (
        value(losses.rpn_bbox_loss(np.ones((1, 2, 4), "f4"), ids, np.zeros((1, 2, 4), "f4"))) == 0
    )
    assert (
        value(losses.mrcnn_bbox_loss(np.ones((1, 2, 4), "f4"), ids, np.zeros((1, 2, 3, 4), "f4")))
        == 0
    )
    masks = np.full((1, 2, 2, 2, 3), 0.5, "f4")
    assert value(losses.mrcnn_mask_loss(np.ones((1, 2, 2, 2), "f4"), ids, masks)) == 0
