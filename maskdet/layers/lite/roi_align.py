"""RoI Align over a pyramid laid out as one table, and the pyramid's upsampling."""

import math
from typing import Any

import numpy as np

from maskdet.layers.lite.base import LiteLayer, tensorflow


class LiteUpsampling(LiteLayer):
    """A map (1, H, W, C) with every cell twice along height and width, by copying alone."""

    def call(self, feature: Any) -> Any:
        tf = tensorflow()
        _, height, width, channels = feature.shape
        rows = tf.reshape(feature, (height * width, 1, channels))  # (H * W, 1, C)
        rows = tf.reshape(tf.concat([rows, rows], axis=1), (height, 1, 2 * width * channels))
        return tf.reshape(tf.concat([rows, rows], axis=1), (1, 2 * height, 2 * width, channels))


class LitePyramidTable(LiteLayer):
    """Maps (1, H, W, C), finest first, as one table of cells (sum of H * W, C) for RoI Align."""

    def call(self, maps: list[Any]) -> Any:
        tf = tensorflow()
        channels = maps[0].shape[3]
        return tf.concat([tf.reshape(level, (-1, channels)) for level in maps], axis=0)


class LiteROIAlign(LiteLayer):
    """See :class:`maskdet.layers.roi_align.PyramidROIAlign`: table (cells, C), rois (N, 4).

    Args:
        sizes: (height, width) of each map in the table.

    Returns:
        (N, pool, pool, C).
    """

    def __init__(
        self,
        pool_size: int,
        image_shape: tuple[int, int],
        sizes: list[tuple[int, int]],
        first_level: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool, self.sizes, self.first_level = int(pool_size), sizes, int(first_level)
        self.reference = 224.0 / math.sqrt(image_shape[0] * image_shape[1])

    def _levels(self, rois: Any) -> Any:
        """Index of the map of each roi (N,): one more for each doubling of its side."""
        tf = tensorflow()
        sides = rois[:, 2:] - rois[:, :2]  # (N, 2)
        area = sides[:, 0] * sides[:, 1]  # (N,)
        # The half-way points between levels, squared, instead of logarithm and rounding.
        last = len(self.sizes) - 1
        bounds = [
            (self.reference * 2.0 ** (self.first_level + level + 0.5 - 4)) ** 2
            for level in range(last)
        ]
        none = tf.zeros_like(area, tf.int32)
        return sum((tf.cast(area > bound, tf.int32) for bound in bounds), none)

    def call(self, table: Any, rois: Any) -> Any:
        tf = tensorflow()
        level = self._levels(rois)  # (N,)
        heights, widths = (np.array(side, np.int32) for side in zip(*self.sizes, strict=True))
        starts = np.cumsum([0, *(heights * widths)])[:-1].astype(np.int32)
        # One row for each level: last line, last column, width, first cell.
        facts = np.stack([heights - 1, widths - 1, widths, starts], axis=1).astype(np.float32)
        facts = tf.gather(tf.constant(facts), level)  # (N, 4)
        last = facts[:, :2]  # (N, 2)
        steps = np.linspace(0.0, 1.0, self.pool, dtype=np.float32)[None, :, None]  # (1, P, 1)
        low, high = rois[:, None, :2], rois[:, None, 2:]  # (N, 1, 2)
        points = (low + (high - low) * steps) * last[:, None]  # (N, P, 2)
        points = tf.minimum(tf.maximum(points, 0.0), last[:, None])  # (N, P, 2)
        below = tf.floor(points)  # (N, P, 2)
        above = tf.minimum(below + 1.0, last[:, None])  # (N, P, 2)
        share = points - below  # (N, P, 2)
        width, start = facts[:, None, 2], facts[:, None, 3]  # (N, 1)
        # Cells are counted in float32: exact up to 2 ** 24.
        row_low = tf.cast(below[..., 0] * width + start, tf.int32)[:, :, None]  # (N, P, 1)
        row_high = tf.cast(above[..., 0] * width + start, tf.int32)[:, :, None]  # (N, P, 1)
        left = tf.cast(below[..., 1], tf.int32)[:, None]  # (N, 1, P)
        right = tf.cast(above[..., 1], tf.int32)[:, None]  # (N, 1, P)
        x_part, y_part = share[:, None, :, 1, None], share[:, :, None, 0, None]
        # The weights of a point's four neighbours, (N, P, P, 1): four products and three sums of
        # maps, where interpolating row by row takes three and six.
        both = x_part * y_part
        return (
            tf.gather(table, row_low + left) * (1.0 - x_part - y_part + both)
            + tf.gather(table, row_low + right) * (x_part - both)
            + tf.gather(table, row_high + left) * (y_part - both)
            + tf.gather(table, row_high + right) * both
        )
