"""The five losses of Mask R-CNN (He et al. 2017), as matterport reduces them.

Where nothing is positive a loss is 0 and so is its gradient.
"""

from typing import Any

from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.losses import (
    binary_cross_entropy,
    smooth_l1,
    softmax_cross_entropy,
    weighted_mean,
)
from maskdet.models.mask_rcnn.box_supervision import (
    inside_boxes,
    outside_losses,
    projection_losses,
)
from maskdet.models.mask_rcnn.colour_field import refined_masks


def rpn_class_loss(rpn_match: Any, logits: Any) -> Any:
    """Object or background, over anchors that are one or the other.

    Args:
        rpn_match: (B, A) int, 1 object, -1 background, 0 left out.
        logits: (B, A, 2).
    """
    labels = ops.cast(rpn_match == 1, "int32")
    return weighted_mean(
        softmax_cross_entropy(labels, logits), ops.cast(rpn_match != 0, logits.dtype)
    )


def rpn_bbox_loss(target: Any, rpn_match: Any, deltas: Any) -> Any:
    """Deltas of positive anchors; target and deltas (B, A, 4), rpn_match (B, A)."""
    positive = ops.cast(rpn_match == 1, deltas.dtype)[..., None]
    return weighted_mean(smooth_l1(target, deltas), positive * ops.ones_like(deltas))


def rpn_objectness_loss(match: Any, logits: Any) -> Any:
    """Object or background in all cells, divided by the number of those that learn an object.

    Args:
        match: (B, A) int, 1 object, -1 background, 0 left out.
        logits: (B, A, 2).
    """
    labels = ops.cast(match == 1, "int32")
    losses = softmax_cross_entropy(labels, logits) * ops.cast(match != 0, logits.dtype)
    return ops.sum(losses) / ops.maximum(ops.sum(ops.cast(labels, logits.dtype)), 1.0)


def rpn_iou_loss(target: Any, match: Any, boxes: Any) -> Any:
    """1 - IoU ** 2 of the boxes of cells that learn an object (Ge et al. 2021, YOLOX).

    Args:
        target: (B, A, 4) pixels.
        match: (B, A) int, 1 object.
        boxes: (B, A, 4) pixels, predicted.
    """
    return _iou_loss(boxes, target, match == 1)


def _iou_loss(boxes: Any, target: Any, positive: Any) -> Any:
    """Mean of 1 - IoU ** 2 of boxes and target (B, N, 4) where positive (B, N) is True."""
    # Rows that do not count are compared with themselves: no gradient of theirs is ever infinite.
    target = ops.where(positive[..., None], target, ops.stop_gradient(boxes))
    losses = 1.0 - ops.square(box_coding.paired_iou(boxes, target))  # (B, N)
    return weighted_mean(losses, ops.cast(positive, losses.dtype))


def mrcnn_class_loss(target_ids: Any, logits: Any, active: Any, counted: Any) -> Any:
    """Class of each RoI.

    Args:
        target_ids: (B, N) int, 0 is background.
        logits: (B, N, classes).
        active: (B, classes), 1 for classes that the image's source knows. A RoI for which another
            class is predicted is left out: its source cannot say that it is wrong.
        counted: (B, N), 0 for padding.
    """
    predicted = ops.argmax(logits, axis=-1)
    known = ops.take_along_axis(
        ops.cast(active, logits.dtype), ops.cast(predicted, "int32"), axis=1
    )
    return weighted_mean(
        softmax_cross_entropy(target_ids, logits), known * ops.cast(counted, logits.dtype)
    )


def mrcnn_bbox_loss(target: Any, target_ids: Any, deltas: Any) -> Any:
    """Deltas of positive RoIs for their true class: target (B, N, 4), deltas (B, N, classes, 4)."""
    own = ops.take_along_axis(deltas, target_ids[..., None, None], axis=2)[:, :, 0]
    positive = ops.cast(target_ids > 0, deltas.dtype)[..., None]
    return weighted_mean(smooth_l1(target, own), positive * ops.ones_like(own))


