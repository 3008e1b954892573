"""The five losses under matterport's names and with its argument order; see the library's own."""

from typing import Any

from keras import ops

from maskdet.config import Config
from maskdet.layers.losses import smooth_l1
from maskdet.models.mask_rcnn import losses


def smooth_l1_loss(y_true: Any, y_pred: Any) -> Any:
    """Elementwise: square below a distance of 1, linear above."""
    return smooth_l1(y_true, y_pred)


def rpn_class_loss_graph(rpn_match: Any, rpn_class_logits: Any) -> Any:
    """rpn_match (B, A, 1): 1, -1 or 0; logits (B, A, 2)."""
    return losses.rpn_class_loss(ops.squeeze(rpn_match, -1), rpn_class_logits)


def rpn_bbox_loss_graph(config: Config, target_bbox: Any, rpn_match: Any, rpn_bbox: Any) -> Any:
    """target_bbox (B, R, 4): the positives' deltas in anchor order, then zeros."""
    match = ops.squeeze(rpn_match, -1)
    target = unpacked(target_bbox, match)
    return losses.rpn_bbox_loss(target, match, rpn_bbox)


def unpacked(target_bbox: Any, match: Any) -> Any:
    """Deltas (B, R, 4) of the positives in a row, as (B, A, 4) at their anchors."""
    rank = ops.cumsum(ops.cast(match == 1, "int32"), axis=1) - 1
    rank = ops.clip(rank, 0, target_bbox.shape[1] - 1)
    target = ops.cast(target_bbox, "float32")
    return ops.take_along_axis(target, rank[..., None], axis=1)


def mrcnn_class_loss_graph(
    target_class_ids: Any, pred_class_logits: Any, active_class_ids: Any
) -> Any:
    """As the original: padding counts as background, the first image's active classes for all."""
    ids = ops.cast(target_class_ids, "int32")
    first = ops.broadcast_to(active_class_ids[:1], ops.shape(active_class_ids))
    return losses.mrcnn_class_loss(ids, pred_class_logits, first, ops.ones_like(ids))


def mrcnn_bbox_loss_graph(target_bbox: Any, target_class_ids: Any, pred_bbox: Any) -> Any:
    """target_bbox (B, N, 4), target_class_ids (B, N), pred_bbox (B, N, classes, 4)."""
    ids = ops.cast(target_class_ids, "int32")
    return losses.mrcnn_bbox_loss(target_bbox, ids, pred_bbox)


def mrcnn_mask_loss_graph(target_masks: Any, target_class_ids: Any, pred_masks: Any) -> Any:
    """target_masks (B, N, h, w), target_class_ids (B, N), pred_masks (B, N, h, w, classes)."""
    ids = ops.cast(target_class_ids, "int32")
    return losses.mrcnn_mask_loss(target_masks, ids, pred_masks)
