"""From class scores and box deltas to the rows that a file gives out."""

from typing import Any

import numpy as np

from maskdet.layers import box_coding
from maskdet.layers.detection import check_class_rule
from maskdet.layers.lite.base import LiteLayer, suppress, tensorflow, valid_rows


class LiteDetections(LiteLayer):
    """See :class:`maskdet.layers.detection.DetectionLayer`.

    Args:
        count, nms_threshold, box_std, classes, candidates: as in that layer.
        min_score: lowest score of a row.

    Call arguments:
        rois (N, 4), scores (1, N, classes), deltas (1, N, classes, 4) or (1, N, 4), window (4,);
        boxes normalised, scores 0..1.

    Returns:
        boxes (count, 4), class ids (count,) int32, scores (count,), valid rows (count, 1); zeros
        behind the valid rows.

    Raises:
        ConfigError: for another word than "best" and "all".
    """

    def __init__(
        self,
        count: int,
        min_score: float,
        nms_threshold: float,
        box_std: Any,
        classes: str = "best",
        candidates: int = 400,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count, self.min_score = int(count), float(min_score)
        self.nms_threshold = float(nms_threshold)
        self.box_std = np.asarray(box_std, dtype=np.float32)
        self.classes, self.candidates = check_class_rule(classes), int(candidates)

    def call(self, rois: Any, scores: Any, deltas: Any, window: Any) -> Any:
        tf = tensorflow()
        select = _every_class if self.classes == "all" else _best_class
        rois, deltas, class_ids, best, ranks = select(rois, scores, deltas, self.candidates)
        deltas = deltas * self.box_std  # (K, 4), K = N or candidates
        boxes = box_coding.clip(box_coding.decode(rois, deltas), window[None])  # (K, 4)
        sides = boxes[:, 2:] - boxes[:, :2]  # (K, 2)
        good = (class_ids > 0) & (best >= self.min_score) & (sides[:, 0] > 0) & (sides[:, 1] > 0)
        ranks = tf.where(good, ranks, -1.0)  # (K,)
        # Boxes lie within 0..1: a shift of two a class keeps classes from suppressing each other.
        shifted = boxes + 2.0 * tf.cast(class_ids, tf.float32)[:, None]  # (K, 4)
        indices, valid_count = suppress(shifted, ranks, self.nms_threshold, self.count, -0.5)
        valid = valid_rows(self.count, valid_count)  # (count, 1)
        flat = tf.reshape(valid, (-1,))  # (count,)
        return (
            tf.gather(boxes, indices) * valid,
            tf.gather(class_ids, indices) * tf.cast(flat, tf.int32),
            tf.gather(best, indices) * flat,
            valid,
        )


def _best_class(rois: Any, scores: Any, deltas: Any, _: int) -> tuple[Any, Any, Any, Any, Any]:
    """RoIs and deltas (N, 4), class ids, scores and ranks for NMS (N,): a class a RoI."""
    tf = tensorflow()
    _, rows, classes = scores.shape
    scores = tf.reshape(scores, (rows, classes))  # (N, classes)
    class_ids = tf.argmax(scores, axis=1, output_type=tf.int32)  # (N,)
    best = tf.reduce_max(scores, axis=1)  # (N,)
    shared = len(deltas.shape) == 3
    deltas = tf.reshape(deltas, (-1, 4))  # (N, 4) or (N * classes, 4)
    if not shared:
        own = tf.constant(np.arange(rows, dtype=np.int32) * classes) + class_ids  # (N,)
        deltas = tf.gather(deltas, own)  # (N, 4)
    return rois, deltas, class_ids, best, best


def _every_class(
    rois: Any, scores: Any, deltas: Any, candidates: int
) -> tuple[Any, Any, Any, Any, Any]:
    """RoIs and deltas (K, 4), class ids, scores and ranks for NMS (K,) of the best K pairs."""
    tf = tensorflow()
    _, rows, classes = scores.shape
    limit = min(candidates, rows * classes)
    # A sum lowers the background's scores below all others, where a selection would take three
    # operations.
    lowered = np.where(np.arange(classes) == 0, -2.0, 0.0).astype(np.float32)  # (classes,)
    best, indices = tf.math.top_k(tf.reshape(scores + lowered, (-1,)), limit)  # (K,)
    owner = indices // classes  # (K,)
    class_ids = indices - owner * classes  # (K,)
    shared = len(deltas.shape) == 3
    deltas = tf.gather(tf.reshape(deltas, (-1, 4)), owner if shared else indices)  # (K, 4)
    # LiteRT's kernel leaves the order of equal scores open; their ranks have one.
    ranks = tf.constant(np.arange(limit, 0, -1, dtype=np.float32))  # (K,)
    return tf.gather(rois, owner), deltas, class_ids, best, ranks


class DetectionWindow(LiteLayer):
    """The part of the input that detections are cut to (4,): that of (1, 4), or the whole."""

    def call(self, tensor: Any) -> Any:
        tf = tensorflow()
        if tensor.shape == (1, 4):
            return tf.reshape(tensor, (4,))
        return tf.constant([0.0, 0.0, 1.0, 1.0])


class ContractOutputs(LiteLayer):
    """Detections in the form that clients of object detectors know.

    Args:
        image_shape: (height, width) of the network's input, pixels.
        plain: whether boxes are shares of its sides already, and not normalised.

    Call arguments:
        boxes (count, 4), class_ids (count,) int32, scores (count,), valid (count, 1),
        as :class:`LiteDetections` gives them.

    Returns:
        A dict of float32: boxes (1, count, 4) y1, x1, y2, x2 as shares of the input's sides,
        classes (1, count) from 0 without background, scores (1, count), count (1,); zeros behind
        the last object.
    """

    def __init__(self, image_shape: tuple[int, int], plain: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image_shape, self.plain = image_shape, bool(plain)

    def call(self, boxes: Any, class_ids: Any, scores: Any, valid: Any) -> dict[str, Any]:
        tf = tensorflow()
        if not self.plain:
            # Normalised corners name the last pixel inside; clients mean the edge behind it.
            sides = np.array(self.image_shape * 2, dtype=np.float64)
            scale = ((sides - 1) / sides).astype(np.float32)  # (4,)
            shift = (np.array([0.0, 0.0, 1.0, 1.0]) / sides).astype(np.float32)  # (4,)
            boxes = boxes * scale + shift
        count = valid.shape[0]
        flat = tf.reshape(valid, (1, count))  # (1, count)
        return {
            "boxes": tf.reshape(boxes * valid, (1, count, 4)),
            "classes": tf.reshape(tf.cast(class_ids, tf.float32), (1, count)) - flat,
            "scores": tf.reshape(scores, (1, count)),
            "count": tf.reduce_sum(flat, axis=1),
        }
