"""Promise: masks shrink to their box and come back, boxes fit masks, image edges are safe."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from maskdet.errors import DataError, UsageError
from maskdet.geometry import (
    boxes_from_masks,
    expand_mask,
    fill_boxes,
    pairwise_iou,
    pairwise_mask_iou,
    shrink_mask,
)
from maskdet.geometry.masks import crops_from_masks, whole_box, whole_boxes

SHAPE = (30, 40)


@st.composite
def inside_boxes(draw: st.DrawFn) -> np.ndarray:
    y1, x1 = draw(st.integers(0, SHAPE[0] - 1)), draw(st.integers(0, SHAPE[1] - 1))
    y2, x2 = draw(st.integers(y1 + 1, SHAPE[0])), draw(st.integers(x1 + 1, SHAPE[1]))
    return np.array([y1, x1, y2, x2])


def test_boxes_from_masks_by_hand() -> None:
    masks = np.zeros((5, 6, 3), dtype=np.uint8)
    masks[1, 2, 0] = masks[3, 4, 0] = 255
    masks[4, 5, 2] = 1
    boxes = boxes_from_masks(masks)
    assert boxes.dtype == np.int32
    assert boxes.tolist() == [[1, 2, 4, 5], [0, 0, 0, 0], [4, 5, 5, 6]]
    assert boxes_from_masks(np.zeros((5, 6, 0))).shape == (0, 4)


@given(st.lists(inside_boxes(), max_size=4))
def test_filled_boxes_give_their_boxes_back(boxes: list[np.ndarray]) -> None:
    masks = fill_boxes(boxes, SHAPE)
    assert masks.shape == (*SHAPE, len(boxes)) and masks.dtype == bool
    np.testing.assert_array_equal(boxes_from_masks(masks), np.reshape(boxes, (-1, 4)))


def test_filled_boxes_end_at_the_image() -> None:
    masks = fill_boxes([[-5, -5, 2, 3], [8, 8, 99, 99], [50, 50, 60, 60]], (10, 10))
    assert masks.sum(axis=(0, 1)).tolist() == [6, 4, 0]


@given(inside_boxes())
def test_a_full_box_survives_shrinking_and_expanding(box: np.ndarray) -> None:
    mask = fill_boxes([box], SHAPE)[:, :, 0]
    mini = shrink_mask(mask, box, (28, 28))
    assert mini.shape == (28, 28) and mini.all()
    np.testing.assert_array_equal(expand_mask(mini, box, SHAPE), mask)


def test_a_disc_survives_shrinking_closely() -> None:
    y, x = np.mgrid[:200, :200]
    disc = (y - 90) ** 2 + (x - 110) ** 2 < 70**2
    box = boxes_from_masks(disc[:, :, None])[0]
    back = expand_mask(shrink_mask(disc, box, (56, 56)), box, disc.shape)
    assert pairwise_mask_iou(disc[:, :, None], back[:, :, None])[0, 0] > 0.98


def test_shrinking_treats_what_lies_outside_the_image_as_false() -> None:
    mini = shrink_mask(np.ones((10, 10), dtype=bool), [0, 5, 10, 15], (4, 4))
    assert mini.tolist() == [[True, True, False, False]] * 4
    assert not shrink_mask(np.ones((10, 10)), [20, 20, 30, 30], (4, 4)).any()


def test_shrinking_needs_an_area() -> None:
    with pytest.raises(DataError, match="no area"):
        shrink_mask(np.ones((10, 10)), [3, 3, 3, 9], (4, 4))


def test_a_sliver_takes_the_pixel_it_lies_in() -> None:
    mask = expand_mask(np.ones((3, 3)), [4.1, 2.0, 4.3, 5.0], (10, 10))
    assert np.argwhere(mask).tolist() == [[4, 2], [4, 3], [4, 4]]
    assert shrink_mask(np.ones((10, 10)), [4.1, 2.0, 4.3, 5.0], (2, 2)).all()


@given(st.lists(inside_boxes(), max_size=3), st.lists(inside_boxes(), max_size=3))
def test_mask_iou_of_boxes_is_box_iou(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    masks = pairwise_mask_iou(fill_boxes(first, SHAPE), fill_boxes(second, SHAPE))
    assert masks.dtype == np.float32 and masks.shape == (len(first), len(second))
    boxes = pairwise_iou(np.reshape(first, (-1, 4)), np.reshape(second, (-1, 4)))
    np.testing.assert_allclose(masks, boxes, atol=1e-6)


def test_mask_iou_of_empty_masks_is_zero_and_silent() -> None:
    nothing = np.zeros((4, 4, 1))
    assert pairwise_mask_iou(nothing, nothing).tolist() == [[0]]
    with pytest.raises(UsageError, match="one size"):
        pairwise_mask_iou(nothing, np.zeros((5, 4, 1)))


@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=8)))
def test_boxes_enclose_exactly_the_pixels(masks: np.ndarray) -> None:
    for i, (y1, x1, y2, x2) in enumerate(boxes_from_masks(masks)):
        ys, xs = np.nonzero(masks[:, :, i])
        expected = [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1] if len(ys) else [0, 0, 0, 0]
        assert [y1, x1, y2, x2] == expected


@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=8)))
def test_masks_cut_out_can_be_put_back(masks: np.ndarray) -> None:
    back = np.zeros_like(masks)
    for i, (y, x, mask) in enumerate(crops_from_masks(masks)):
        back[y : y + mask.shape[0], x : x + mask.shape[1], i] = mask
    np.testing.assert_array_equal(back, masks)


@given(arrays(np.float64, (5, 4), elements=st.floats(-1e15, 1e15)))
def test_boxes_get_whole_pixels_together_as_one_by_one(boxes: np.ndarray) -> None:
    assert whole_boxes(boxes).tolist() == [list(whole_box(box)) for box in boxes]


def test_a_box_that_is_no_number_is_named() -> None:
    boxes = [[0, 0, 4, 4], [0, 0, np.nan, 4]]
    with pytest.raises(UsageError, match=r"finite numbers.*\[0.0, 0.0, nan, 4.0\]"):
        whole_boxes(boxes)
    with pytest.raises(UsageError, match="finite numbers"):
        whole_box([1, 2, 3])
