"""YOLOX's losses (Ge et al. 2021): each a sum over cells, by the number of those with an object."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from maskdet.layers import box_coding

NAMES = ["yolox_box_loss", "yolox_object_loss", "yolox_class_loss"]


def losses(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Scalars by name.

    Args:
        outputs: of the training network: class_logits, target_classes (B, A, classes);
            object_logits, match (B, A); boxes, target_boxes (B, A, 4) pixels.

    Returns:
        yolox_box_loss: 1 - IoU ** 2; yolox_object_loss: cross entropy of being an object, in all
        cells but those on crowds; yolox_class_loss: cross entropy of each class, whose target is
        the IoU of prediction and object.
    """
    match, boxes = outputs["match"], outputs["boxes"]
    positive = ops.cast(match == 1, boxes.dtype)  # (B, A)
    count = ops.maximum(ops.sum(positive), 1.0)
    # Rows that do not count are compared with themselves: no gradient of theirs is ever infinite.
    target = ops.where(
        positive[..., None] > 0, outputs["target_boxes"], ops.stop_gradient(boxes)
    )  # (B, A, 4)
    distance = 1.0 - ops.square(box_coding.paired_iou(boxes, target))  # (B, A)
    objects = _cross_entropy(positive, outputs["object_logits"])  # (B, A)
    classes = _cross_entropy(outputs["target_classes"], outputs["class_logits"])
    values = (
        ops.sum(distance * positive),
        ops.sum(objects * ops.cast(match != 0, boxes.dtype)),
        ops.sum(classes * positive[..., None]),
    )
    return {name: value / count for name, value in zip(NAMES, values, strict=True)}


def _cross_entropy(target: Any, logits: Any) -> Any:
    """Elementwise, (...), of targets 0..1 with logits."""
    return ops.softplus(logits) - target * logits
