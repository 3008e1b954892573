"""Guards: scripts that print matterport's measures print matterport's numbers."""

import numpy as np
import pytest

from maskdet.evaluation.matterport import (
    compute_ap,
    compute_ap_range,
    compute_matches,
    compute_recall,
)

A, B, C = [0, 0, 20, 20], [40, 40, 60, 60], [70, 10, 90, 30]
PADDING = [0, 0, 0, 0]


def masks_of(*boxes):
    """bool (100, 100, N), each filling its box."""
    masks = np.zeros((100, 100, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return masks


# ---- matches ----------------------------------------------------------------------------------
def test_detections_are_counted_best_first():
    gt, pred, overlaps = compute_matches(
        [A, B], [1, 2], None, [C, B, A], [2, 2, 1], [0.2, 0.5, 0.9], None
    )
    assert gt.tolist() == [0, 1]  # ranked: A, B, C
    assert pred.tolist() == [0, 1, -1]
    np.testing.assert_allclose(overlaps, [[1, 0], [0, 1], [0, 0]])


def test_an_object_is_found_once_and_by_the_best_score():
    near = [0, 0, 20, 18]
    gt, pred, _ = compute_matches([A], [1], None, [A, near], [1, 1], [0.5, 0.9], None)
    assert gt.tolist() == [0]
    assert pred.tolist() == [0, -1]


def test_a_detection_takes_its_best_object_then_the_next_free_one():
    first, second = [0, 0, 20, 20], [0, 0, 20, 24]
    gt, pred, _ = compute_matches(
        [first, second], [1, 1], None, [second, second], [1, 1], [0.9, 0.8], None
    )
    assert pred.tolist() == [1, 0]
    assert gt.tolist() == [1, 0]


def test_classes_must_agree_and_a_detection_may_pass_over_another_class():
    _, pred, _ = compute_matches([A], [1], None, [A], [2], [0.9], None)
    assert pred.tolist() == [-1]
    other = [0, 0, 20, 22]
    _, pred, _ = compute_matches([A, other], [1, 2], None, [A], [2], [0.9], None)
    assert pred.tolist() == [1]


@pytest.mark.parametrize(("threshold", "match"), [(0.71, 0), (0.73, -1)])
def test_the_iou_threshold(threshold, match):
    box = [0, 0, 100, 72]
    _, pred, _ = compute_matches([[0, 0, 100, 100]], [1], None, [box], [1], [0.9], None, threshold)
    assert pred.tolist() == [match]


def test_score_threshold_leaves_out_weaker_overlaps():
    # Matterport's name for it; it is compared with overlaps.
    arguments = ([A], [1], None, [[0, 0, 20, 12]], [1], [0.9], None)
    assert compute_matches(*arguments, 0.5, 0.55)[1].tolist() == [0]
    assert compute_matches(*arguments, 0.5, 0.65)[1].tolist() == [-1]


def test_zero_rows_are_padding():
    gt, pred, overlaps = compute_matches(
        [A, B, PADDING],
        [1, 1, 0],
        masks_of(A, B, PADDING),
        [B, A, PADDING],
        [1, 1, 0],
        [0.7, 0.8, 0.0],
        masks_of(B, A, PADDING),
    )
    assert gt.tolist() == [0, 1]
    assert pred.tolist() == [0, 1]
    assert overlaps.shape == (2, 2)


def test_masks_decide_where_both_sides_have_them():
    half = [0, 0, 10, 20]
    arguments = ([A], [1], masks_of(A), [A], [1], [0.9])
    assert compute_matches(*arguments, masks_of(half), 0.6)[1].tolist() == [-1]
    assert compute_matches(*arguments, masks_of(half), 0.5)[2].tolist() == [[0.5]]
    assert compute_matches(*arguments, None, 0.6)[1].tolist() == [0]


def test_masks_are_ranked_with_their_boxes():
    pred = ([B, A], [1, 1], [0.5, 0.9], masks_of(B, A))
    assert compute_matches([A, B], [1, 1], masks_of(A, B), *pred)[1].tolist() == [0, 1]


# ---- average precision ------------------------------------------------------------------------
def test_average_precision_by_hand():
    area, precisions, recalls, overlaps = compute_ap(
        [A, B], [1, 1], None, [A, C, B], [1, 1, 1], [0.9, 0.8, 0.7], None
    )
    assert area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    np.testing.assert_allclose(precisions, [1, 1, 2 / 3, 2 / 3, 0])
    np.testing.assert_allclose(recalls, [0, 0.5, 0.5, 1, 1])
    assert overlaps.shape == (3, 2)


def test_average_precision_obeys_its_threshold():
    arguments = ([[0, 0, 100, 100]], [1], None, [[0, 0, 100, 72]], [1], [0.9], None)
    assert compute_ap(*arguments)[0] == 1  # 0.5
    assert compute_ap(*arguments, 0.75)[0] == 0


def test_objects_that_were_missed_cost_their_share():
    assert compute_ap([A, B], [1, 1], None, [A], [1], [0.9], None)[0] == pytest.approx(0.5)


def test_nothing_found_and_nothing_there():
    nothing = np.zeros((0, 4))
    assert compute_ap([A], [1], None, nothing, [], [], None)[0] == 0
    assert compute_ap(nothing, [], None, [A], [1], [0.9], None)[0] == 0


def test_a_range_is_the_mean_over_ten_thresholds(capsys):
    arguments = ([[0, 0, 100, 100]], [1], None, [[0, 0, 100, 72]], [1], [0.9], None)
    assert compute_ap_range(*arguments) == pytest.approx(0.5)  # 0.50 to 0.70 of 0.50 to 0.95
    lines = capsys.readouterr().out.splitlines()
    assert lines[4:6] == ["AP @0.70:\t 1.000", "AP @0.75:\t 0.000"]
    assert lines[-1] == "AP @0.50-0.95:\t 0.500"
    assert len(lines) == 11
    assert compute_ap_range(*arguments, [0.6, 0.7, 0.8], verbose=0) == pytest.approx(2 / 3)
    assert capsys.readouterr().out == ""


# ---- recall -----------------------------------------------------------------------------------
def test_recall_counts_objects_and_names_boxes():
    boxes = np.array([C, [0, 0, 20, 16], A, [40, 40, 60, 50]])  # IoU 0, 0.8, 1 with A, 0.5 with B
    objects = np.array([A, B, [0, 80, 9, 99]])
    recall, positive = compute_recall(boxes, objects, 0.5)
    assert recall == pytest.approx(2 / 3)
    assert positive.tolist() == [1, 2, 3]
    recall, positive = compute_recall(boxes, objects, 0.75)
    assert recall == pytest.approx(1 / 3)
    assert positive.tolist() == [1, 2]
