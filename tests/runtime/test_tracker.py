"""Guards: an object in front of a camera keeps one number, and counts once, however it flickers."""

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.runtime.tracker import Tracker

NAMES = ("BG", "cat", "dog")
CAT, DOG = 1, 2
# Far from each other.
A, B = [0, 0, 40, 40], [50, 50, 90, 90]


def frame(*rows):
    """One frame's detections from (box, class id, score)."""
    boxes = np.array([box for box, *_ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, [r[1] for r in rows], [r[2] for r in rows], NAMES, (100, 100))


CAT_AT_A, EMPTY = frame((A, CAT, 0.9)), frame()


def numbers(tracker, *frames):
    return [tracker.update(detections)[1] for detections in frames]


def beside(box, pixels):
    """A box moved to the right."""
    return [box[0], box[1] + pixels, box[2], box[3] + pixels]


# ---- patience ---------------------------------------------------------------------------------
@pytest.mark.parametrize("patience", [0, 1, 3])
def test_a_track_outlives_its_patience_and_not_a_frame_more(patience):
    gap = [EMPTY] * patience
    assert numbers(Tracker(patience=patience), CAT_AT_A, *gap, CAT_AT_A)[-1] == [1]
    tracker = Tracker(patience=patience)
    assert numbers(tracker, CAT_AT_A, *gap, EMPTY, CAT_AT_A)[-1] == [2]
    assert [track.number for track in tracker.tracks] == [2]


def test_a_blinking_object_keeps_its_number():
    # Away for two frames of three, eight in all; never for longer than its patience in a row.
    tracker = Tracker(patience=2)
    assert numbers(tracker, *[CAT_AT_A, EMPTY, EMPTY] * 4, CAT_AT_A)[::3] == [[1]] * 5
    assert (tracker.tracks[0].seen, tracker.tracks[0].missing) == (5, 0)


def test_another_objects_frames_do_not_keep_a_track_alive():
    tracker = Tracker(patience=1)
    both, other = frame((A, CAT, 0.9), (B, CAT, 0.8)), frame((B, CAT, 0.8))
    assert numbers(tracker, both, other, other, both)[-1] == [3, 2]


def test_a_number_is_never_used_again():
    tracker = Tracker(patience=0)
    assert numbers(tracker, CAT_AT_A, EMPTY, CAT_AT_A, EMPTY, CAT_AT_A)[::2] == [[1], [2], [3]]


# ---- who belongs to whom ----------------------------------------------------------------------
def test_one_track_never_serves_two_detections():
    two = frame((A, CAT, 0.9), (beside(A, 2), CAT, 0.8))
    tracker = Tracker()
    assert numbers(tracker, CAT_AT_A, two) == [[1], [1, 2]]


@pytest.mark.parametrize("first_is_better", [True, False])
def test_the_best_score_chooses_first(first_is_better):
    scores = (0.9, 0.8) if first_is_better else (0.8, 0.9)
    two = frame((beside(A, 3), CAT, scores[0]), (beside(A, 1), CAT, scores[1]))
    assert numbers(Tracker(), CAT_AT_A, two)[1] == ([1, 2] if first_is_better else [2, 1])


def test_who_comes_late_takes_the_next_track_that_is_free():
    tracker = Tracker(steadiness=0)
    numbers(tracker, frame((A, CAT, 0.9), (beside(A, 20), CAT, 0.8)))
    # Both overlap track 1 most.
    assert numbers(tracker, frame((beside(A, 4), CAT, 0.5), (A, CAT, 0.9)))[0] == [2, 1]


def test_a_detection_takes_the_track_that_it_overlaps_most():
    tracker = Tracker(steadiness=0)
    numbers(tracker, frame((A, CAT, 0.9), (beside(A, 10), CAT, 0.8)))
    assert numbers(tracker, frame((beside(A, 9), CAT, 0.9), (beside(A, 2), CAT, 0.8)))[0] == [2, 1]


@pytest.mark.parametrize(("overlap", "number"), [(0.3, 1), (0.33, 1), (0.34, 2), (0.5, 2)])
def test_the_smallest_overlap(overlap, number):
    moved = frame((beside(A, 20), CAT, 0.9))  # IoU 20 / 60
    assert numbers(Tracker(overlap=overlap), CAT_AT_A, moved)[1] == [number]


def test_classes_have_tracks_of_their_own():
    dog_at_a = frame((A, DOG, 0.9))
    both = frame((A, DOG, 0.9), (A, CAT, 0.8))
    tracker = Tracker()
    assert numbers(tracker, CAT_AT_A, dog_at_a, both, CAT_AT_A) == [[1], [2], [2, 1], [1]]


# ---- steadiness -------------------------------------------------------------------------------
def test_boxes_and_scores_lean_on_the_old_ones_by_the_steadiness():
    tracker = Tracker(steadiness=0.75)
    tracker.update(frame((A, CAT, 0.8)))
    second, _ = tracker.update(frame((beside(A, 8), CAT, 0.4)))
    np.testing.assert_allclose(second.boxes, [beside(A, 2)], atol=1e-5)
    np.testing.assert_allclose(second.scores, [0.75 * 0.8 + 0.25 * 0.4], rtol=1e-6)
    # The next step leans on what was steadied, not on what was detected.
    third, _ = tracker.update(frame((beside(A, 10), CAT, 0.9)))
    np.testing.assert_allclose(third.boxes, [beside(A, 4)], atol=1e-5)
    np.testing.assert_allclose(third.scores, [0.75 * 0.7 + 0.25 * 0.9], rtol=1e-6)


def test_without_steadiness_detections_stay_as_they_are():
    tracker = Tracker(steadiness=0)
    tracker.update(CAT_AT_A)
    moved = frame((beside(A, 8), CAT, 0.5))
    assert tracker.update(moved)[0] == moved


def test_order_classes_and_masks_stay():
    masks = np.stack([np.full((4, 4), value, np.float32) for value in (0.25, 0.75)])
    detections = Detections([B, A], [DOG, CAT], [0.6, 0.9], NAMES, (100, 100), masks)
    tracker = Tracker()
    for _ in range(2):
        steadied, track_numbers = tracker.update(detections)
        np.testing.assert_allclose(steadied.boxes, [B, A], atol=1e-5)
        assert steadied.class_ids.tolist() == [DOG, CAT]
        np.testing.assert_array_equal(steadied.small_masks, masks)
        assert track_numbers == [1, 2]


# ---- totals -----------------------------------------------------------------------------------
def test_an_object_counts_once_and_only_when_it_is_sure():
    tracker = Tracker(sure_after=3)
    totals = []
    for detections in [CAT_AT_A] * 6:
        tracker.update(detections)
        totals.append(dict(tracker.totals))
    assert totals == [{}, {}, *[{"cat": 1}] * 4]


def test_frames_without_the_object_do_not_make_it_sure():
    tracker = Tracker(sure_after=3)
    numbers(tracker, CAT_AT_A, EMPTY, EMPTY, CAT_AT_A, EMPTY)
    assert not tracker.totals
    numbers(tracker, CAT_AT_A)
    assert tracker.totals == {"cat": 1}


def test_totals_are_by_class_and_outlive_their_tracks():
    tracker = Tracker(sure_after=1, patience=0)
    both = frame((A, CAT, 0.9), (B, DOG, 0.8))
    numbers(tracker, both, EMPTY, both, EMPTY, CAT_AT_A, EMPTY)
    assert tracker.totals == {"cat": 3, "dog": 2}
    assert tracker.tracks == []
