"""SSD's losses (Liu et al. 2016, section 2.2): each a sum over anchors, by those with an object."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from maskdet.layers.losses import focal_weights, hardest, smooth_l1, softmax_cross_entropy
from maskdet.models.ssd.config import SsdConfig

NAMES = ["ssd_class_loss", "ssd_box_loss"]


def losses(outputs: Mapping[str, Any], config: SsdConfig) -> dict[str, Any]:
    """Scalars by name.

    Divided by the number of anchors with an object in the whole batch, so that a photo without
    objects counts by its background alone and one with a single object no more than others.

    Args:
        outputs: of the training network: class_logits (B, A, classes), target_classes (B, A),
            deltas and target_deltas (B, A, 4).
        config: CLASS_LOSS, FOCAL_ALPHA, FOCAL_GAMMA, NEGATIVES_PER_POSITIVE.
    """
    targets, logits = outputs["target_classes"], outputs["class_logits"]
    positive = ops.cast(targets > 0, logits.dtype)  # (B, A)
    counted = ops.cast(targets >= 0, logits.dtype)  # (B, A)
    count = ops.maximum(ops.sum(positive), 1.0)
    errors = class_errors(ops.maximum(targets, 0), logits, config) * counted  # (B, A)
    share = float(config.NEGATIVES_PER_POSITIVE)
    if share:
        errors = errors * (positive + hardest(errors, counted - positive, positive, share))
    boxes = ops.sum(smooth_l1(outputs["target_deltas"], outputs["deltas"]), axis=-1)  # (B, A)
    values = (ops.sum(errors), ops.sum(boxes * positive))
    return {name: value / count for name, value in zip(NAMES, values, strict=True)}


def class_errors(targets: Any, logits: Any, config: SsdConfig) -> Any:
    """Loss (B, A) of class ids (B, A) and logits (B, A, classes), the background first."""
    if config.CLASS_LOSS == "softmax":
        return softmax_cross_entropy(targets, logits)
    # The background is no class here: where there is no object, every class is absent.
    wanted = ops.one_hot(targets, int(logits.shape[-1]), dtype=logits.dtype)[..., 1:]
    logits = logits[..., 1:]  # (B, A, classes without background)
    errors = ops.softplus(logits) - wanted * logits
    if config.CLASS_LOSS == "focal":
        alpha, gamma = float(config.FOCAL_ALPHA), float(config.FOCAL_GAMMA)
        errors = errors * focal_weights(wanted, logits, alpha, gamma)
    return ops.sum(errors, axis=-1)
