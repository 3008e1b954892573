"""SSD's anchors: several shapes on each cell of each map, sizes growing from map to map."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Of the finest map, where there are thousands of cells: a small square and two flat ones.
_REDUCED_SIZE = 0.1
_REDUCED_RATIOS = (2.0, 0.5)


def level_sizes(levels: int, smallest: float, largest: float) -> list[float]:
    """Sides of the square anchor of each level as shares of the input, evenly between two."""
    if levels == 1:
        return [smallest]
    return [smallest + (largest - smallest) * level / (levels - 1) for level in range(levels)]


def cell_shapes(
    sizes: Sequence[float],
    ratios: Sequence[float],
    between: bool = True,
    reduced: bool = True,
) -> list[Array]:
    """Heights and widths of the anchors of a cell, float64 (anchors, 2) for each level.

    Args:
        sizes: side of the square anchor of each level.
        ratios: width / height of each shape.
        between: one square more, as large as the geometric mean of this level's size and the
            next one's (of the last level's and 1).
        reduced: the first level has three anchors alone: a square of a tenth, and its own size
            twice as wide as high and the other way.
    """
    levels = []
    for number, size in enumerate(sizes):
        shapes = [(size, float(ratio)) for ratio in ratios]
        if between:
            following = sizes[number + 1] if number + 1 < len(sizes) else 1.0
            shapes.append((math.sqrt(size * following), 1.0))
        if reduced and number == 0:
            shapes = [(_REDUCED_SIZE, 1.0), *((size, ratio) for ratio in _REDUCED_RATIOS)]
        levels.append(np.array([(s / math.sqrt(r), s * math.sqrt(r)) for s, r in shapes]))
    return levels


def prior_boxes(
    level_shapes: Sequence[Sequence[int]] | Array,
    shapes: Sequence[Array],
    sides: Sequence[int],
) -> Array:
    """All anchors, float32 (A, 4) y1, x1, y2, x2 as shares of the input's sides.

    As the TF Object Detection API lays them out (Liu et al. 2016, section 2.2): centres in the
    middle of cells, cells row by row, shapes vary fastest, finest level first. Sizes are shares of
    the shorter side. Anchors may reach outside.

    Args:
        level_shapes: (levels, 2) cells of each level.
        shapes: of :func:`cell_shapes`.
        sides: (height, width) of the input, pixels.
    """
    shortest = min(sides)
    shares = np.array([shortest / sides[0], shortest / sides[1]])
    levels = []
    for (rows, columns), sizes in zip(level_shapes, shapes, strict=True):
        half = sizes * shares / 2  # (S, 2)
        y, x = np.meshgrid(
            (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
        )
        centres = np.stack([y, x], axis=-1)[:, :, None]  # (rows, columns, 1, 2)
        boxes = np.concatenate([centres - half, centres + half], axis=-1)  # (rows, columns, S, 4)
        levels.append(boxes.reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)
