"""Guards: proposals and detections follow the rules that matterport's users know."""

import keras
import numpy as np
import pytest

from maskdet.layers.detection import DetectionLayer, KeptRows, PadRows
from maskdet.layers.proposals import ProposalLayer
from maskdet.layers.roi_align import PyramidROIAlign

STD = [0.1, 0.1, 0.2, 0.2]


def rpn_scores(values):
    values = np.array(values, "f4")
    return np.stack([1 - values, values], -1)[None]


def test_proposals_are_best_first_clipped_and_padded():
    anchors = np.array([[[0, 0, 0.4, 0.4], [0, 0, 0.41, 0.4], [0.6, 0.6, 1.2, 1.0]]], "f4")
    layer = ProposalLayer(4, nms_threshold=0.7, pre_nms_limit=3, box_std=STD)
    rois = np.asarray(layer([rpn_scores([0.8, 0.7, 0.9]), np.zeros((1, 3, 4), "f4"), anchors]))[0]
    np.testing.assert_allclose(rois[0], [0.6, 0.6, 1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(rois[1], [0, 0, 0.4, 0.4], atol=1e-6)
    assert rois[2:].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0]]


def test_proposals_move_by_deltas_times_their_deviation():
    anchors = np.array([[[0.2, 0.2, 0.4, 0.4]]], "f4")
    deltas = np.array([[[1.0, 0, 0, 0]]], "f4")  # 0.1 of the height down
    rois = ProposalLayer(1, 0.7, 1, STD)([rpn_scores([0.9]), deltas, anchors])
    np.testing.assert_allclose(np.asarray(rois)[0, 0], [0.22, 0.2, 0.42, 0.4], atol=1e-6)


def detect(rois, scores, window=(0, 0, 1, 1), **settings):
    rois, scores = np.array([rois], "f4"), np.array([scores], "f4")
    deltas = np.zeros((*scores.shape, 4), "f4")
    arguments = {"count": 3, "min_confidence": 0.5, "nms_threshold": 0.3, "box_std": STD}
    layer = DetectionLayer(**(arguments | settings))
    return np.asarray(layer([rois, scores, deltas, np.array([window], "f4")]))[0]


def test_detections_leave_out_background_weak_scores_and_doubles():
    box = [0.1, 0.1, 0.5, 0.5]
    rows = detect(
        [box, box, box, box, [0.6, 0.6, 0.9, 0.9]],
        [[0.1, 0.9, 0], [0.2, 0.8, 0], [0.9, 0.1, 0], [0.3, 0, 0.7], [0.6, 0.4, 0.45]],
    )
    assert rows[:, 4].tolist() == [1, 2, 0]  # another class on the same box stays
    np.testing.assert_allclose(rows[:, 5], [0.9, 0.7, 0], atol=1e-6)


def test_detections_are_clipped_to_the_window_and_those_in_the_padding_dropped():
    rows = detect(
        [[0.0, 0.1, 0.5, 0.5], [0.0, 0.1, 0.2, 0.5]],
        [[0, 1.0], [0, 0.9]],
        window=(0.25, 0, 0.75, 1),
    )
    np.testing.assert_allclose(rows[0, :4], [0.25, 0.1, 0.5, 0.5], atol=1e-6)
    assert rows[1].tolist() == [0] * 6


@pytest.mark.parametrize("confidence", [0, None])
def test_no_threshold_keeps_every_object(confidence):
    rows = detect([[0.1, 0.1, 0.5, 0.5]], [[0.4, 0.6]], min_confidence=confidence)
    assert rows[0, 4] == 1


def test_kept_rows_end_with_the_longest_list_and_padding_restores_the_count():
    detections = np.zeros((2, 5, 6), "f4")
    detections[0, :1, 4], detections[1, :3, 4] = 1, 2
    boxes = KeptRows()(detections)
    expected = 3 if keras.backend.backend() == "tensorflow" else 5
    assert boxes.shape == (2, expected, 4)
    assert PadRows(5)(np.ones((2, 3, 7, 7), "f4")).shape == (2, 5, 7, 7)


@pytest.mark.parametrize(
    ("side", "level"),
    [(32, 0), (112, 1), (224, 2), (448, 3), (900, 3), (0, 0)],
    ids=["small", "half", "reference", "double", "beyond the last", "padding"],
)
def test_a_roi_is_cut_from_the_level_of_its_size(side, level):
    layer = PyramidROIAlign(7, (1024, 1024))
    box = np.array([[[0, 0, side / 1024, side / 1024]]], "f4")
    assert np.asarray(layer.levels(box, 4, 224 / 1024)).tolist() == [[level]]


@pytest.mark.parametrize(
    "layer",
    [
        PyramidROIAlign(7, (320, 320), 3),
        ProposalLayer(50, 0.7, 500, STD),
        DetectionLayer(50, 0.5, 0.3, STD),
        KeptRows(),
        PadRows(9),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_come_back_from_their_config(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
