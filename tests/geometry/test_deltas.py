"""Promise: deltas follow R-CNN's formula, and decoding undoes encoding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskdet.errors import UsageError
from maskdet.geometry import decode_boxes, encode_boxes


@st.composite
def box_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 5))
    starts = draw(arrays(np.float64, (2, count, 2), elements=st.floats(-500, 500)))
    sides = draw(arrays(np.float64, (2, count, 2), elements=st.floats(0.5, 500)))
    boxes = np.concatenate([starts, starts + sides], axis=2)
    return boxes[0], boxes[1]


def test_by_hand() -> None:
    # Centre (5, 10) to (7, 10), height 10 to 20, width 20 to 10.
    deltas = encode_boxes([[0, 0, 10, 20]], [[-3, 5, 17, 15]])
    np.testing.assert_allclose(deltas, [[0.2, 0, np.log(2), -np.log(2)]], atol=1e-12)
    scaled = encode_boxes([[0, 0, 10, 20]], [[-3, 5, 17, 15]], std=[0.1, 0.1, 0.2, 0.2])
    np.testing.assert_allclose(scaled, [[2, 0, np.log(2) * 5, -np.log(2) * 5]], atol=1e-12)


def test_zero_deltas_keep_the_box_and_float32_stays() -> None:
    boxes = np.array([[1, 2, 3, 5]], dtype=np.float32)
    moved = decode_boxes(boxes, np.zeros((1, 4)))
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(moved, boxes)
    assert decode_boxes(np.array([[1, 2, 3, 5]]), np.zeros((1, 4))).dtype == np.float32


@given(box_pairs(), st.booleans())
def test_decoding_undoes_encoding(pair: tuple[np.ndarray, np.ndarray], scaled: bool) -> None:
    boxes, targets = pair
    std = [0.1, 0.1, 0.2, 0.2] if scaled else None
    back = decode_boxes(boxes, encode_boxes(boxes, targets, std), std)
    np.testing.assert_allclose(back, targets, atol=1e-6)


def test_nothing_in_nothing_out() -> None:
    assert encode_boxes([], []).shape == (0, 4)
    assert decode_boxes([], []).shape == (0, 4)


def test_box_without_area_is_named() -> None:
    with pytest.raises(UsageError, match="pair 1"):
        encode_boxes([[0, 0, 1, 1], [0, 0, 0, 1]], [[0, 0, 1, 1], [0, 0, 1, 1]])


def test_unpaired_boxes_are_refused() -> None:
    with pytest.raises(UsageError, match="2 boxes and 1 targets"):
        encode_boxes(np.ones((2, 4)), np.ones((1, 4)))
    with pytest.raises(UsageError, match="same shape"):
        decode_boxes(np.ones((2, 4)), np.ones((1, 4)))
