"""Box deltas: what a network says to move a box onto an object, and back.

The parametrisation is R-CNN's (Girshick et al. 2014, appendix C): the shift of the centre in units
of the box's sides, and the logarithm of the change of each side.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError
from maskdet.geometry.boxes import as_boxes

Array = NDArray[Any]


def _sides_and_centres(boxes: Array) -> tuple[Array, Array]:
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides, boxes[:, :2] + 0.5 * sides


def encode_boxes(
    boxes: ArrayLike, targets: ArrayLike, std: Sequence[float] | Array | None = None
) -> Array:
    """Deltas (N, 4) as dy, dx, log dh, log dw that move ``boxes`` (N, 4) onto ``targets`` (N, 4).

    Both in the same unit, all sides positive. ``std`` (4 numbers) divides the deltas, as networks
    are trained on scaled ones. Returns float32 for float32 boxes, else float64. Raises UsageError
    where counts differ or a box has no area (its deltas would not be finite).
    """
    source, wanted = as_boxes(boxes), as_boxes(targets)
    if source.shape != wanted.shape:
        raise UsageError(
            f"Boxes and targets must come in pairs, but there are {len(source)} boxes and "
            f"{len(wanted)} targets; select matching rows first."
        )
    sides, centres = _sides_and_centres(source)
    target_sides, target_centres = _sides_and_centres(wanted)
    if not ((sides > 0).all() and (target_sides > 0).all()):
        bad = int(np.flatnonzero(~((sides > 0) & (target_sides > 0)).all(axis=1))[0])
        raise UsageError(
            f"Deltas need boxes with a positive height and width, but pair {bad} is "
            f"{source[bad].tolist()} and {wanted[bad].tolist()}; remove boxes without area first."
        )
    deltas: Array = np.concatenate(
        [(target_centres - centres) / sides, np.log(target_sides / sides)], axis=1
    )
    return deltas if std is None else deltas / np.asarray(std, dtype=deltas.dtype)


def decode_boxes(
    boxes: ArrayLike, deltas: ArrayLike, std: Sequence[float] | Array | None = None
) -> Array:
    """Boxes (N, 4) moved by deltas (N, 4) as dy, dx, log dh, log dw, in the unit of ``boxes``.

    Inverse of :func:`encode_boxes` with the same ``std``. The exponential is not clipped. Integer
    boxes are taken as float32, as matterport does; else the boxes' own float type is kept.
    """
    if np.asarray(boxes).dtype.kind != "f":
        boxes = np.asarray(boxes, dtype=np.float32)
    source = as_boxes(boxes)
    moves = np.asarray(deltas, dtype=source.dtype)
    if moves.size == 0:
        moves = moves.reshape(0, 4)
    if moves.shape != source.shape:
        raise UsageError(
            f"Boxes and deltas must have the same shape (N, 4), but have {source.shape} and "
            f"{moves.shape}; select matching rows first."
        )
    if std is not None:
        moves = moves * np.asarray(std, dtype=source.dtype)
    sides, centres = _sides_and_centres(source)
    centres = centres + moves[:, :2] * sides
    sides = sides * np.exp(moves[:, 2:])
    corners = centres - 0.5 * sides
    return np.concatenate([corners, corners + sides], axis=1)
