"""What the network should say, worked out in numpy: for inspection and for old generators.

Training itself makes its targets inside the network (:mod:`maskdet.models.mask_rcnn.targets`);
these give the original's numbers, random choices by numpy's global stream included.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.config import Config
from maskdet.geometry.boxes import pairwise_iou
from maskdet.geometry.deltas import encode_boxes
from maskdet.layers.matching import CROWD_IOU, NEGATIVE_IOU, POSITIVE_IOU
from maskdet.models.mask_rcnn.random_rois import generate_random_rois
from maskdet.models.mask_rcnn.targets import POSITIVE_ROI_IOU
from maskdet.mrcnn import utils

Array = NDArray[Any]

__all__ = ["build_detection_targets", "build_rpn_targets", "generate_random_rois"]


def build_rpn_targets(
    image_shape: Sequence[int], anchors: Array, gt_class_ids: Array, gt_boxes: Array, config: Config
) -> tuple[Array, Array]:
    """Which anchors are objects, and how far they are off.

    Args:
        image_shape: unused, as in the original.
        anchors: (A, 4) pixels.
        gt_class_ids: (N,); negative ones are crowds.
        gt_boxes: (N, 4) pixels.

    Returns:
        rpn_match int32 (A,): 1 object, -1 background, 0 neither; rpn_bbox float64
        (RPN_TRAIN_ANCHORS_PER_IMAGE, 4): deltas of the positives in anchor order, then zeros.
    """
    crowds = gt_boxes[gt_class_ids < 0]
    outside_crowds = np.ones(len(anchors), dtype=bool)
    if len(crowds):
        gt_boxes = gt_boxes[gt_class_ids > 0]
        outside_crowds = pairwise_iou(anchors, crowds).max(axis=1) < CROWD_IOU
    overlaps = pairwise_iou(anchors, gt_boxes)
    owner = overlaps.argmax(axis=1)
    best = overlaps.max(axis=1)
    match = np.zeros(len(anchors), dtype=np.int32)
    match[(best < NEGATIVE_IOU) & outside_crowds] = -1
    # Every object's best anchors are positive, however small their overlap.
    match[np.argwhere(overlaps == overlaps.max(axis=0))[:, 0]] = 1
    match[best >= POSITIVE_IOU] = 1
    total = config.RPN_TRAIN_ANCHORS_PER_IMAGE
    _neutralise(match, 1, total // 2)
    _neutralise(match, -1, total - int(np.sum(match == 1)))

    rpn_bbox = np.zeros((total, 4))
    positive = np.flatnonzero(match == 1)
    deltas = encode_boxes(
        np.asarray(anchors, np.float64)[positive],
        np.asarray(gt_boxes, np.float64)[owner[positive]],
        config.RPN_BBOX_STD_DEV,
    )
    rpn_bbox[: len(positive)] = deltas
    return match, rpn_bbox


def _neutralise(match: Array, kind: int, most: int) -> None:
    """Set anchors of one kind to 0, drawn at random, until ``most`` are left, in place."""
    of_kind = np.flatnonzero(match == kind)
    if len(of_kind) > most:
        match[np.random.choice(of_kind, len(of_kind) - most, replace=False)] = 0


def build_detection_targets(
    rpn_rois: Array, gt_class_ids: Array, gt_boxes: Array, gt_masks: Array, config: Config
) -> tuple[Array, Array, Array, Array]:
    """A sample of RoIs with what the heads should say of each; twin of the layer, in numpy.

    Args:
        rpn_rois: (N, 4) int32 pixels.
        gt_class_ids: (M,); gt_boxes: (M, 4) int32 pixels, zero padded at the end.
        gt_masks: (H, W, M), or mini masks.

    Returns:
        rois (R, 4); class ids int32 (R,); deltas float32 (R, classes, 4), only those of the true
        class set; masks float32 (R, *MASK_SHAPE, classes) likewise, not rounded.
    """
    objects = np.flatnonzero(gt_class_ids > 0)
    class_ids, boxes, masks = gt_class_ids[objects], gt_boxes[objects], gt_masks[:, :, objects]
    overlaps = pairwise_iou(rpn_rois, boxes)
    owner, best = overlaps.argmax(axis=1), overlaps.max(axis=1)
    sample = _sampled(best, config)
    rois, owner = rpn_rois[sample], owner[sample]
    negative = best[sample] < POSITIVE_ROI_IOU
    roi_classes = np.where(negative, 0, class_ids[owner]).astype(np.int32)

    count = config.TRAIN_ROIS_PER_IMAGE
    bboxes = np.zeros((count, config.NUM_CLASSES, 4), dtype=np.float32)
    positive = np.flatnonzero(roi_classes > 0)
    deltas = utils.box_refinement(rois[positive], boxes[owner[positive], :4])
    bboxes[positive, roi_classes[positive]] = deltas / config.BBOX_STD_DEV
    targets = np.zeros((count, *config.MASK_SHAPE, config.NUM_CLASSES), dtype=np.float32)
    for i in positive:
        mask = masks[:, :, owner[i]]
        if config.USE_MINI_MASK:
            mask = _in_its_frame(mask, boxes[owner[i]], rois[i])
        y1, x1, y2, x2 = rois[i].astype(np.int32)
        target = utils.resize(mask[y1:y2, x1:x2], config.MASK_SHAPE)
        targets[i, :, :, roi_classes[i]] = target
    return rois, roi_classes, bboxes, targets


def _in_its_frame(mini: Array, box: Array, roi: Array) -> Array:
    """A mini mask stretched to its box, in a frame that reaches as far as the box and the RoI."""
    y1, x1, y2, x2 = (int(side) for side in box)
    frame = np.zeros((max(y2, int(roi[2])), max(x2, int(roi[3]))), dtype=bool)
    frame[y1:y2, x1:x2] = np.around(utils.resize(mini, (y2 - y1, x2 - x1))).astype(bool)
    return frame


def _sampled(best: Array, config: Config) -> Array:
    """Indices of TRAIN_ROIS_PER_IMAGE RoIs by their best IoU: positives, then negatives."""
    count = config.TRAIN_ROIS_PER_IMAGE
    positives, negatives = (
        np.flatnonzero(best > POSITIVE_ROI_IOU),
        np.flatnonzero(best < POSITIVE_ROI_IOU),
    )
    most = int(count * config.ROI_POSITIVE_RATIO)
    if len(positives) > most:
        positives = np.random.choice(positives, most, replace=False)
    left = count - len(positives)
    if len(negatives) > left:
        negatives = np.random.choice(negatives, left, replace=False)
    sample = np.concatenate([positives, negatives])
    missing = count - len(sample)
    if missing > 0:
        # Too few: negatives are repeated, or, without any, weak positives.
        pool = negatives if len(negatives) else np.flatnonzero(best < POSITIVE_ROI_IOU)
        sample = np.concatenate([sample, np.random.choice(pool, missing, replace=True)])
    return sample.astype(np.int64)
