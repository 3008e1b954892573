"""Guards: what the network is told to predict is right, also for crowds and for nothing at all."""

import keras
import numpy as np

from maskdet.geometry.boxes import normalize_boxes
from maskdet.geometry.deltas import decode_boxes
from maskdet.models.mask_rcnn.targets import DetectionTargetLayer, MaskTargets, RPNTargets

STD = np.array([0.1, 0.1, 0.2, 0.2])


def head_targets(proposals, boxes, class_ids, **settings):
    layer = DetectionTargetLayer(**({"count": 6, "positive_ratio": 0.5, "box_std": STD} | settings))
    inputs = [np.array([proposals], "f4"), np.array([class_ids], "i4"), np.array([boxes], "f4")]
    return [np.asarray(output)[0] for output in layer(inputs)]


BOX = [0.2, 0.2, 0.6, 0.6]
NEAR = [0.2, 0.2, 0.6, 0.7]
FAR = [0.7, 0.7, 0.9, 0.9]


def test_positives_come_first_then_negatives_then_zeros():
    rois, ids, deltas, owner = head_targets([FAR, NEAR], [[0, 0, 0.1, 0.1], BOX], [2, 3])
    assert ids.tolist()[:3].count(0) == 0  # two objects and the near proposal
    assert sorted(ids.tolist()[:3]) == [2, 3, 3]
    np.testing.assert_allclose(rois[3], FAR)
    assert ids[3:].tolist() == [0, 0, 0] and not rois[4:].any()
    row = rois.tolist().index(np.array(NEAR, "f4").tolist())
    moved = decode_boxes(rois[[row]], deltas[[row]] * STD)
    np.testing.assert_allclose(moved, [BOX], atol=1e-5)
    assert owner[row] == 1


def test_an_image_without_objects_gives_negatives_only():
    rois, ids, deltas, _ = head_targets([FAR, NEAR], [[0, 0, 0, 0]], [0])
    assert not ids.any() and not deltas.any() and (rois.any(1)).sum() == 2


def test_matterports_rule_gives_nothing_without_positives():
    rois, ids, _, _ = head_targets([FAR, NEAR], [[0, 0, 0, 0]], [0], filled=False)
    assert not rois.any() and not ids.any()


def test_proposals_on_a_crowd_are_neither():
    rois, _, _, _ = head_targets([FAR, NEAR], [BOX], [-1])
    assert rois.any(1).sum() == 1
    np.testing.assert_allclose(rois[0], FAR)


def test_mask_target_of_the_objects_own_box_is_its_mask():
    mask = np.zeros((1, 1, 28, 28), "f4")
    mask[0, 0, :14] = 1
    rois = np.array([[BOX, [0.2, 0.2, 0.4, 0.6], [0.0, 0.2, 0.4, 0.6]]], "f4")
    inputs = [rois, np.zeros((1, 3), "i4"), np.array([[BOX]], "f4"), mask]
    whole, upper_half, shifted = np.asarray(MaskTargets((28, 28))(inputs))[0]
    assert np.array_equal(whole, mask[0, 0])
    assert upper_half.all()
    assert not shifted[:13].any() and shifted[15:].all()  # above its box an object is not


def test_normalised_boxes_give_the_same_deltas_as_pixels():
    pixels = np.array([[10, 20, 110, 220]], "f4")
    target = np.array([[20, 30, 130, 200]], "f4")
    shape = (320, 320)
    boxes = normalize_boxes(target, shape)
    proposal = normalize_boxes(pixels, shape)
    rois, ids, deltas, _ = head_targets(proposal, boxes, [1])
    row = np.argmin(np.abs(rois - proposal).sum(1))
    moved = decode_boxes(rois[[row]], deltas[[row]] * STD)
    np.testing.assert_allclose(moved, boxes, atol=1e-5)
    assert ids[row] == 1


def test_saved_networks_find_the_targets_by_their_old_name_and_settings():
    settings = {"name": "rpn_targets", "anchors": [[0, 0, 9, 9]], "count": 8, "box_std": list(STD)}
    layer = keras.saving.get_registered_object("maskdet>RPNTargets").from_config(settings)
    assert type(layer) is RPNTargets and layer.name == "rpn_targets"
    assert (layer.positive_iou, layer.negative_iou, layer.crowd_iou) == (0.7, 0.3, 0.001)
