"""Promise: our resizing is scikit-image's, number for number."""

import numpy as np
import pytest
from skimage.transform import resize

from maskdet.errors import UsageError
from maskdet.geometry import resize_bilinear
from maskdet.geometry.resample import resize_window


def test_border_is_mixed_with_the_zeros_outside() -> None:
    plane = np.ones((4, 4))
    plane[2, 2] = 0
    larger = resize_bilinear(plane, (8, 8))
    assert larger[0, 0] == 0.5625
    assert larger[0, 3] == 0.75


def test_all_ones_stay_ones() -> None:
    assert (resize_bilinear(np.ones((5, 3), dtype=bool), (17, 31)) == 1).all()


@pytest.mark.parametrize("seed", range(12))
def test_equals_scikit_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = rng.integers(1, 40, 2), rng.integers(1, 90, 2)
    values = rng.random((*old, 3)[: 2 + seed % 2]) * 9 - (seed % 3) * 4.5
    ours = resize_bilinear(values, new)
    theirs = resize(values, new, order=1, mode="constant", anti_aliasing=False, preserve_range=True)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_window_is_a_part_of_the_whole() -> None:
    values = np.random.default_rng(3).random((13, 9))
    whole = resize_bilinear(values, (100, 70))
    part = resize_window(values, (100, 70), (40, 90), (3, 5))
    np.testing.assert_array_equal(part, whole[40:90, 3:5])


@pytest.mark.parametrize(("shape", "new"), [((0, 3), (2, 2)), ((3,), (2, 2)), ((3, 3), (0, 2))])
def test_what_has_no_pixels_is_refused(shape: tuple[int, ...], new: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="pixels"):
        resize_bilinear(np.zeros(shape), new)
