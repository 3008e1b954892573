"""Guards: the network's box arithmetic is that of geometry/, on tensors."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.geometry import boxes as box_geometry
from maskdet.geometry import deltas as delta_geometry
from maskdet.layers import box_coding

sides = st.floats(2, 200)
corners = st.floats(0, 300)


@st.composite
def box_lists(draw, count=4):
    rows = []
    for _ in range(count):
        y, x = draw(corners), draw(corners)
        rows.append([y, x, y + draw(sides), x + draw(sides)])
    return np.array(rows, "f4")


@settings(max_examples=30, deadline=None)
@given(box_lists(), box_lists())
def test_encode_and_decode_are_inverse(boxes, targets):
    deltas = box_coding.encode(boxes, targets)
    np.testing.assert_allclose(np.asarray(box_coding.decode(boxes, deltas)), targets, atol=2e-2)


@settings(max_examples=30, deadline=None)
@given(box_lists(), box_lists())
def test_same_numbers_as_numpy(boxes, targets):
    np.testing.assert_allclose(
        np.asarray(box_coding.encode(boxes, targets)),
        delta_geometry.encode_boxes(boxes, targets),
        atol=1e-3,
    )
    np.testing.assert_allclose(
        np.asarray(box_coding.pairwise_iou(boxes, targets)),
        box_geometry.pairwise_iou(boxes, targets),
        atol=1e-4,
    )


def test_normalize_is_the_twin_of_geometry():
    boxes = np.array([[0, 0, 320, 320], [10, 20, 30, 40]], "f4")
    normalised = np.asarray(box_coding.normalize(boxes, 320.0, 320.0))
    np.testing.assert_allclose(
        normalised, box_geometry.normalize_boxes(boxes, (320, 320)), atol=1e-7
    )
    assert normalised[0].tolist() == [0, 0, 1, 1]


def test_padding_encodes_to_finite_numbers():
    assert np.isfinite(np.asarray(box_coding.encode(np.zeros((1, 4)), np.zeros((1, 4))))).all()


def test_clip_cuts_to_the_window():
    boxes = np.array([[-1.0, 0.2, 0.5, 2.0]], "f4")
    window = np.array([0, 0.25, 1, 1], "f4")
    assert np.asarray(box_coding.clip(boxes, window)).tolist() == [[0.0, 0.25, 0.5, 1.0]]
