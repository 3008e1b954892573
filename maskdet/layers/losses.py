"""Parts that detectors' losses are made of.

Each keeps its inputs' shape but :func:`weighted_mean`, which makes a scalar of them.
"""

from typing import Any

from keras import ops


def smooth_l1(target: Any, predicted: Any) -> Any:
    """Elementwise, (...): square below a distance of 1, linear above (Girshick 2015, eq. 3)."""
    distance = ops.abs(target - predicted)
    return ops.where(distance < 1.0, 0.5 * distance * distance, distance - 0.5)


def softmax_cross_entropy(labels: Any, logits: Any) -> Any:
    """Cross entropy (...) of int labels (...) with logits (..., classes)."""
    shares = ops.log_softmax(logits, axis=-1)  # (..., classes)
    return -ops.squeeze(ops.take_along_axis(shares, labels[..., None], axis=-1), axis=-1)


def binary_cross_entropy(target: Any, predicted: Any) -> Any:
    """Elementwise, (...), of targets 0 or 1 with probabilities 0..1, kept 1e-7 off both ends."""
    predicted = ops.clip(predicted, 1e-7, 1.0 - 1e-7)
    return -(target * ops.log(predicted) + (1.0 - target) * ops.log(1.0 - predicted))


def weighted_mean(values: Any, weights: Any) -> Any:
    """Mean of values (...) where weights (...) are 1, a scalar; 0, as its gradient, without any."""
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1.0)
