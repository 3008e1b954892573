"""Anchors: the fixed boxes over an image which the region proposal network moves and scores.

Layout and order are matterport's, since published weights count on them: centres lie at the
top-left corner of each cell (no half stride), cells go row by row, ratios vary fastest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]


def generate_anchors(
    scales: float | Sequence[float],
    ratios: Sequence[float],
    shape: Sequence[int],
    feature_stride: float,
    anchor_stride: int = 1,
) -> Array:
    """Anchors of one pyramid level, float64 (cells * len(ratios) * len(scales), 4) in pixels.

    Args:
        scales: sides in pixels of the square anchor, one or several.
        ratios: width / height of each shape; 0.5 is tall: height = scale / sqrt(ratio),
            width = scale * sqrt(ratio).
        shape: (height, width) of the feature map in cells.
        feature_stride: pixels of the image per cell.
        anchor_stride: 1 puts anchors on every cell, 2 on every second one.

    Anchors may reach outside the image.
    """
    sizes = np.atleast_1d(np.asarray(scales, dtype=np.float64))
    roots = np.sqrt(np.asarray(ratios, dtype=np.float64))[:, None]
    heights = (sizes / roots).ravel()
    widths = (sizes * roots).ravel()
    centres_y = np.arange(0, shape[0], anchor_stride) * feature_stride
    centres_x = np.arange(0, shape[1], anchor_stride) * feature_stride
    y, x, half_height = np.meshgrid(centres_y, centres_x, 0.5 * heights, indexing="ij")
    half_width = np.broadcast_to(0.5 * widths, y.shape)
    anchors = np.stack([y - half_height, x - half_width, y + half_height, x + half_width], axis=-1)
    return anchors.reshape(-1, 4)


def generate_pyramid_anchors(
    scales: Sequence[float],
    ratios: Sequence[float],
    feature_shapes: Sequence[Sequence[int]] | Array,
    feature_strides: Sequence[float],
    anchor_stride: int = 1,
) -> Array:
    """Anchors of all levels, float64 (anchors, 4) in pixels, finest level first, a scale a level.

    ``feature_shapes`` is (levels, 2) as :func:`backbone_shapes` gives it. Raises UsageError where
    scales, shapes and strides differ in number.
    """
    if not len(scales) == len(feature_shapes) == len(feature_strides):
        raise UsageError(
            "Anchors need one scale, shape and stride a level, but there are "
            f"{len(scales)} scales, {len(feature_shapes)} shapes and {len(feature_strides)} "
            "strides; give as many of each."
        )
    levels = [
        generate_anchors(scale, ratios, shape, stride, anchor_stride)
        for scale, shape, stride in zip(scales, feature_shapes, feature_strides, strict=True)
    ]
    return np.concatenate(levels) if levels else np.zeros((0, 4))


def backbone_shapes(image_shape: Sequence[int], strides: Sequence[float]) -> Array:
    """Sizes in cells of each level's feature map: int (levels, 2), every side / stride rounded up.

    ``image_shape`` is (height, width, ...) of the network's input in pixels.
    """
    sides = np.asarray(image_shape[:2], dtype=np.float64)
    shapes: Array = np.ceil(sides / np.asarray(strides, dtype=np.float64)[:, None]).astype(np.int64)
    return shapes
