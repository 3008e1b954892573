"""Layers for one image in operations that TFLite has built in, every shape static.

What is written in this folder in TensorFlow becomes the file's operations one by one, so the form
of each line is that of its cheapest operation in LiteRT (benchmarks/README.md). There is no batch
axis in the geometry. Boxes are normalised y1, x1, y2, x2 (matterport's 0..1).
"""

from typing import Any

import keras
import numpy as np


def tensorflow() -> Any:
    """The module, loaded where a layer runs."""
    import tensorflow as tf

    return tf


class LiteLayer(keras.layers.Layer):
    """A layer of TensorFlow operations on tensors of fixed shape, without weights."""

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        tf = tensorflow()

        def placeholder(tensor: Any) -> Any:
            return tf.TensorSpec(tensor.shape, tensor.dtype)

        specs = keras.tree.map_structure(placeholder, args)
        traced = tf.function(self.call).get_concrete_function(*specs)
        return keras.tree.map_structure(
            lambda tensor: keras.KerasTensor(tuple(tensor.shape), tensor.dtype.name),
            traced.structured_outputs,
        )


def suppress(boxes: Any, scores: Any, threshold: float, count: int, lowest: float) -> Any:
    """Greedy NMS of boxes (N, 4) by scores (N,): indices (count,) and how many of them are valid.

    Indices behind those point at box 0. ``lowest``: boxes with smaller scores never stay.
    """
    tf = tensorflow()
    # LiteRT's kernel gives a box without area again and again until the list is full (seen in
    # 2.3.0). TensorFlow's lets it overlap nothing: so does a box of its own, far outside.
    sides = boxes[:, 2:] - boxes[:, :2]  # (N, 2)
    empty = tf.cast((sides[:, 0] * sides[:, 1])[:, None] <= 0.0, tf.float32)  # (N, 1)
    far = 1000.0 + 3.0 * np.arange(boxes.shape[0], dtype=np.float32)[:, None]  # (N, 1)
    far_boxes = far + np.array([0.0, 0.0, 1.0, 1.0], dtype=np.float32)  # (N, 4)
    result = tf.raw_ops.NonMaxSuppressionV5(
        boxes=boxes * (1.0 - empty) + far_boxes * empty,
        scores=scores,
        max_output_size=count,
        iou_threshold=threshold,
        score_threshold=lowest,
        soft_nms_sigma=0.0,
        pad_to_max_output_size=True,
    )
    return result.selected_indices, result.valid_outputs


def valid_rows(count: int, valid: Any) -> Any:
    """1 for the first ``valid`` of ``count`` rows and 0 behind, float32 (count, 1)."""
    tf = tensorflow()
    rows = tf.constant(np.arange(count, dtype=np.float32)[:, None])  # (count, 1)
    # Arithmetic instead of a comparison, which XNNPACK would leave to slower kernels.
    return tf.clip_by_value(tf.cast(valid, tf.float32) - rows, 0.0, 1.0)


class AddAxis(LiteLayer):
    """A tensor with an axis of 1 in front."""

    def call(self, tensor: Any) -> Any:
        tf = tensorflow()
        return tf.reshape(tensor, (1, *tensor.shape))
