"""Promise: boxes travel to the canvas and back, and the canvas is chosen as matterport does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.errors import ConfigError
from maskdet.geometry import Placement, place
from maskdet.geometry.placement import PlacementRule, divisible


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ((120, 160, 3), 64, 128),
            Placement((120, 160), (128, 128), 0.8, (16, 0, 112, 128)),
            id="shrunk to the canvas",
        ),
        pytest.param(
            ((50, 50), 64, 64, 0, "square"),
            Placement((50, 50), (64, 64), 1.28, (0, 0, 64, 64)),
            id="enlarged to min_dim",
        ),
        pytest.param(
            ((97, 97), 64, 100),
            Placement((97, 97), (100, 100), 1.0, (1, 1, 98, 98)),
            id="odd rest: the smaller half on top",
        ),
        pytest.param(
            ((120, 160, 3), 64, 128, 0, "corner"),
            Placement((120, 160), (128, 128), 0.8, (0, 0, 96, 128), fill=114),
            id="corner, on YOLOX's grey",
        ),
        pytest.param(
            ((64, 65), 64, 64, 0, "pad64"),
            Placement((64, 65), (64, 128), 1.0, (0, 31, 64, 96)),
            id="pad64",
        ),
        pytest.param(
            ((33, 44), 64, None, 0, "none"),
            Placement((33, 44), (33, 44), 1.0, (0, 0, 33, 44)),
            id="none",
        ),
    ],
)
def test_by_hand(arguments: tuple, expected: Placement) -> None:
    assert place(*arguments) == expected


def test_forward_by_hand() -> None:
    placement = place((120, 160), 64, 128)
    moved = placement.forward_boxes([[0, 0, 120, 160], [10, 20, 30, 40]])
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, [[16, 0, 112, 128], [24, 16, 40, 32]])


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    shape = draw(st.tuples(st.integers(1, 3000), st.integers(1, 3000)))
    mode = draw(st.sampled_from(["square", "corner", "pad64", "none"]))
    side = draw(st.sampled_from([64, 320, 512]))
    return place(shape, side, 512, draw(st.sampled_from([0, 0.5, 2])), mode)


@given(placements(), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_the_way_back_leads_back(placement: Placement, ends: list[float]) -> None:
    height, width = placement.image_shape
    ys, xs = sorted(ends[:2]), sorted(ends[2:])
    box = np.array([[ys[0] * height, xs[0] * width, ys[1] * height, xs[1] * width]])
    moved = placement.forward_boxes(box)
    window = np.array(placement.window)
    assert (moved[:, :2] >= window[:2] - 1e-3).all() and (moved[:, 2:] <= window[2:] + 1e-3).all()
    # A canvas pixel may be many image pixels, and float32 has 24 bits.
    tolerance = (
        1e-4
        * max(placement.canvas_shape)
        * max(height / placement.scaled_shape[0], width / placement.scaled_shape[1])
    )
    np.testing.assert_allclose(placement.inverse_boxes(moved), box, atol=tolerance)


@given(placements())
def test_the_window_lies_on_the_canvas(placement: Placement) -> None:
    top, left, bottom, right = placement.window
    assert 0 <= top < bottom <= placement.canvas_shape[0]
    assert 0 <= left < right <= placement.canvas_shape[1]
    (above, below), (before, after), _ = placement.padding
    if placement.fill:  # mode "corner": all of it below and on the right
        assert above == before == 0
    else:
        assert 0 <= below - above <= 1 and 0 <= after - before <= 1


def test_boxes_in_the_padding_are_clipped_to_the_image() -> None:
    placement = place((120, 160), 64, 128)
    assert placement.inverse_boxes([[0, 0, 128, 128]]).tolist() == [[0, 0, 120, 160]]
    assert placement.inverse_boxes([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((9, 9), 64, 64, 0, "squre"), "'squre'.*square, corner, pad64, none"),
        (((9, 9), 64, None), "IMAGE_MAX_DIM"),
        (((9, 9), 100, 128, 0, "pad64"), "multiple of 64"),
        (((0, 9), 64, 64), "0 x 9"),
    ],
)
def test_settings_that_cannot_be_are_named(arguments: tuple, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        place(*arguments)


def test_a_stretched_image_fills_the_canvas_and_boxes_return():
    placement = place((50, 100), 0, 64, mode="stretch")
    assert placement.canvas_shape == (64, 64) and placement.window == (0, 0, 64, 64)
    boxes = [[10, 20, 50, 100]]
    moved = placement.forward_boxes(boxes)
    np.testing.assert_allclose(moved, [[12.8, 12.8, 64, 64]], rtol=1e-6)
    np.testing.assert_allclose(placement.inverse_boxes(moved), boxes, atol=1e-4)


def test_a_rule_places_as_its_settings_say():
    rule = PlacementRule(0, 64, 0.0, "square")
    assert rule((50, 100, 3)) == place((50, 100), 0, 64)
    crop = PlacementRule(32, 64, 0.0, "crop")
    assert crop((50, 100), choose=lambda largest: largest).crop[:2] == (18, 68)


@pytest.mark.parametrize(
    ("shape", "fits"), [((128, 64), True), ((128, 65), False), ((32, 64), False)]
)
def test_sides_that_can_be_halved_down_to_stride_64(shape, fits):
    assert divisible(shape) is fits
    assert divisible(shape, 1)
