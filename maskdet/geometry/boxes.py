"""Boxes as plain arrays: area, clipping, IoU, normalised form and the other libraries' orders.

A box is ``y1, x1, y2, x2`` in pixels; ``y2`` and ``x2`` lie just outside: a width is ``x2 - x1``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]


def as_boxes(boxes: ArrayLike) -> Array:
    """Returns ``boxes`` as a float array (N, 4); integers become float64, an empty list (0, 4).

    Raises UsageError for any other shape.
    """
    array = np.asarray(boxes)
    if array.size == 0 and array.ndim <= 2 and array.shape[-1] in (0, 4):
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise UsageError(
            f"Boxes must have shape (N, 4) as y1, x1, y2, x2, but have shape {array.shape}; "
            "give a single box as [box]."
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def box_area(boxes: ArrayLike) -> Array:
    """Areas (N,) of boxes (N, 4) in square pixels; 0 where a box is turned inside out."""
    array = as_boxes(boxes)
    sides = np.maximum(array[:, 2:] - array[:, :2], 0)
    area: Array = sides[:, 0] * sides[:, 1]
    return area


def clip_boxes(boxes: ArrayLike, window: Sequence[float] | Array) -> Array:
    """Boxes (N, 4) cut to ``window`` (y1, x1, y2, x2), same unit.

    A box that lies wholly outside collapses onto the window's border and has no area.
    """
    array = as_boxes(boxes)
    y1, x1, y2, x2 = (float(side) for side in window)
    lowest = np.array([y1, x1, y1, x1], dtype=array.dtype)
    highest = np.array([y2, x2, y2, x2], dtype=array.dtype)
    clipped: Array = np.clip(array, lowest, highest)
    return clipped


def pairwise_iou(boxes1: ArrayLike, boxes2: ArrayLike) -> Array:
    """Intersection over union of boxes1 (N, 4) with boxes2 (M, 4): (N, M) in 0..1.

    Float32 boxes give float32, anything else float64. Where a union is empty the IoU is 0.
    """
    first, second = as_boxes(boxes1), as_boxes(boxes2)
    intersection = _intersections(first, second)
    union = box_area(first)[:, None] + box_area(second)[None, :] - intersection
    iou: Array = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return iou


def pairwise_coverage(boxes1: ArrayLike, boxes2: ArrayLike) -> Array:
    """Share of each of boxes1 (N, 4) that lies inside each of boxes2 (M, 4): (N, M) in 0..1.

    Intersection over the first one's own area, 0 where that is empty.
    """
    first, second = as_boxes(boxes1), as_boxes(boxes2)
    intersection = _intersections(first, second)
    area = np.broadcast_to(box_area(first)[:, None], intersection.shape)
    share: Array = np.divide(intersection, area, out=np.zeros_like(intersection), where=area > 0)
    return share


def _intersections(first: Array, second: Array) -> Array:
    """Areas (N, M) that boxes (N, 4) and (M, 4) share."""
    y1 = np.maximum(first[:, None, 0], second[None, :, 0])
    x1 = np.maximum(first[:, None, 1], second[None, :, 1])
    y2 = np.minimum(first[:, None, 2], second[None, :, 2])
    x2 = np.minimum(first[:, None, 3], second[None, :, 3])
    area: Array = np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)
    return area


def _normal_scale_and_shift(shape: Sequence[int]) -> tuple[Array, Array]:
    height, width = int(shape[0]), int(shape[1])
    if height < 2 or width < 2:
        raise UsageError(
            f"Boxes of a {height} x {width} image cannot be normalised, because matterport's form "
            "divides by each side minus one; pad the image to 2 x 2 pixels or more."
        )
    sides = np.array([height - 1, width - 1, height - 1, width - 1], dtype=np.float64)
    return sides, np.array([0.0, 0.0, 1.0, 1.0])


def normalize_boxes(boxes: ArrayLike, shape: Sequence[int]) -> Array:
    """Pixel boxes (N, 4) in matterport's 0..1 form for an image of ``shape`` (height, width, ...).

    The far corners name the last pixel inside, not the one after, and sides are divided by
    ``side - 1``. Published weights were trained with this, so it stays. Returns float32.
    """
    scale, shift = _normal_scale_and_shift(shape)
    normal: Array = ((as_boxes(boxes) - shift) / scale).astype(np.float32)
    return normal


def denormalize_boxes(boxes: ArrayLike, shape: Sequence[int]) -> Array:
    """Inverse of :func:`normalize_boxes`: int32 pixel boxes (N, 4), rounded half to even."""
    scale, shift = _normal_scale_and_shift(shape)
    pixels: Array = np.around(as_boxes(boxes) * scale + shift).astype(np.int32)
    return pixels


def _from_centres(a: Array) -> list[Array]:
    x, y, half_width, half_height = a[:, 0], a[:, 1], a[:, 2] / 2, a[:, 3] / 2
    return [y - half_height, x - half_width, y + half_height, x + half_width]


_TO_YXYX: dict[str, Callable[[Array], list[Array]]] = {
    "yxyx": lambda a: [a[:, 0], a[:, 1], a[:, 2], a[:, 3]],
    "xyxy": lambda a: [a[:, 1], a[:, 0], a[:, 3], a[:, 2]],
    "xywh": lambda a: [a[:, 1], a[:, 0], a[:, 1] + a[:, 3], a[:, 0] + a[:, 2]],
    "cxcywh": _from_centres,
}
_FROM_YXYX: dict[str, Callable[[Array], list[Array]]] = {
    "yxyx": _TO_YXYX["yxyx"],
    "xyxy": _TO_YXYX["xyxy"],
    "xywh": lambda a: [a[:, 1], a[:, 0], a[:, 3] - a[:, 1], a[:, 2] - a[:, 0]],
    "cxcywh": lambda a: [
        (a[:, 1] + a[:, 3]) / 2,
        (a[:, 0] + a[:, 2]) / 2,
        a[:, 3] - a[:, 1],
        a[:, 2] - a[:, 0],
    ],
}


def convert_boxes(boxes: ArrayLike, source: str = "xyxy", target: str = "yxyx") -> Array:
    """Boxes (N, 4) from one order to another; the unit stays, far corners stay exclusive.

    ``source`` and ``target``: "yxyx" (ours: y1, x1, y2, x2), "xyxy" (x1, y1, x2, y2),
    "xywh" (COCO: x1, y1, width, height), "cxcywh" (centre x, centre y, width, height).
    Raises UsageError for an unknown order.
    """
    for name, argument in ((source, "source"), (target, "target")):
        if name not in _TO_YXYX:
            raise UsageError(
                f"Unknown box order {argument}={name!r}; use one of {', '.join(_TO_YXYX)}."
            )
    inner = np.stack(_TO_YXYX[source](as_boxes(boxes)), axis=1)
    return np.stack(_FROM_YXYX[target](inner), axis=1)
