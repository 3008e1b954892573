"""Guards: what an anchor-based network is told to predict is right, crowds and nothing included."""

import numpy as np
import pytest

from maskdet.geometry.deltas import decode_boxes
from maskdet.layers.matching import AnchorTargets, match_anchors, random_share

STD = np.array([0.1, 0.1, 0.2, 0.2])
ANCHORS = np.array(
    [[0, 0, 10, 10], [0, 0, 10, 14], [30, 30, 40, 40], [60, 60, 90, 90], [62, 60, 90, 90]], "f4"
)


def anchor_targets(boxes, class_ids, count=10, anchors=ANCHORS, **settings):
    layer = AnchorTargets(anchors, count, STD, **settings)
    match, deltas = layer([np.array([class_ids], "i4"), np.array([boxes], "f4")])
    return np.asarray(match)[0], np.asarray(deltas)[0]


def slices(*heights):
    """Anchors whose IoU with the object [0, 0, 100, 100] is a hundredth of their height."""
    return np.array([[0, 0, height, 100] for height in heights], "f4")


def test_thresholds_by_hand():
    anchors = slices(100, 71, 70, 69, 31, 30, 29, 0)
    match, _ = anchor_targets([[0, 0, 100, 100]], [1], 20, anchors)
    assert match.tolist() == [1, 1, 1, 0, 0, 0, -1, -1]


def test_other_thresholds_by_hand():
    anchors = slices(100, 51, 50, 49, 41, 40, 39)
    thresholds = {"positive_iou": 0.5, "negative_iou": 0.4}
    match, _ = anchor_targets([[0, 0, 100, 100]], [1], 20, anchors, **thresholds)
    assert match.tolist() == [1, 1, 1, 0, 0, 0, -1]


def test_anchors_over_an_object_are_positive_far_ones_negative_and_the_rest_neither():
    # IoUs with the object: 1.0, 0.71, 0, 0, 0 ; with the second: 0, 0, 0, 0.64, 0.6
    match, _ = anchor_targets([[0, 0, 10, 10], [60, 60, 84, 84]], [1, 1])
    assert match.tolist() == [1, 1, -1, 1, 0]


def test_the_best_anchor_of_an_object_is_positive_even_if_it_overlaps_little():
    match, deltas = anchor_targets([[34, 34, 36, 36]], [1])
    assert match.tolist() == [-1, -1, 1, -1, -1]
    moved = decode_boxes(ANCHORS[2:3], deltas[2:3] * STD)
    np.testing.assert_allclose(moved, [[34, 34, 36, 36]], atol=1e-4)


def test_deltas_are_divided_by_their_deviation_and_zero_but_for_positives():
    # Centre (5, 5) to (6, 5), height 10 to 8, width 10 to 10: IoU 0.8.
    match, deltas = anchor_targets([[2, 0, 10, 10]], [1])
    assert match.tolist()[0] == 1
    np.testing.assert_allclose(deltas[0], [1.0, 0, np.log(0.8) / 0.2, 0], atol=1e-5)
    assert not deltas[match != 1].any()


def test_each_anchor_learns_the_object_it_overlaps_most():
    objects = [[0, 0, 10, 11], [0, 0, 10, 14]]
    _, _, owner = match_anchors(
        ANCHORS[None], np.array([[1, 1]], "i4"), np.array([objects], "f4"), 0.5, 0.5
    )
    assert np.asarray(owner)[0, :2].tolist() == [0, 1]


def test_anchors_on_a_crowd_are_never_negative():
    match, deltas = anchor_targets([[0, 0, 10, 10]], [-1])
    assert match.tolist() == [0, 0, -1, -1, -1] and not deltas.any()


def test_a_thousandth_of_a_crowd_is_enough():
    anchors = np.array([[0, 0, 100, 100], [100, 0, 200, 100], [200, 0, 300, 100]], "f4")
    # IoUs with the crowd: 10 / 10000 = 0.001, 0.0009, 0
    crowd = [[99, 0, 100, 10], [199, 0, 200, 9]]
    match, _ = anchor_targets(crowd, [-1, -1], anchors=anchors)
    assert match.tolist() == [0, -1, -1]


