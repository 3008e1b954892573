"""From class scores and box deltas to the rows that a file gives out."""

from typing import Any

import numpy as np

from maskdet.layers import box_coding
from maskdet.layers.lite.base import LiteLayer, suppress, tensorflow, valid_rows


class LiteDetections(LiteLayer):
    """See :class:`maskdet.layers.detection.DetectionLayer`.

    Call arguments:
        rois (N, 4), scores (1, N, classes), deltas (1, N, classes, 4), window (4,) normalised.

    Returns:
        boxes (count, 4), class ids (count,) int32, scores (count,), valid rows (count, 1); zeros
        behind the valid rows.
    """

    def __init__(
        self, count: int, min_score: float, nms_threshold: float, box_std: Any, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.count, self.min_score = int(count), float(min_score)
        self.nms_threshold = float(nms_threshold)
        self.box_std = np.asarray(box_std, dtype=np.float32)

    def call(self, rois: Any, scores: Any, deltas: Any, window: Any) -> Any:
        tf = tensorflow()
        _, rows, classes = scores.shape
        scores = tf.reshape(scores, (rows, classes))
        class_ids = tf.argmax(scores, axis=1, output_type=tf.int32)
        best = tf.reduce_max(scores, axis=1)
        own = tf.constant(np.arange(rows, dtype=np.int32) * classes) + class_ids
        deltas = tf.gather(tf.reshape(deltas, (-1, 4)), own) * self.box_std
        boxes = box_coding.clip(box_coding.decode(rois, deltas), window[None])
        sides = boxes[:, 2:] - boxes[:, :2]
        good = (class_ids > 0) & (best >= self.min_score) & (sides[:, 0] > 0) & (sides[:, 1] > 0)
        ranked = tf.where(good, best, -1.0)
        # Boxes lie within 0..1: a shift of two a class keeps classes from suppressing each other.
        shifted = boxes + 2.0 * tf.cast(class_ids, tf.float32)[:, None]
        keep, valid = suppress(shifted, ranked, self.nms_threshold, self.count, -0.5)
        there = valid_rows(self.count, valid)
        flat = tf.reshape(there, (-1,))
        return (
            tf.gather(boxes, keep) * there,
            tf.gather(class_ids, keep) * tf.cast(flat, tf.int32),
            tf.gather(best, keep) * flat,
            there,
        )


class DetectionWindow(LiteLayer):
    """The part of the input that detections are cut to (4,): given as (1, 4), or the whole."""

    def call(self, given: Any) -> Any:
        tf = tensorflow()
        if given.shape == (1, 4):
            return tf.reshape(given, (4,))
        return tf.constant([0.0, 0.0, 1.0, 1.0])


class ContractOutputs(LiteLayer):
    """Detections in the form that clients of object detectors know."""

    def __init__(self, image_shape: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image_shape = image_shape

    def call(self, boxes: Any, class_ids: Any, scores: Any, there: Any) -> dict[str, Any]:
        tf = tensorflow()
        # Normalised corners name the last pixel inside; clients mean the edge behind it.
        sides = np.array(self.image_shape * 2, dtype=np.float64)
        scale = ((sides - 1) / sides).astype(np.float32)
        shift = (np.array([0.0, 0.0, 1.0, 1.0]) / sides).astype(np.float32)
        count = there.shape[0]
        flat = tf.reshape(there, (1, count))
        return {
            "boxes": tf.reshape((boxes * scale + shift) * there, (1, count, 4)),
            "classes": tf.reshape(tf.cast(class_ids, tf.float32), (1, count)) - flat,
            "scores": tf.reshape(scores, (1, count)),
            "count": tf.reduce_sum(flat, axis=1),
        }
