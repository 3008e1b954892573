"""Guards: what the network is told to predict is right, also for crowds and for nothing at all."""

import keras
import numpy as np
import pytest

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


def lower_parts(*heights):
    """Proposals whose IoU with the object [0, 0, 1, 1] is their height."""
    return [[0, 0, height, 1] for height in heights]


WHOLE = [[0, 0, 1, 1]]


def test_a_roi_is_positive_from_half_an_iou_on():
    proposals = lower_parts(0.51, 0.5, 0.49)
    rois, ids, _, _ = head_targets(proposals, WHOLE, [7], count=8)
    heights = dict(zip(np.round(rois[:, 2].astype(float), 2), ids.tolist(), strict=True))
    assert heights == {1: 7, 0.51: 7, 0.5: 7, 0.49: 0, 0: 0}


@pytest.mark.parametrize(
    ("positives", "negatives", "settings", "expected"),
    [
        pytest.param(20, 20, {"count": 12, "positive_ratio": 0.25}, (3, 9), id="a quarter"),
        pytest.param(20, 20, {"count": 10, "positive_ratio": 0.37}, (3, 7), id="rounded down"),
        pytest.param(20, 20, {"count": 2, "positive_ratio": 0.25}, (1, 1), id="never none"),
        pytest.param(1, 20, {"count": 12, "positive_ratio": 0.5}, (2, 10), id="negatives fill"),
        pytest.param(20, 2, {"count": 12, "positive_ratio": 0.5}, (6, 2), id="positives do not"),
    ],
)
def test_the_sample_by_hand(positives, negatives, settings, expected):
    """The object itself is one proposal more."""
    proposals = lower_parts(*[0.9] * positives, *[0.1] * negatives)
    rois, ids, _, owner = head_targets(proposals, WHOLE, [1], **settings)
    assert ((ids > 0).sum(), (rois.any(axis=1) & (ids == 0)).sum()) == expected
    assert rois.shape == (settings["count"], 4)
    assert len(owner) == max(1, int(settings["count"] * settings["positive_ratio"]))
    # Positives, then negatives, then zeros.
    kind = np.where(ids > 0, 2, rois.any(axis=1))
    assert (np.diff(kind) <= 0).all()


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [(20, 20, (3, 6)), (1, 20, (1, 2)), (20, 2, (3, 2))],
    ids=["full", "one positive", "few negatives"],
)
def test_matterports_rule_keeps_the_proportion(positives, negatives, expected):
    proposals = lower_parts(*[0.9] * positives, *[0.1] * negatives)
    settings = {"count": 10, "positive_ratio": 1 / 3, "filled": False}
    rois, ids, _, _ = head_targets(proposals, WHOLE, [1], **settings)
    assert ((ids > 0).sum(), (rois.any(axis=1) & (ids == 0)).sum()) == expected
    assert not (rois == WHOLE).all(axis=1).any()  # objects do not join the proposals


def test_deltas_are_divided_by_their_deviation_and_zero_but_for_positives():
    # From height 0.8 and centre 0.4 to height 1 and centre 0.5.
    rois, ids, deltas, _ = head_targets(lower_parts(0.8, 0.1), WHOLE, [1])
    expected = {1: [0, 0, 0, 0], 0.8: [0.125 / 0.1, 0, np.log(1.25) / 0.2, 0], 0.1: [0] * 4}
    for height, row in expected.items():
        index = int(np.argmin(np.abs(rois[:, 2] - height)))
        np.testing.assert_allclose(deltas[index], row, atol=1e-5)
    assert not deltas[ids == 0].any()


def test_a_thousandth_of_a_crowd_is_enough():
    # IoUs with the crowds: 0.01 * 0.1 = 0.001 of a whole; 0.0009; none.
    proposals = [[0, 0, 1, 1], [2, 0, 3, 1], [4, 0, 5, 1]]
    crowds = [[0, 0, 0.01, 0.1002], [2, 0, 2.01, 0.09]]
    rois, ids, _, _ = head_targets(proposals, crowds, [-1, -1])
    assert sorted(rois[rois.any(axis=1), 0].tolist()) == [2, 4]
    assert not ids.any()


def test_a_crowd_is_no_object_and_takes_nothing_from_one():
    rois, ids, _, _ = head_targets([NEAR], [BOX, BOX], [-1, 4])
    assert sorted(ids.tolist()) == [0, 0, 0, 0, 4, 4] and rois.any(axis=1).sum() == 2


def test_the_sample_is_drawn_anew_each_time_and_reaches_every_proposal():
    heights = [0.6, 0.7, 0.8, 0.9, 0.1, 0.2, 0.3, 0.4]
    layer = DetectionTargetLayer(4, 0.5, STD, filled=True, seed=2)
    inputs = [np.array([lower_parts(*heights)], "f4"), np.array([[1]], "i4")]
    inputs.append(np.array([WHOLE], "f4"))
    seen = set()
    for _ in range(40):
        rois, ids, _, _ = (np.asarray(output)[0] for output in layer(inputs))
        assert (ids > 0).sum() == 2
        seen |= set(np.round(rois[:, 2].astype(float), 2).tolist())
    assert seen == {*heights, 1.0}


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
