"""Promise: a mask head's output in its box is the exact resizing, cut at the threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskdet.errors import UsageError
from maskdet.geometry import paste_mask
from maskdet.geometry.pasting import pasted_runs
from maskdet.geometry.resample import resize_bilinear

SHAPE = (30, 40)
# Steps at which samples lie on the threshold and just beside it.
STEPS = st.sampled_from(np.float32([0, 0.25, 0.499999, 0.5, 0.500001, 0.75, 1]).tolist())


def test_paste_by_hand_and_threshold() -> None:
    mini = np.array([[0.2, 0.5], [0.4, 0.9]])
    assert paste_mask(mini, [1, 1, 3, 3], (4, 4)).astype(int).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]
    assert paste_mask(mini, [1, 1, 3, 3], (4, 4), threshold=0.3).sum() == 3


@given(
    arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)),
    st.tuples(st.integers(-40, 60), st.integers(-40, 60)),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
)
def test_pasting_over_the_border_is_a_cut(
    mini: np.ndarray, start: tuple[int, int], sides: tuple[int, int]
) -> None:
    box = np.array([*start, start[0] + sides[0], start[1] + sides[1]])
    large = paste_mask(mini, box + 50, (SHAPE[0] + 150, SHAPE[1] + 150))
    ours = paste_mask(mini, box, SHAPE)
    np.testing.assert_array_equal(ours, large[50 : 50 + SHAPE[0], 50 : 50 + SHAPE[1]])


@given(
    arrays(np.float32, (6, 5), elements=st.floats(0, 1, width=32)),
    st.tuples(st.integers(-20, 30), st.integers(-20, 30)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from([0.3, 0.5]),
)
def test_pasting_is_the_exact_resizing_cut_at_the_threshold(
    mini: np.ndarray, start: tuple[int, int], sides: tuple[int, int], threshold: float
) -> None:
    values = np.zeros((160, 180))
    y, x = start[0] + 50, start[1] + 50
    values[y : y + sides[0], x : x + sides[1]] = resize_bilinear(mini, sides)
    values = values[50 : 50 + SHAPE[0], 50 : 50 + SHAPE[1]]
    box = [*start, start[0] + sides[0], start[1] + sides[1]]
    out = np.zeros(SHAPE, dtype=bool)
    mask = paste_mask(mini, box, SHAPE, threshold, out=out)
    assert mask is out
    sure = abs(values - threshold) > 1e-5
    np.testing.assert_array_equal(mask[sure], values[sure] > threshold)
    assert mask[values == threshold].all()


def test_values_of_the_threshold_are_in() -> None:
    """A head that says the same everywhere but in a corner, at any size of box."""
    mini = np.full((28, 28), 0.7, dtype=np.float32)
    mini[0, 0] = 0.0
    for side in range(57, 157, 7):
        assert paste_mask(mini, [0, 0, side, side], (side, side), 0.7)[9:-9, 9:-9].all()


def test_pasting_into_no_area_or_a_giant_box() -> None:
    assert not paste_mask(np.ones((3, 3)), [5, 5, 5, 9], (10, 10)).any()
    assert not paste_mask(np.ones((3, 3)), [9, 9, 2, 2], (10, 10)).any()
    assert paste_mask(np.ones((3, 3)), [-1e30, -1e9, 1e9, 1e30], (10, 10)).all()


def test_a_sliver_takes_the_pixel_it_lies_in() -> None:
    mask = paste_mask(np.ones((3, 3)), [4.1, 2.0, 4.3, 5.0], (10, 10))
    assert np.argwhere(mask).tolist() == [[4, 2], [4, 3], [4, 4]]


@pytest.mark.parametrize("box", [[0, 0, np.nan, 4], [0, 0, np.inf, 4], [0, 0, 4]])
def test_a_box_that_is_no_number_is_refused(box: list[float]) -> None:
    with pytest.raises(UsageError, match="finite"):
        paste_mask(np.ones((3, 3)), box, (10, 10))


@pytest.mark.parametrize("mini", [np.full((3, 3), np.nan), np.ones((0, 3)), np.ones(3)])
def test_a_mask_without_numbers_is_refused(mini: np.ndarray) -> None:
    with pytest.raises(UsageError, match="plane of finite numbers"):
        paste_mask(mini, [0, 0, 4, 4], (10, 10))


@st.composite
def pasted(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Masks (N, h, w) and their boxes (N, 4), from slivers to far beyond the image."""
    count, height, width = (draw(st.integers(1, most)) for most in (3, 5, 6))
    cells = draw(st.sampled_from([STEPS, st.floats(0, 1, width=32)]))
    minis = draw(arrays(np.float32, (count, height, width), elements=cells))
    starts = draw(arrays(np.float64, (count, 2), elements=st.integers(-50, 45)))
    sides = draw(arrays(np.float64, (count, 2), elements=st.integers(1, 90)))
    return minis, np.concatenate([starts, starts + sides], axis=1)


@given(pasted())
def test_many_masks_at_once_are_each_exact(case: tuple[np.ndarray, np.ndarray]) -> None:
    minis, boxes = case
    planes = pasted_runs(minis, boxes, SHAPE).planes()
    assert planes.shape == (len(minis), *SHAPE) and planes.dtype == bool
    for mini, box, plane in zip(minis, boxes.astype(int), planes, strict=True):
        sides = box[2:] - box[:2]
        values = np.full((200, 200), -1.0)  # beyond the box there is nothing, at any threshold
        y, x = box[:2] + 60
        values[y : y + sides[0], x : x + sides[1]] = resize_bilinear(mini, sides)
        values = values[60 : 60 + SHAPE[0], 60 : 60 + SHAPE[1]]
        # A millionth below one half counts as one half; rounding decides on that very place.
        sure = abs(values - (0.5 - 1e-6)) > 1e-9
        np.testing.assert_array_equal(plane[sure], (values > 0.5 - 1e-6)[sure])


def test_nothing_to_paste() -> None:
    runs = pasted_runs(np.zeros((0, 28, 28)), np.zeros((0, 4)), SHAPE)
    assert runs.planes().shape == (0, *SHAPE) and runs.crops() == []
    assert runs.areas().shape == (0,) and runs.positions() == []
    assert pasted_runs(np.zeros((0, 0, 0)), np.zeros((0, 4)), SHAPE).crops() == []


def test_a_mask_of_hard_steps_is_cut_half_way_between_samples() -> None:
    """A checkerboard, ten pixels a sample: all three kinds of stretches in every cell."""
    mini = np.indices((4, 4)).sum(axis=0) % 2 * 1.0
    plane = paste_mask(mini, [0, 0, 40, 40], (40, 40))
    np.testing.assert_array_equal(plane, resize_bilinear(mini, (40, 40)) >= 0.5)
    assert plane.sum() > 400
