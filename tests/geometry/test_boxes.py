"""Promise: box areas, IoU, clipping, normalising and orders of corners are right to the number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskdet.errors import UsageError
from maskdet.geometry import (
    box_area,
    clip_boxes,
    convert_boxes,
    denormalize_boxes,
    normalize_boxes,
    pairwise_coverage,
    pairwise_iou,
)

ORDERS = ["yxyx", "xyxy", "xywh", "cxcywh"]
corners = arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.integers(0, 99))


def test_area_is_exclusive_of_the_far_corner_and_never_negative() -> None:
    assert box_area([[2, 3, 5, 7], [1, 1, 1, 9], [5, 5, 2, 2]]).tolist() == [12, 0, 0]
    assert box_area([]).shape == (0,)


def test_iou_by_hand() -> None:
    first = np.array([[0, 0, 2, 2], [0, 0, 4, 4]], dtype=np.float32)
    second = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [2, 2, 4, 4], [9, 9, 9, 9]], dtype=np.float32)
    iou = pairwise_iou(first, second)
    assert iou.dtype == np.float32
    np.testing.assert_allclose(iou, [[1, 1 / 7, 0, 0], [4 / 16, 4 / 16, 4 / 16, 0]], rtol=1e-6)


def test_iou_of_boxes_without_area_is_zero_and_silent() -> None:
    assert pairwise_iou([[1, 1, 1, 1]], [[1, 1, 1, 1]]).tolist() == [[0]]
    assert pairwise_iou([], [[0, 0, 1, 1]]).shape == (0, 1)


def test_coverage_is_a_share_of_the_first_box() -> None:
    share = pairwise_coverage([[0, 0, 4, 4], [1, 1, 1, 3]], [[0, 2, 8, 8], [0, 0, 9, 9]])
    assert share.tolist() == [[0.5, 1], [0, 0]]
    assert pairwise_coverage([], [[0, 0, 1, 1]]).shape == (0, 1)


@given(corners, corners)
def test_iou_is_symmetric_and_within_0_and_1(first: np.ndarray, second: np.ndarray) -> None:
    iou = pairwise_iou(first, second)
    assert iou.shape == (len(first), len(second))
    assert ((iou >= 0) & (iou <= 1)).all()
    np.testing.assert_array_equal(iou, pairwise_iou(second, first).T)


def test_clip() -> None:
    clipped = clip_boxes([[-5, -5, 5, 50], [30, 30, 40, 40]], (0, 0, 20, 10))
    assert clipped.tolist() == [[0, 0, 5, 10], [20, 10, 20, 10]]


def test_normalising_names_the_last_pixel_inside() -> None:
    normal = normalize_boxes([[0, 0, 11, 21], [5, 10, 6, 11]], (11, 21, 3))
    assert normal.dtype == np.float32
    np.testing.assert_allclose(normal, [[0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]])


@given(corners, st.integers(2, 2000), st.integers(2, 2000))
def test_denormalising_undoes_normalising(boxes: np.ndarray, height: int, width: int) -> None:
    back = denormalize_boxes(normalize_boxes(boxes, (height, width)), (height, width))
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, boxes)


def test_normalising_a_line_of_pixels_is_refused() -> None:
    with pytest.raises(UsageError, match="1 x 9 image"):
        normalize_boxes([[0, 0, 1, 1]], (1, 9))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("yxyx", [2, 1, 6, 11]),
        ("xyxy", [1, 2, 11, 6]),
        ("xywh", [1, 2, 10, 4]),
        ("cxcywh", [6, 4, 10, 4]),
    ],
)
def test_orders_by_hand(order: str, expected: list[float]) -> None:
    assert convert_boxes([[2, 1, 6, 11]], "yxyx", order).tolist() == [expected]


@given(corners, st.sampled_from(ORDERS), st.sampled_from(ORDERS))
def test_every_order_has_a_way_back(boxes: np.ndarray, source: str, target: str) -> None:
    converted = convert_boxes(boxes, source, target)
    np.testing.assert_allclose(convert_boxes(converted, target, source), boxes, atol=1e-9)


def test_unknown_order_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'yx'.*yxyx, xyxy, xywh, cxcywh"):
        convert_boxes([[0, 0, 1, 1]], "yx")


def test_a_bare_box_is_refused_with_its_shape() -> None:
    with pytest.raises(UsageError, match=r"\(4,\)"):
        box_area([0, 0, 1, 1])
