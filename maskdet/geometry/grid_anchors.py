"""Anchors of a feature pyramid, whose sizes follow the strides (Lin et al. 2017, RetinaNet)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def octave_shapes(
    level: int, anchor_scale: float, scales_per_octave: int, ratios: Sequence[float]
) -> Array:
    """Heights and widths in pixels of the anchors of a cell, float64 (ratios * scales, 2).

    Args:
        level: its cells lie ``2 ** level`` pixels apart.
        anchor_scale: side of the smallest square anchor, in strides.
        scales_per_octave: sizes from one stride's to the next one's, evenly in their logarithm.
        ratios: width / height of each shape.

    Returns:
        All sizes of the first ratio, then of the next.
    """
    smallest = anchor_scale * 2**level
    sizes = [smallest * 2 ** (octave / scales_per_octave) for octave in range(scales_per_octave)]
    return np.array(
        [(size / math.sqrt(ratio), size * math.sqrt(ratio)) for ratio in ratios for size in sizes]
    )


def grid_anchors(levels: Sequence[int], shapes: Sequence[Array], sides: Sequence[int]) -> Array:
    """All anchors, float32 (A, 4) y1, x1, y2, x2 as shares of the input's sides.

    As the TF Object Detection API's multiscale_grid_anchor_generator lays them out: the first
    centre lies in the middle of its cell where the stride divides the side, and on the input's
    edge where it does not, along each axis for itself; cells row by row, shapes vary fastest.
    Anchors may reach outside.

    Args:
        levels: of the pyramid, finest first.
        shapes: of :func:`octave_shapes`, one for each level.
        sides: (height, width) of the input, pixels.
    """
    rows = []
    for level, sizes in zip(levels, shapes, strict=True):
        stride = 2**level
        y, x = (
            np.arange(-(-side // stride)) * stride + (stride / 2 if side % stride == 0 else 0)
            for side in sides
        )
        centres = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1)[:, :, None]  # (h, w, 1, 2)
        corners = [centres - sizes / 2, centres + sizes / 2]
        rows.append(np.concatenate(corners, axis=-1).reshape(-1, 4))  # (h * w * S, 4)
    boxes: Array = np.concatenate(rows) / np.array([*sides, *sides])
    return boxes.astype(np.float32)
