"""The anchors of an SSD's Config."""

from collections.abc import Sequence

import numpy as np

from maskdet.geometry.grid_anchors import grid_anchors, octave_shapes
from maskdet.geometry.prior_boxes import cell_shapes, level_sizes, prior_boxes
from maskdet.models.ssd.config import SsdConfig

#: Pixels of the input between neighbouring cells of the trunk's maps; each extra map's are twice
#: the last one's.
TRUNK_STRIDES = (16, 32)


def level_count(config: SsdConfig) -> int:
    """How many maps are looked at."""
    if config.FPN_CHANNELS:
        return len(pyramid_levels(config))
    return len(TRUNK_STRIDES) + len(config.EXTRA_CHANNELS)


def pyramid_levels(config: SsdConfig) -> range:
    """Numbers of a feature pyramid's levels, finest first: strides are 2 to their power."""
    lowest, highest = config.FPN_LEVELS
    return range(lowest, highest + 1)


def level_shapes(config: SsdConfig) -> list[tuple[int, int]]:
    """(rows, columns) of each map, finest first; every halving rounds up."""
    finest = 2 ** pyramid_levels(config)[0] if config.FPN_CHANNELS else TRUNK_STRIDES[0]
    shapes: list[tuple[int, int]] = []
    height, width = config.input_sides
    stride = 1
    while len(shapes) < level_count(config):
        stride *= 2
        height, width = -(-height // 2), -(-width // 2)
        if stride >= finest:
            shapes.append((height, width))
    return shapes


def shapes_of(config: SsdConfig) -> list[np.ndarray]:
    """Heights and widths of the anchors of a cell of each map.

    Pixels of the input where it has a feature pyramid, else shares of its shorter side.
    """
    if config.FPN_CHANNELS:
        return [
            octave_shapes(
                level, config.FPN_ANCHOR_SCALE, config.FPN_SCALES_PER_OCTAVE, config.ANCHOR_RATIOS
            )
            for level in pyramid_levels(config)
        ]
    smallest, largest = config.ANCHOR_SIZES
    return cell_shapes(
        level_sizes(level_count(config), smallest, largest),
        config.ANCHOR_RATIOS,
        between=bool(config.ANCHOR_BETWEEN),
        reduced=bool(config.ANCHOR_REDUCED),
    )


def anchors_per_cell(config: SsdConfig) -> Sequence[int]:
    """How many anchors a cell of each map has."""
    return [len(shapes) for shapes in shapes_of(config)]


def anchors_as_shares(config: SsdConfig) -> np.ndarray:
    """float32 (A, 4) y1, x1, y2, x2 as shares of the input's sides, finest map first."""
    if config.FPN_CHANNELS:
        return grid_anchors(pyramid_levels(config), shapes_of(config), config.input_sides)
    return prior_boxes(level_shapes(config), shapes_of(config), config.input_sides)


def pixel_anchors(config: SsdConfig) -> np.ndarray:
    """:func:`anchors_as_shares` in pixels of the input."""
    return anchors_as_shares(config) * np.array(config.input_sides * 2, dtype=np.float32)
