"""Promise: a dozen photos of any sizes fit on one sheet that can be looked at."""

import numpy as np
import pytest

from maskdet.visualize.sheet import contact_sheet

RED, BLUE = (220, 30, 30), (30, 30, 220)


def plain(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (4, 4, 1), (5, 4, 2), (12, 4, 3)]
)
def test_photos_stand_in_rows_of_four(count, columns, rows):
    sheet = contact_sheet([plain(60, 90, RED)] * count, ["a"] * count, side=100)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (rows * 126 + 8, columns * 108 + 8, 3)
    assert (sheet == RED).all(axis=2).sum() == count * 100 * 67


def test_a_photo_keeps_its_shape_and_its_place():
    sheet = contact_sheet([plain(50, 100, RED), plain(800, 400, BLUE)], ["wide", "high"], side=100)
    y, x = np.nonzero((sheet == RED).all(axis=2))
    assert (y.min(), y.max(), x.min(), x.max()) == (33, 82, 8, 107)
    y, x = np.nonzero((sheet == BLUE).all(axis=2))
    assert (y.min(), y.max(), x.min(), x.max()) == (8, 107, 141, 190)


def test_a_long_title_stays_below_its_photo():
    sheet = contact_sheet([plain(9, 9, RED)] * 2, ["folder/" * 40, ""], side=100)
    assert (sheet[110:, 116:] == 255).all()  # the other one's place
    assert (sheet[110:, :116] < 100).any()
