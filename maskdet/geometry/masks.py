"""Masks: boxes around them, small versions of them cut to their box, and the way back.

A mask is bool H x W, several are H x W x N. A mini mask is a mask cut to its box and resized to a
fixed small shape; it only has a meaning together with that box.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import DataError, UsageError
from maskdet.geometry.boxes import as_boxes
from maskdet.geometry.resample import resize_bilinear, resize_window
from maskdet.geometry.runs import MaskCrop

Array = NDArray[Any]
# Pixel coordinates beyond this are not images; the limit keeps sums inside int64.
_FAR = 2.0**40


def whole_boxes(boxes: ArrayLike) -> Array:
    """Boxes (N, 4) in whole pixels, rounded half to even: int64 (N, 4).

    A box thinner than a pixel takes the pixel it lies in; one without area keeps none.
    Raises UsageError for a box that is not four finite numbers.
    """
    given = np.asarray(boxes)
    values = given.astype(np.float64)
    if values.ndim != 2 or values.shape[1] != 4 or not np.isfinite(values).all():
        rows = values.reshape(len(values), -1)
        wrong = next((r for r in rows if r.shape != (4,) or not np.isfinite(r).all()), values)
        raise UsageError(
            f"A box must be four finite numbers y1, x1, y2, x2, but is {wrong.tolist()}; "
            "remove or repair it."
        )
    values = np.clip(values, -_FAR, _FAR)
    whole = np.around(values).astype(np.int64)
    low, high = whole[:, :2], whole[:, 2:]  # views: (N, 2) each, y and x
    thin = (low == high) & (values[:, 2:] > values[:, :2])
    if thin.any():
        low[thin] = np.floor((values[:, :2] + values[:, 2:])[thin] / 2)
        high[thin] = low[thin] + 1
    return whole


def whole_box(box: ArrayLike) -> tuple[int, int, int, int]:
    """:func:`whole_boxes` of one box (4,)."""
    y1, x1, y2, x2 = whole_boxes(np.reshape(box, (1, -1)))[0].tolist()
    return y1, x1, y2, x2


def _as_masks(masks: ArrayLike) -> Array:
    array = np.asarray(masks)
    if array.ndim != 3:
        raise UsageError(
            f"Masks must have shape (height, width, count), but have shape {array.shape}; "
            "give a single mask as mask[:, :, None]."
        )
    return array


def boxes_from_masks(masks: ArrayLike) -> Array:
    """The tightest box around each mask of H x W x N: int32 (N, 4); zeros for an empty mask."""
    array = _as_masks(masks).astype(bool, copy=False)
    boxes = np.zeros((array.shape[2], 4), dtype=np.int32)
    if array.size == 0:
        return boxes
    for axis, (low, high) in ((1, (0, 2)), (0, (1, 3))):
        used = np.asarray(array.any(axis=axis))  # (H or W, N)
        filled = used.any(axis=0)  # (N,)
        boxes[:, low] = np.where(filled, used.argmax(axis=0), 0)
        boxes[:, high] = np.where(filled, len(used) - used[::-1].argmax(axis=0), 0)
    return boxes


def crops_from_masks(masks: ArrayLike) -> list[MaskCrop]:
    """Masks H x W x N cut out by the tightest boxes around them."""
    array = _as_masks(masks).astype(bool, copy=False)
    return [
        MaskCrop(y1, x1, array[y1:y2, x1:x2, i])
        for i, (y1, x1, y2, x2) in enumerate(boxes_from_masks(array).tolist())
    ]


def boxes_around(planes: ArrayLike) -> Array:
    """:func:`boxes_from_masks` of masks that are stacked first, N x H x W: float32 (N, 4)."""
    return boxes_from_masks(np.moveaxis(np.asarray(planes), 0, -1)).astype(np.float32)


def shrink_mask(mask: ArrayLike, box: ArrayLike, shape: Sequence[int]) -> Array:
    """One mask (H, W) cut to its box and resized: bool of ``shape`` (height, width).

    The arithmetic of matterport's mini masks: bilinear, and true above one half. What of the box
    lies outside the image counts as false. Raises DataError for a box without area.
    """
    plane = np.asarray(mask)
    y1, x1, y2, x2 = whole_box(box)
    if y2 <= y1 or x2 <= x1:
        raise DataError(
            f"The box {np.asarray(box).tolist()} has no area, so no mask can be cut out of it; "
            "remove or repair this object.",
            kind="box without area",
        )
    height, width = plane.shape
    top, left, bottom, right = max(y1, 0), max(x1, 0), min(y2, height), min(x2, width)
    if bottom <= top or right <= left:
        return np.zeros((int(shape[0]), int(shape[1])), dtype=bool)
    crop = plane[top:bottom, left:right].astype(bool, copy=False)
    if crop.shape != (y2 - y1, x2 - x1):
        crop = np.pad(crop, ((top - y1, y2 - bottom), (left - x1, x2 - right)))
    return resize_bilinear(crop, shape) > 0.5


def _window(
    box: ArrayLike, image_shape: Sequence[int]
) -> tuple[tuple[int, int, int, int], slice, slice] | None:
    """A box in whole pixels, and the image's rows and columns that it covers; None where none."""
    y1, x1, y2, x2 = whole_box(box)
    height, width = int(image_shape[0]), int(image_shape[1])
    top, left, bottom, right = max(y1, 0), max(x1, 0), min(y2, height), min(x2, width)
    if bottom <= top or right <= left:
        return None
    return (y1, x1, y2, x2), slice(top, bottom), slice(left, right)


