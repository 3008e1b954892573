"""Greedy non-maximum suppression, the numpy reference for the networks' kernels."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError
from maskdet.geometry.boxes import as_boxes, box_area

Array = NDArray[Any]


def non_max_suppression(
    boxes: ArrayLike, scores: ArrayLike, threshold: float, limit: int | None = None
) -> Array:
    """Indices of the boxes that stay, int32, best score first.

    A box goes when its IoU with a better kept one is above (not at) ``threshold``. Of equal scores
    the later box wins, as in matterport's ``argsort()[::-1]``. A box without area overlaps nothing
    and stays. ``limit``: stop after so many boxes. No boxes give an empty result.

    Args:
        boxes: (N, 4) in any one unit; float32 unless they are floats already.
        scores: (N,).
        threshold: IoU 0..1.

    Raises UsageError where boxes and scores differ in number.
    """
    array = np.asarray(boxes)
    rows = as_boxes(array if array.dtype.kind == "f" else array.astype(np.float32))
    values = np.asarray(scores).reshape(-1)
    if len(values) != len(rows):
        raise UsageError(
            f"Every box needs a score, but there are {len(rows)} boxes and {len(values)} scores; "
            "give one score a box."
        )
    areas = box_area(rows)
    order = np.argsort(values, kind="stable")[::-1]
    keep: list[int] = []
    while len(order) and (limit is None or len(keep) < limit):
        best, order = order[0], order[1:]
        keep.append(int(best))
        order = order[_iou_with(rows, areas, best, order) <= threshold]
    return np.array(keep, dtype=np.int32)


def _iou_with(boxes: Array, areas: Array, one: int, others: Array) -> Array:
    """IoU of one box with others, (len(others),); 0 where the union is empty."""
    box, rest = boxes[one], boxes[others]
    height = np.minimum(box[2], rest[:, 2]) - np.maximum(box[0], rest[:, 0])
    width = np.minimum(box[3], rest[:, 3]) - np.maximum(box[1], rest[:, 1])
    intersection = np.maximum(height, 0) * np.maximum(width, 0)
    union = areas[one] + areas[others] - intersection
    iou: Array = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return iou
