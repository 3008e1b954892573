"""Bilinear resizing with the arithmetic that matterport's images and masks were made with.

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
# Rows worked on at a time: what is in hand then stays in the processor's cache.
_BLOCK = 32


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
    image = np.asarray(array)
    height, width = int(shape[0]), int(shape[1])
    if image.ndim not in (2, 3) or image.size == 0 or height < 1 or width < 1:
        raise UsageError(
            f"Only an image with pixels can be resized to a size with pixels, but shape "
            f"{image.shape} was to become {(height, width)}; give (height, width) or "
            "(height, width, channels)."
        )
    low, high = float(image.min()), float(image.max())
    planes = image if image.ndim == 3 else image[:, :, None]
    top, bottom, down = _neighbours(planes.shape[0], height, rows)
    left, right, across = _neighbours(planes.shape[1], width, columns)
    # Of a large plane that shrinks only the rows that are sampled are touched.
    used, where = np.unique(np.concatenate([top, bottom]), return_inverse=True)
    top, bottom = where[: len(top)], where[len(top) :]
    inner = (used >= 1) & (used <= planes.shape[0])
    bordered = np.zeros((len(used), planes.shape[1] + 2, planes.shape[2]))
    bordered[inner, 1:-1] = planes[used[inner] - 1]
    across = across[:, None]
    lines = bordered[:, left] * (1 - across) + bordered[:, right] * across
    flat = lines.reshape(len(lines), -1)
    result = np.empty((len(top), flat.shape[1]))
    for start in range(0, len(top), _BLOCK):
        part = slice(start, start + _BLOCK)
        weight = down[part, None]
        np.multiply(flat[top[part]], 1 - weight, out=result[part])
        result[part] += flat[bottom[part]] * weight
    if low > 0 or high < 0:  # else the zeros outside lie within the input's range anyway
        np.clip(result, low, high, out=result)
    return result.reshape((len(top), lines.shape[1]) + image.shape[2:])


def resize_bilinear(array: ArrayLike, shape: Sequence[int]) -> Array:
    """An image (H, W) or (H, W, C) resized to ``shape`` (height, width): float64, same axes.

    Samples at pixel centres; no smoothing when shrinking. The range for clipping is that of all
    channels together. Raises UsageError for other shapes, and for sizes without pixels.
    """
    return resize_window(array, shape, (0, int(shape[0])), (0, int(shape[1])))