def expand_mask(mini: ArrayLike, box: ArrayLike, image_shape: Sequence[int]) -> Array:
    """A bool mini mask (h, w) put back into its box: bool (H, W) of ``image_shape``.

    Inverse of :func:`shrink_mask` up to what the small shape lost; true above one half. The part of
    the box outside the image is dropped, a box without area gives an empty mask.
    """
    mask = np.zeros((int(image_shape[0]), int(image_shape[1])), dtype=bool)
    window = _window(box, image_shape)
    if window is not None:
        (y1, x1, y2, x2), rows, columns = window
        shown = (rows.start - y1, rows.stop - y1), (columns.start - x1, columns.stop - x1)
        mask[rows, columns] = resize_window(mini, (y2 - y1, x2 - x1), *shown) > 0.5
    return mask


def pairwise_mask_iou(masks1: ArrayLike, masks2: ArrayLike) -> Array:
    """IoU of masks1 (H, W, N) with masks2 (H, W, M): (N, M) float32; above 0.5 counts as inside.

    0 where both masks are empty. Raises UsageError where the image sizes differ.
    """
    first, second = _as_masks(masks1), _as_masks(masks2)
    if first.shape[2] == 0 or second.shape[2] == 0:
        return np.zeros((first.shape[2], second.shape[2]), dtype=np.float32)
    if first.shape[:2] != second.shape[:2]:
        raise UsageError(
            f"Masks of one image must have one size, but are {first.shape[:2]} and "
            f"{second.shape[:2]} pixels; resize one of them first."
        )
    # Counts of pixels are exact in float32 up to 2 ** 24, which is 4096 x 4096.
    pixels = first.shape[0] * first.shape[1]
    exact = np.float32 if pixels <= 2**24 else np.float64
    flat1: Array = (first > 0.5).reshape(pixels, -1).astype(exact)
    flat2: Array = (second > 0.5).reshape(pixels, -1).astype(exact)
    intersection = flat1.T @ flat2
    union = flat1.sum(axis=0)[:, None] + flat2.sum(axis=0)[None, :] - intersection
    iou = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return iou.astype(np.float32, copy=False)


def fill_boxes(boxes: ArrayLike, image_shape: Sequence[int]) -> Array:
    """Boxes (N, 4) as masks: bool H x W x N, true in each box, the part outside dropped.

    What a box-only data set has in place of masks.
    """
    rows = as_boxes(boxes)
    height, width = int(image_shape[0]), int(image_shape[1])
    planes = np.zeros((len(rows), height, width), dtype=bool)
    for plane, box in zip(planes, rows, strict=True):
        y1, x1, y2, x2 = whole_box(box)
        plane[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = True
    return np.moveaxis(planes, 0, -1)
