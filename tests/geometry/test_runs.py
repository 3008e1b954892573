"""Promise: runs say the same of masks in every form, and no form makes full-size masks but one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from maskdet.geometry.runs import MaskRuns

planes = arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=19))


def runs_of(masks: np.ndarray, window: tuple[int, int, int, int]) -> MaskRuns:
    """Masks (N, H, W) that are false outside a window, as runs; each pixel is one."""
    y1, x1, y2, x2 = window
    index, y, x = np.nonzero(masks)
    rows = index * (y2 - y1) + y - y1
    windows = np.tile(np.array(window, dtype=np.int64), (len(masks), 1))
    return MaskRuns(rows, x, x + 1, windows, masks.shape[1:])


@given(planes, st.data())
def test_all_forms_say_the_same(masks: np.ndarray, data: st.DataObject) -> None:
    _, height, width = masks.shape
    y1, y2 = sorted(data.draw(st.tuples(*[st.integers(0, height)] * 2)))
    x1, x2 = sorted(data.draw(st.tuples(*[st.integers(0, width)] * 2)))
    inside = np.zeros_like(masks)
    inside[:, y1:y2, x1:x2] = masks[:, y1:y2, x1:x2]
    runs = runs_of(inside, (y1, x1, y2, x2))
    np.testing.assert_array_equal(runs.planes(), inside)
    assert runs.areas().tolist() == inside.sum(axis=(1, 2)).tolist()
    for mask, crop, (starts, ends) in zip(inside, runs.crops(), runs.positions(), strict=True):
        assert (crop.y, crop.x) == (y1, x1) and crop.mask.dtype == bool
        np.testing.assert_array_equal(crop.mask, mask[y1:y2, x1:x2])
        assert starts.tolist() == np.flatnonzero(mask).tolist()
        assert (ends - starts == 1).all()


def test_cutting_out_costs_what_the_box_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small object in a photo of 48 megapixels: nothing near the photo's size is made."""
    made: list[int] = []
    unpackbits = np.unpackbits
    monkeypatch.setattr(
        np,
        "unpackbits",
        lambda bits, **options: made.append(bits.size) or unpackbits(bits, **options),
    )
    runs = MaskRuns(
        np.array([0, 1]),
        np.array([7000, 7002]),
        np.array([7004, 7004]),
        np.array([[5000, 7000, 5002, 7004]]),
        (6000, 8000),
    )
    assert runs.crops()[0].mask.tolist() == [[True] * 4, [False, False, True, True]]
    assert runs.areas().tolist() == [6] and made == [2]
