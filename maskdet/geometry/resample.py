"""Bilinear resizing of one plane, with the arithmetic matterport's masks were made with.

The same numbers as ``skimage.transform.resize(order=1, mode="constant", anti_aliasing=False,
preserve_range=True)``, but quick enough to be called for every instance: pixels outside count as
0, and the result is clipped to the range of the input.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]
Span = tuple[int, int]


def _neighbours(size: int, new_size: int, span: Span) -> tuple[Array, Array, Array]:
    """Of each output position in ``span``: the left source index, the right one, its weight.

    Indices are moved by one, since the plane is given a border of one zero on every side.
    """
    centres = (np.arange(*span) + 0.5) * (size / new_size) - 0.5
    left = np.floor(centres)
    first = np.clip(left.astype(np.int64), -1, size) + 1
    return first, np.minimum(first + 1, size + 1), centres - left


def resize_window(array: ArrayLike, shape: Sequence[int], rows: Span, columns: Span) -> Array:
    """The part ``rows`` x ``columns`` (start, stop) of ``resize_bilinear(array, shape)``.

    Costs only what is asked for, so a box that is mostly outside an image is cheap. Float64.
    """
    plane = np.asarray(array, dtype=np.float64)
    height, width = int(shape[0]), int(shape[1])
    if plane.ndim != 2 or plane.size == 0 or height < 1 or width < 1:
        raise UsageError(
            f"Only a plane with pixels can be resized to a size with pixels, but shape "
            f"{plane.shape} was to become {(height, width)}; resize planes one by one."
        )
    low, high = plane.min(), plane.max()
    top, bottom, down = _neighbours(plane.shape[0], height, rows)
    left, right, across = _neighbours(plane.shape[1], width, columns)
    bordered = np.zeros((plane.shape[0] + 2, plane.shape[1] + 2))
    bordered[1:-1, 1:-1] = plane
    if 2 * len(top) < len(bordered):
        # Shrinking: of a large plane only the rows that are sampled are touched.
        used, where = np.unique(np.concatenate([top, bottom]), return_inverse=True)
        bordered = bordered[used]
        top, bottom = where[: len(top)], where[len(top) :]
    lines = bordered[:, left] * (1 - across) + bordered[:, right] * across
    result: Array = np.take(lines, top, axis=0)
    result *= (1 - down)[:, None]
    below = np.take(lines, bottom, axis=0)
    below *= down[:, None]
    result += below
    if low > 0 or high < 0:  # else the zeros outside lie within the input's range anyway
        np.clip(result, low, high, out=result)
    return result


def resize_bilinear(array: ArrayLike, shape: Sequence[int]) -> Array:
    """A plane (H, W) resized to ``shape`` (height, width): float64.

    Samples at pixel centres; no smoothing when shrinking. Raises UsageError for anything but a
    plane, and for sizes without pixels.
    """
    return resize_window(array, shape, (0, int(shape[0])), (0, int(shape[1])))
