"""YOLOX for TFLite: the inference network for one image, in built-in operations only."""

from typing import Any

import keras
import numpy as np

from maskdet.layers.lite.base import LiteLayer, tensorflow
from maskdet.layers.lite.detection import ContractOutputs, DetectionWindow, LiteDetections
from maskdet.models.yolox.config import YoloxConfig
from maskdet.models.yolox.network import BOX_STD, cells_as_shares, predictions


def build_lite_network(config: YoloxConfig, count: int, min_score: float) -> keras.Model:
    """The network that detects in one image, its weights fresh.

    Layers with weights are called as in the inference network, so weights go over by name.

    Args:
        count: rows of the result.
        min_score: lowest score of a row.

    Returns:
        A model. Inputs: a dict, image (1, H, W, 3) scaled. Outputs, a dict in this order: boxes
        (1, count, 4) y1, x1, y2, x2 as shares of the input's sides; classes (1, count) from 0
        without background; scores (1, count); count (1,). All float32, zeros behind the last
        object.
    """
    height, width = config.input_sides
    image = keras.Input(batch_shape=(1, height, width, config.IMAGE_CHANNEL_COUNT), name="image")
    logits, deltas, objectness = predictions(image, config)
    best = BestCells(cells_as_shares(config), config.DETECTION_CANDIDATES, name="best_cells")
    boxes, scores, deltas = best(logits, deltas, objectness)
    boxes, class_ids, scores, valid = LiteDetections(
        count,
        min_score,
        config.DETECTION_NMS_THRESHOLD,
        BOX_STD,
        classes="all",
        candidates=config.DETECTION_CANDIDATES,
        name="detections",
    )(boxes, scores, deltas, DetectionWindow(name="detection_window")(image))
    contract = ContractOutputs((height, width), plain=True, name="detection_outputs")
    return keras.Model({"image": image}, contract(boxes, class_ids, scores, valid), name="yolox")


class BestCells(LiteLayer):
    """The cells whose best class scores highest, and the scores of all classes there.

    The best pairs of a cell and a class lie in as many best cells, so nothing is lost; but the
    scores of a few hundred cells are worked out and sorted, not those of thousands.

    Args:
        cells: (A, 4), see :func:`maskdet.models.yolox.network.cells_as_shares`.
        count: cells that stay.

    Call arguments:
        logits (1, A, classes), deltas (1, A, 4), objectness (1, A, 1).

    Returns:
        cells (K, 4), scores (1, K, classes + 1) with the background first, deltas (1, K, 4).
    """

    def __init__(self, cells: Any, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = np.asarray(cells, dtype=np.float32)
        self.count = min(int(count), len(self.cells))

    def call(self, logits: Any, deltas: Any, objectness: Any) -> tuple[Any, Any, Any]:
        tf = tensorflow()
        _, rows, classes = logits.shape
        logits = tf.reshape(logits, (rows, classes))  # (A, classes)
        objects = tf.sigmoid(tf.reshape(objectness, (rows,)))  # (A,)
        ranks = tf.sigmoid(tf.reduce_max(logits, axis=1)) * objects  # (A,)
        _, indices = tf.math.top_k(ranks, self.count)  # (K,)
        # LiteRT's kernel leaves the order of equal scores open; the network's is that of cells.
        indices = tf.cast(-tf.math.top_k(-tf.cast(indices, tf.float32), self.count)[0], tf.int32)
        scores = tf.sigmoid(tf.gather(logits, indices)) * tf.gather(objects, indices)[:, None]
        scores = tf.pad(scores, [[0, 0], [1, 0]])  # (K, classes + 1)
        deltas = tf.gather(tf.reshape(deltas, (rows, 4)), indices)  # (K, 4)
        chosen = tf.gather(tf.constant(self.cells), indices)  # (K, 4)
        return chosen, scores[None], deltas[None]
