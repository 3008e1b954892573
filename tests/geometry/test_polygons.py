"""Promise: outlines enclose exactly the pixels they came from, holes and all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from maskdet.errors import DataError
from maskdet.geometry import mask_from_polygons, polygons_from_mask

planes = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12))


def test_one_pixel_by_hand() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    mask[1, 2] = True
    (outline,) = polygons_from_mask(mask)
    assert outline.tolist() == [[1, 2], [1, 3], [2, 3], [2, 2]]


def test_parts_that_touch_at_a_corner_are_apart() -> None:
    assert len(polygons_from_mask(np.eye(3))) == 3
    assert len(polygons_from_mask(np.eye(3)[::-1])) == 3


# pycocotools 2.0.11 has not followed numpy's new __array__ signature.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_ring_is_one_polygon_with_its_hole() -> None:
    mask = np.ones((5, 5), dtype=bool)
    mask[2, 2] = False
    outlines = polygons_from_mask(mask)
    assert len(outlines) == 1
    np.testing.assert_array_equal(mask_from_polygons(outlines, mask.shape), mask)
    flat = [outlines[0][:, ::-1].ravel().tolist()]
    theirs = coco.decode(coco.frPyObjects(flat, 5, 5))[:, :, 0]
    np.testing.assert_array_equal(theirs, mask)


@given(planes)
def test_filling_undoes_outlining(mask: np.ndarray) -> None:
    outlines = polygons_from_mask(mask)
    assert bool(outlines) == bool(mask.any())
    np.testing.assert_array_equal(mask_from_polygons(outlines, mask.shape), mask)


def test_a_large_noisy_mask_comes_back() -> None:
    mask = np.random.default_rng(5).random((60, 80)) < 0.6
    np.testing.assert_array_equal(mask_from_polygons(polygons_from_mask(mask), mask.shape), mask)


def test_pixels_belong_by_their_centres_and_polygons_unite() -> None:
    triangle = [(0, 0), (4, 0), (4, 4)]
    filled = mask_from_polygons([triangle], (4, 4))
    # A centre on the slanted edge itself lies outside: with it begins the edge's right side.
    assert filled.astype(int).tolist() == [[0] * 4, [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
    square = [(0, 0), (0, 2), (2, 2), (2, 0)]
    assert mask_from_polygons([square, square], (4, 4)).sum() == 4


def test_polygons_may_leave_the_image() -> None:
    around = [(-9, -9), (-9, 99), (99, 99), (99, -9)]
    assert mask_from_polygons([around], (3, 4)).all()
    assert not mask_from_polygons([], (3, 4)).any()


@pytest.mark.parametrize(
    ("polygon", "message"),
    [([(0, 0), (1, 1)], "three"), ([1, 2, 3], "three"), ([(0, 0), (1, 1), (np.inf, 2)], "finite")],
)
def test_damage_is_named(polygon: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mask_from_polygons([polygon], (4, 4))