def mrcnn_iou_loss(target: Any, target_ids: Any, deltas: Any, rois: Any, box_std: Any) -> Any:
    """1 - IoU ** 2 of positive RoIs' boxes for their true class (Ge et al. 2021 have it for cells).

    Args:
        target: (B, N, 4) deltas divided by ``box_std``.
        target_ids: (B, N) int, 0 is background.
        deltas: (B, N, classes, 4) divided by ``box_std``.
        rois: (B, N, 4).
        box_std: four numbers.
    """
    own = ops.take_along_axis(deltas, target_ids[..., None, None], axis=2)[:, :, 0]  # (B, N, 4)
    std = ops.convert_to_tensor([float(value) for value in box_std])
    boxes = box_coding.decode(rois, own * std)  # (B, N, 4)
    return _iou_loss(boxes, box_coding.decode(rois, target * std), target_ids > 0)


def mrcnn_mask_loss(target: Any, target_ids: Any, masks: Any, outlined: Any = None) -> Any:
    """Pixels of positive RoIs' masks for their true class.

    Args:
        target: (B, P, h, w), 0 or 1.
        target_ids: (B, P) int.
        masks: (B, P, h, w, classes), 0..1.
        outlined: (B, P), 0 where the object has no mask; such RoIs count as if they were right.
    """
    own = _own_masks(target_ids, masks)  # (B, P, h, w)
    loss = binary_cross_entropy(target, own)
    positive = ops.cast(target_ids > 0, masks.dtype)[:, :, None, None]
    if outlined is not None:
        loss = loss * ops.cast(outlined, loss.dtype)[:, :, None, None]
    return weighted_mean(loss, positive * ops.ones_like(loss))


def mrcnn_box_mask_losses(
    target_ids: Any,
    masks: Any,
    outlined: Any,
    rois: Any,
    boxes: Any,
    colours: Any,
    context: Any,
) -> dict[str, Any]:
    """What a box alone says of positive RoIs' masks for their true class, see
    :mod:`maskdet.models.mask_rcnn.box_supervision` and :mod:`~.colour_field`.

    Args:
        target_ids: (B, P) int, positive RoIs first.
        masks: (B, P, h, w, classes), 0..1.
        outlined: (B, P), 1 where the object has a mask, of which nothing is asked here.
        rois, boxes: (B, P, 4), normalised: where masks lie, and their objects' boxes.
        colours: (B, P, h, w, 3), CIELAB; context: (B, P, *CONTEXT_SHAPE, 3), around the boxes.

    Returns:
        Losses by name, means over positive RoIs, of which those with an outline count as right.
    """
    own = _own_masks(target_ids, masks)  # (B, P, h, w)
    positive = ops.cast(target_ids > 0, masks.dtype)  # (B, P)
    bare = positive * (1.0 - ops.cast(outlined, masks.dtype))  # (B, P)
    count = ops.maximum(ops.sum(positive), 1.0)
    rows, columns = inside_boxes(boxes, rois, (int(own.shape[2]), int(own.shape[3])))
    inside = rows[..., :, None] * columns[..., None, :]  # (B, P, h, w)

    # Refined masks cost most: only the first half of the places for positive RoIs have them.
    some = -(-int(own.shape[1]) // 2)
    seen = (tensor[:, :some] for tensor in (own, colours, inside, rois, boxes, context))
    target, fit = refined_masks(*seen)
    refined = ops.mean(binary_cross_entropy(target, own[:, :some]), axis=(2, 3)) * fit  # (B, some)
    return {
        "projection": ops.sum(projection_losses(own, rows, columns) * bare) / count,
        "outside": ops.sum(outside_losses(own, inside) * bare) / count,
        "refined": ops.sum(refined * bare[:, :some])
        / ops.maximum(ops.sum(positive[:, :some]), 1.0),
    }


def _own_masks(target_ids: Any, masks: Any) -> Any:
    """Masks (B, P, h, w) for the true class of each RoI."""
    return ops.take_along_axis(masks, target_ids[:, :, None, None, None], axis=4)[..., 0]
