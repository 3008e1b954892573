"""Pasting: small masks put into their boxes, as runs of true pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError
from maskdet.geometry.crossings import row_crossings
from maskdet.geometry.masks import whole_boxes
from maskdet.geometry.runs import MaskRuns

Array = NDArray[Any]
# Rounding must not decide on a value of the threshold itself.
_ROUNDING = 1e-6


def paste_mask(
    mini: ArrayLike,
    box: ArrayLike,
    image_shape: Sequence[int],
    threshold: float = 0.5,
    out: Array | None = None,
) -> Array:
    """A mask head's output (h, w) in 0..1 put into its box: bool (H, W) of ``image_shape``.

    Bilinear, true at ``threshold`` and above. The box is in pixels of the image, rounded to whole
    ones; what lies outside the image is dropped, and a box without area gives an empty mask.
    ``out``: an empty mask (H, W) to write into.

    Raises UsageError for anything but finite numbers.
    """
    values = np.asarray(mini)
    if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all():
        raise UsageError(
            f"A mask that is pasted must be a plane of finite numbers, but this one of shape "
            f"{values.shape} is not; remove this object."
        )
    shape = int(image_shape[0]), int(image_shape[1])
    mask = np.zeros(shape, dtype=bool) if out is None else out
    (crop,) = pasted_runs(values[None], np.reshape(box, (1, -1)), shape, threshold).crops()
    height, width = crop.mask.shape
    mask[crop.y : crop.y + height, crop.x : crop.x + width] = crop.mask
    return mask


def pasted_runs(
    minis: ArrayLike, boxes: ArrayLike, image_shape: Sequence[int], threshold: float = 0.5
) -> MaskRuns:
    """:func:`paste_mask` of outputs (N, h, w) into their boxes (N, 4), as runs of true pixels."""
    grid = _grid(np.asarray(minis), threshold - _ROUNDING)  # (N, h + 2, w + 2)
    whole = whole_boxes(boxes)
    height, width = int(image_shape[0]), int(image_shape[1])
    windows = np.clip(whole, 0, np.array([height, width, height, width]))
    windows[(windows[:, 2:] <= windows[:, :2]).any(axis=1)] = 0
    rows, columns = row_crossings(grid, whole, windows)
    # A row begins and ends outside its box, so that it crosses an even number of times.
    rows, starts, ends = rows[0::2], columns[0::2], columns[1::2]
    seen = ends > starts  # others lie between two pixels' centres, or outside the image
    if not seen.all():
        rows, starts, ends = rows[seen], starts[seen], ends[seen]
    return MaskRuns(rows, starts, ends, windows, (height, width))


def _grid(minis: Array, level: float) -> Array:
    """Samples less ``level``, with a border of those that lie outside: float64 (N, h + 2, w + 2).

    Outside counts as 0. A mask that is nowhere below the level is true up to its box's sides:
    resizing as matterport does it never leaves the range of the values that it was given.
    """
    count, height, width = minis.shape
    grid = np.full((count, height + 2, width + 2), -max(level, _ROUNDING))
    inner = grid[:, 1:-1, 1:-1]
    np.subtract(minis, level, out=inner, dtype=np.float64)
    full = inner.min(axis=(1, 2), initial=1.0) >= 0
    if full.any():  # half-way between -1 and 1 lies the box's side
        grid[full, :, 1:-1], grid[full, :, 0], grid[full, :, -1] = 1.0, -1.0, -1.0
    return grid
