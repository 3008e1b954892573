"""Boxes and deltas as tensors: the twins of :mod:`maskdet.geometry` for use inside a network.

Boxes are (..., 4) as y1, x1, y2, x2; every function keeps the unit it is given.
"""

from typing import Any

from keras import ops


def decode(boxes: Any, deltas: Any) -> Any:
    """Boxes moved by deltas (dy, dx, log dh, log dw); both (..., 4).

    R-CNN's parametrisation (Girshick et al. 2014, appendix C).
    """
    y1, x1, y2, x2 = (boxes[..., i] for i in range(4))
    height, width = y2 - y1, x2 - x1
    centre_y = y1 + 0.5 * height + deltas[..., 0] * height
    centre_x = x1 + 0.5 * width + deltas[..., 1] * width
    height = height * ops.exp(deltas[..., 2])
    width = width * ops.exp(deltas[..., 3])
    top, left = centre_y - 0.5 * height, centre_x - 0.5 * width
    return ops.stack([top, left, top + height, left + width], axis=-1)


def encode(boxes: Any, targets: Any) -> Any:
    """Deltas (dy, dx, log dh, log dw) that move boxes onto targets; both (..., 4).

    Sides are kept above 1e-7, so that padding gives finite numbers.
    """
    smallest = 1e-7
    height = ops.maximum(boxes[..., 2] - boxes[..., 0], smallest)
    width = ops.maximum(boxes[..., 3] - boxes[..., 1], smallest)
    target_height = ops.maximum(targets[..., 2] - targets[..., 0], smallest)
    target_width = ops.maximum(targets[..., 3] - targets[..., 1], smallest)
    centre_y, centre_x = boxes[..., 0] + 0.5 * height, boxes[..., 1] + 0.5 * width
    target_y = targets[..., 0] + 0.5 * target_height
    target_x = targets[..., 1] + 0.5 * target_width
    return ops.stack(
        [
            (target_y - centre_y) / height,
            (target_x - centre_x) / width,
            ops.log(target_height / height),
            ops.log(target_width / width),
        ],
        axis=-1,
    )


def clip(boxes: Any, window: Any) -> Any:
    """Boxes (..., 4) cut to a window (..., 4) that broadcasts against them."""
    top, left, bottom, right = (window[..., i] for i in range(4))
    return ops.stack(
        [
            ops.maximum(ops.minimum(boxes[..., 0], bottom), top),
            ops.maximum(ops.minimum(boxes[..., 1], right), left),
            ops.maximum(ops.minimum(boxes[..., 2], bottom), top),
            ops.maximum(ops.minimum(boxes[..., 3], right), left),
        ],
        axis=-1,
    )


def pairwise_iou(boxes: Any, others: Any) -> Any:
    """IoU of boxes (..., N, 4) with others (..., M, 4): (..., N, M); 0 where a union is empty."""
    y1, x1, y2, x2 = (boxes[..., :, None, i] for i in range(4))
    top, left, bottom, right = (others[..., None, :, i] for i in range(4))
    height = ops.maximum(ops.minimum(y2, bottom) - ops.maximum(y1, top), 0.0)
    width = ops.maximum(ops.minimum(x2, right) - ops.maximum(x1, left), 0.0)
    inter = height * width
    union = (y2 - y1) * (x2 - x1) + (bottom - top) * (right - left) - inter
    return ops.where(union > 0, inter / ops.maximum(union, 1e-12), 0.0)


def paired_iou(boxes: Any, others: Any) -> Any:
    """IoU of each box (..., 4) with the one at its place in others (..., 4): (...)."""
    low = ops.maximum(boxes[..., :2], others[..., :2])
    high = ops.minimum(boxes[..., 2:], others[..., 2:])
    sides = ops.maximum(high - low, 0.0)  # (..., 2)
    inter = sides[..., 0] * sides[..., 1]
    areas = [
        ops.maximum(rows[..., 2] - rows[..., 0], 0.0)
        * ops.maximum(rows[..., 3] - rows[..., 1], 0.0)
        for rows in (boxes, others)
    ]
    return inter / ops.maximum(areas[0] + areas[1] - inter, 1e-7)


def gather_rows(rows: Any, indices: Any) -> Any:
    """rows (B, N, D) at indices (B, K): (B, K, D)."""
    return ops.take_along_axis(rows, ops.cast(indices, "int32")[..., None], axis=1)


def normalize_each(boxes: Any, shapes: Any) -> Any:
    """:func:`normalize` of one pixel box (B, 4) an image; shapes (B, 2) are height and width."""
    scale = ops.cast(ops.concatenate([shapes, shapes], axis=1), "float32") - 1.0
    shift = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], dtype="float32")
    return (ops.cast(boxes, "float32") - shift) / scale


def normalize(boxes: Any, height: Any, width: Any) -> Any:
    """Pixel boxes to matterport's 0..1 form: the far corners are the last pixel, not the one after.

    Weights were trained with this off-by-one; :func:`maskdet.geometry.boxes.normalize_boxes` is
    the numpy twin.
    """
    scale = ops.convert_to_tensor([height, width, height, width], dtype="float32") - 1.0
    shift = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], dtype="float32")
    return (ops.cast(boxes, "float32") - shift) / scale


def within(boxes: Any, frames: Any) -> tuple[Any, Any]:
    """Low and high corners (..., 2) of boxes (..., 4) in sides of frames (..., 4), 0 and 1 at these
    ones' own corners."""
    sides = ops.maximum(frames[..., 2:] - frames[..., :2], 1e-7)  # (..., 2)
    return (boxes[..., :2] - frames[..., :2]) / sides, (boxes[..., 2:] - frames[..., :2]) / sides
