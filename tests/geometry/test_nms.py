"""Promise: suppression keeps the best of what overlaps, in order, with matterport's ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskdet.errors import UsageError
from maskdet.geometry import non_max_suppression, pairwise_iou


@st.composite
def scored_boxes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 12))
    starts = draw(arrays(np.float32, (count, 2), elements=st.integers(0, 20)))
    sides = draw(arrays(np.float32, (count, 2), elements=st.integers(0, 10)))
    scores = draw(arrays(np.float32, (count,), elements=st.floats(0, 1, width=16)))
    return np.concatenate([starts, starts + sides], axis=1), scores


def test_by_hand() -> None:
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30], [0, 0, 10, 5]]
    scores = [0.6, 0.9, 0.7, 0.5]
    # IoU of 1 with 0 is 0.9, with 3 5/9; box 0 goes, 3 goes only under the lower threshold.
    keep = non_max_suppression(boxes, scores, 0.6)
    assert keep.dtype == np.int32
    assert keep.tolist() == [1, 2, 3]
    assert non_max_suppression(boxes, scores, 0.5).tolist() == [1, 2]
    assert non_max_suppression(boxes, scores, 0.6, limit=1).tolist() == [1]


def test_iou_at_the_threshold_stays() -> None:
    assert non_max_suppression([[0, 0, 2, 2], [0, 0, 2, 1]], [0.9, 0.8], 0.5).tolist() == [0, 1]


def test_of_equal_scores_the_later_box_wins() -> None:
    boxes = np.tile([[0, 0, 4, 4]], (40, 1))
    assert non_max_suppression(boxes, np.full(40, 0.5), 0.5).tolist() == [39]


def test_a_box_without_area_stays_once_and_silently() -> None:
    boxes = [[0.1, 0.1, 0.5, 0.5], [0.8, 0.2, 0.8, 0.4], [0.6, 0.6, 0.9, 0.9]]
    assert non_max_suppression(boxes, [0.9, 0.8, 0.7], 0.5).tolist() == [0, 1, 2]
    assert non_max_suppression(boxes, [0.9, 0.8, 0.7], 0.5, limit=2).tolist() == [0, 1]


def test_nothing_gives_nothing() -> None:
    keep = non_max_suppression(np.zeros((0, 4)), np.zeros(0), 0.5)
    assert keep.shape == (0,) and keep.dtype == np.int32


@given(scored_boxes(), st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_laws(case: tuple[np.ndarray, np.ndarray], threshold: float) -> None:
    boxes, scores = case
    keep = non_max_suppression(boxes, scores, threshold)
    assert len(set(keep.tolist())) == len(keep)
    assert (np.diff(scores[keep]) <= 0).all()
    iou = pairwise_iou(boxes, boxes)
    among_kept = iou[np.ix_(keep, keep)] * (1 - np.eye(len(keep)))
    assert (among_kept <= np.float32(threshold)).all()
    for gone in set(range(len(boxes))) - set(keep.tolist()):
        better = keep[scores[keep] >= scores[gone]]
        assert (iou[gone, better] > threshold).any()
    # What was kept is kept again.
    assert len(non_max_suppression(boxes[keep], scores[keep], threshold)) == len(keep)


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="1 boxes and 2 scores"):
        non_max_suppression([[0, 0, 1, 1]], [0.1, 0.2], 0.5)