def test_a_crowd_takes_nothing_from_an_object_beneath_it():
    match, _ = anchor_targets([[0, 0, 10, 10], [0, 0, 10, 10]], [-1, 1])
    assert match.tolist() == [1, 1, -1, -1, -1]


def test_padding_is_no_object():
    match, deltas = anchor_targets([[0, 0, 0, 0]], [0])
    assert match.tolist() == [-1] * 5 and not deltas.any()


def on_and_off(positives, negatives):
    """As many anchors on the object [0, 0, 100, 100], and as many far from it."""
    far = np.array([[500, 500, 600, 600]] * negatives, "f4").reshape(-1, 4)
    return np.concatenate([slices(*[100] * positives), far])


@pytest.mark.parametrize(
    ("positives", "negatives", "count", "expected"),
    [
        pytest.param(10, 30, 8, (4, 4), id="half and half"),
        pytest.param(10, 30, 7, (3, 4), id="half of an odd number"),
        pytest.param(1, 30, 8, (1, 7), id="negatives fill what positives leave"),
        pytest.param(10, 2, 8, (4, 2), id="positives fill nothing"),
        pytest.param(3, 3, 100, (3, 3), id="all"),
    ],
)
def test_the_sample_by_hand(positives, negatives, count, expected):
    match, deltas = anchor_targets([[0, 0, 100, 90]], [1], count, on_and_off(positives, negatives))
    assert ((match == 1).sum(), (match == -1).sum()) == expected
    np.testing.assert_array_equal(deltas.any(axis=1), match == 1)


def test_the_sample_is_drawn_anew_each_time_and_reaches_every_anchor():
    layer = AnchorTargets(on_and_off(6, 6), 4, STD, seed=3)
    inputs = [np.array([[1]], "i4"), np.array([[[0, 0, 100, 100]]], "f4")]
    samples = [np.asarray(layer(inputs)[0])[0] for _ in range(60)]
    assert all((sample == 1).sum() == 2 and (sample == -1).sum() == 2 for sample in samples)
    assert (np.abs(samples).sum(axis=0) > 5).all()
    again = AnchorTargets(on_and_off(6, 6), 4, STD, seed=3)
    np.testing.assert_array_equal(np.asarray(again(inputs)[0])[0], samples[0])


def test_images_of_a_batch_are_matched_each_for_itself():
    layer = AnchorTargets(ANCHORS, 10, STD)
    ids = np.array([[1], [0], [-1]], "i4")
    boxes = np.array([[[0, 0, 10, 10]], [[0, 0, 0, 0]], [[60, 60, 90, 90]]], "f4")
    match = np.asarray(layer([ids, boxes])[0])
    assert match.tolist() == [[1, 1, -1, -1, -1], [-1] * 5, [-1, -1, -1, 0, 0]]


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_random_share_leaves_at_most_its_count(count):
    mask = np.array([[True, False, True, True, True], [False] * 5])
    draws = np.random.default_rng(0).random((2, 5)).astype("f4")
    share = np.asarray(random_share(mask, count, draws, 5))
    assert share.sum(1).tolist() == [min(count, 4), 0]
    assert not (share & ~mask).any()


def test_random_share_takes_the_largest_draws_and_a_count_for_each_row():
    mask = np.array([[True, True, False, True], [True, True, True, True]])
    draws = np.array([[0.1, 0.3, 0.9, 0.2], [0.4, 0.1, 0.2, 0.3]], "f4")
    share = np.asarray(random_share(mask, np.array([2, 1]), draws, 4))
    assert share.tolist() == [[False, True, False, True], [True, False, False, False]]


def test_the_layer_comes_back_from_its_config():
    layer = AnchorTargets(ANCHORS, 8, STD, 5, positive_iou=0.5, negative_iou=0.4, crowd_iou=0.1)
    again = AnchorTargets.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.positive_iou, again.negative_iou, again.crowd_iou) == (0.5, 0.4, 0.1)
