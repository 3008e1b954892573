"""The anchors of a single-shot detector that are worth a second look."""

from typing import Any

import numpy as np

from maskdet.errors import ConfigError
from maskdet.layers.lite.base import LiteLayer, tensorflow

ACTIVATIONS = ("sigmoid", "softmax")


class BestAnchors(LiteLayer):
    """The anchors whose best class scores highest, and the scores of all classes there.

    The best pairs of an anchor and a class lie in as many best anchors, so nothing is lost; but
    the scores of a few hundred anchors are worked out and sorted, not those of thousands.

    Args:
        anchors: (A, 4) y1, x1, y2, x2 as shares of the input's sides.
        count: anchors that stay.
        activation: from logits to scores: "sigmoid" or "softmax".
        background: whether the first logit is the background's.

    Call arguments:
        logits (1, A, classes), deltas (1, A, 4); where the network has it, objectness (1, A, 1)
        logits, whose probability the scores are multiplied by.

    Returns:
        anchors (K, 4), scores (1, K, classes with the background first), deltas (1, K, 4).

    Raises:
        ConfigError: for another activation.
    """

    def __init__(
        self,
        anchors: Any,
        count: int,
        activation: str = "sigmoid",
        background: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if activation not in ACTIVATIONS:
            raise ConfigError(f"activation is {activation!r}; use one of {list(ACTIVATIONS)}.")
        self.anchors = np.asarray(anchors, dtype=np.float32)
        self.count = min(int(count), len(self.anchors))
        self.activation, self.background = activation, bool(background)

    def call(self, logits: Any, deltas: Any, objectness: Any = None) -> tuple[Any, Any, Any]:
        tf = tensorflow()
        _, rows, classes = logits.shape
        logits = tf.reshape(logits, (rows, classes))  # (A, classes)
        if self.activation == "softmax":
            logits = tf.nn.softmax(logits)  # its ranks need all of it; scores from here on
        ranks = self._best(logits)  # (A,)
        objects = None
        if objectness is not None:
            objects = tf.sigmoid(tf.reshape(objectness, (rows,)))  # (A,)
            ranks = tf.sigmoid(ranks) * objects
        _, indices = tf.math.top_k(ranks, self.count)  # (K,)
        # LiteRT's kernel leaves the order of equal scores open; the network's is that of anchors.
        indices = tf.cast(-tf.math.top_k(-tf.cast(indices, tf.float32), self.count)[0], tf.int32)
        scores = tf.gather(logits, indices)  # (K, classes)
        if self.activation == "sigmoid":
            scores = tf.sigmoid(scores)
        if objects is not None:
            scores = scores * tf.gather(objects, indices)[:, None]
        if not self.background:
            scores = tf.pad(scores, [[0, 0], [1, 0]])  # (K, classes + 1)
        deltas = tf.gather(tf.reshape(deltas, (rows, 4)), indices)  # (K, 4)
        return tf.gather(tf.constant(self.anchors), indices), scores[None], deltas[None]

    def _best(self, values: Any) -> Any:
        """The largest value (A,) of any class but the background, of (A, classes)."""
        tf = tensorflow()
        if self.background:
            # A sum, where a slice would copy through a slow kernel.
            first = np.zeros(values.shape[1], np.float32)
            first[0] = -1e6
            values = values + first
        return tf.reduce_max(values, axis=1)
