"""From anchors' logits and deltas to proposals."""

from typing import Any

import numpy as np

from maskdet.layers.lite.base import LiteLayer, suppress, tensorflow, valid_rows


class Objectness(LiteLayer):
    """Logits of background and object (1, A, 2) to how much object there is (A,).

    The difference of the two, whose order is that of the softmax: but where the softmax reaches 1
    in float32 and anchors tie, it still tells them apart.
    """

    def call(self, logits: Any) -> Any:
        tf = tensorflow()
        # A product reads two numbers a row; a slice would copy through a slow kernel.
        difference = tf.matmul(tf.reshape(logits, (-1, 2)), tf.constant([[-1.0], [1.0]]))  # (A, 1)
        return tf.reshape(difference, (-1,))


class LiteProposals(LiteLayer):
    """See :class:`maskdet.layers.proposals.ProposalLayer`.

    Args:
        anchors: (A, 4) normalised; neighbours by ``per_cell`` share their centre.
        per_cell: anchors of a cell.
        cells: cells of each level.
        count, nms_threshold, pre_nms_limit, box_std, with_scores, overhang: as in that layer.

    Call arguments:
        scores (A,), deltas (1, A, 4).

    Returns:
        (count, 4), zero rows behind the valid ones; with ``with_scores`` also (count,), how much
        object each is, 0..1, of scores that are logits.
    """

    def __init__(
        self,
        anchors: np.ndarray,
        per_cell: int,
        cells: list[int],
        count: int,
        nms_threshold: float,
        pre_nms_limit: int,
        box_std: Any,
        with_scores: bool = False,
        overhang: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.with_scores = bool(with_scores)
        # A table of centres and one of sizes: a thirtieth of the file, where all anchors together
        # would be a tenth.
        grid = np.asarray(anchors, np.float64).reshape(-1, per_cell, 4)  # (cells, per_cell, 4)
        self.centres = ((grid[:, 0, :2] + grid[:, 0, 2:]) / 2).astype(np.float32)
        first = np.cumsum([0, *cells])[:-1]
        sizes = grid[first, :, 2:] - grid[first, :, :2]  # (levels, per_cell, 2)
        self.sizes = sizes.reshape(-1, 2).astype(np.float32)  # (levels * per_cell, 2)
        self.pixel = self.sizes[0] * np.float32(overhang)  # (2,)
        self.first_anchors = [int(start) * per_cell for start in first]
        self.per_cell = per_cell
        self.count, self.nms_threshold = int(count), float(nms_threshold)
        self.limit = min(int(pre_nms_limit), len(anchors))
        self.box_std = np.asarray(box_std, dtype=np.float32)

    def call(self, scores: Any, deltas: Any) -> Any:
        tf = tensorflow()
        scores, indices = tf.math.top_k(scores, self.limit)  # (limit,)
        deltas = tf.gather(tf.reshape(deltas, (-1, 4)), indices) * self.box_std  # (limit, 4)
        cell = indices // self.per_cell  # (limit,)
        # How many levels begin at the anchor or before it: (limit,).
        level = sum(tf.cast(indices >= start, tf.int32) for start in self.first_anchors[1:])
        shape = indices - cell * self.per_cell  # (limit,)
        centres = tf.gather(tf.constant(self.centres), cell)  # (limit, 2)
        sizes = tf.gather(tf.constant(self.sizes), level * self.per_cell + shape)  # (limit, 2)
        centres = centres + deltas[:, :2] * sizes  # (limit, 2)
        sizes = sizes * tf.exp(deltas[:, 2:])  # (limit, 2)
        corner = centres - 0.5 * sizes  # (limit, 2)
        far = corner + sizes  # (limit, 2)
        if self.pixel.any():
            far = tf.maximum(far - self.pixel, corner)
        boxes = tf.concat([corner, far], axis=1)  # (limit, 4)
        boxes = tf.clip_by_value(boxes, 0.0, 1.0)  # (limit, 4)
        indices, valid_count = suppress(boxes, scores, self.nms_threshold, self.count, -1e30)
        valid = valid_rows(self.count, valid_count)  # (count, 1)
        rois = tf.gather(boxes, indices) * valid  # (count, 4)
        if not self.with_scores:
            return rois
        return rois, tf.sigmoid(tf.gather(scores, indices)) * tf.reshape(valid, (-1,))
