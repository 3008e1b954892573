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


def focal_weights(target: Any, logits: Any, alpha: float, gamma: float) -> Any:
    """What a cross entropy with logits (...) is multiplied by in focal loss (Lin et al. 2017).

    Args:
        target: (...), 0 or 1.
        alpha: weight of the targets of 1; others have 1 - alpha.
        gamma: how fast what is easy stops counting.
    """
    surety = ops.sigmoid(ops.where(target > 0, logits, -logits))  # of what is true
    return ops.where(target > 0, alpha, 1.0 - alpha) * (1.0 - surety) ** gamma


def hardest(errors: Any, candidates: Any, positives: Any, share: float) -> Any:
    """The candidates of each image with the largest errors, as many as ``share`` a positive.

    An image without any positive gives as many as for one.

    Args:
        errors: (B, A).
        candidates: (B, A), 1 what may be taken.
        positives: (B, A), 1 what counts anyway.
        share: candidates for each positive.

    Returns:
        (B, A), 1 or 0.
    """
    limit = ops.maximum(ops.sum(positives, axis=1), 1.0) * share  # (B,)
    ranked = ops.stop_gradient(ops.where(candidates > 0, errors, -1.0))  # (B, A)
    order = ops.argsort(-ranked, axis=1)  # (B, A)
    rank = ops.cast(ops.argsort(order, axis=1), errors.dtype)  # (B, A)
    return candidates * ops.cast(rank < limit[:, None], errors.dtype)
