"""matterport's own measures, image by image: kept because scripts print them.

They average over images, with the classes of an image together. COCO's AP
(:mod:`maskdet.evaluation.coco`) ranks the detections of all images together and is stricter.
Where masks are None, boxes are compared.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.geometry.boxes import pairwise_iou
from maskdet.geometry.masks import pairwise_mask_iou

Array = NDArray[Any]


def _trimmed(boxes: ArrayLike) -> Array:
    """Boxes (N, 4) without zero rows, which are padding."""
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return rows[~(rows == 0).all(axis=1)]


def compute_matches(
    gt_boxes: ArrayLike,
    gt_class_ids: ArrayLike,
    gt_masks: Array | None,
    pred_boxes: ArrayLike,
    pred_class_ids: ArrayLike,
    pred_scores: ArrayLike,
    pred_masks: Array | None,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Which detection found which object: best score first, each takes its best free object.

    Args:
        gt_boxes, pred_boxes: (N, 4); zero rows are padding.
        gt_masks, pred_masks: (H, W, N), or None to compare boxes.

    Returns:
        gt_match (objects,): index of the detection that found each, -1 for none; pred_match
        (detections,): index of the object, -1 for none; overlaps (detections, objects). Detections
        are counted in the order of their scores, best first.
    """
    gt = _trimmed(gt_boxes)
    pred = _trimmed(pred_boxes)
    order = np.argsort(np.asarray(pred_scores)[: len(pred)])[::-1]
    pred, ids = pred[order], np.asarray(pred_class_ids)[order]
    gt_ids = np.asarray(gt_class_ids)
    if gt_masks is None or pred_masks is None:
        overlaps = pairwise_iou(pred, gt)
    else:
        overlaps = pairwise_mask_iou(pred_masks[..., order], gt_masks[..., : len(gt)])
    pred_match = np.full(len(pred), -1.0)
    gt_match = np.full(len(gt), -1.0)
    for i in range(len(pred)):
        candidates = np.argsort(overlaps[i])[::-1]
        weak = np.flatnonzero(overlaps[i, candidates] < score_threshold)
        for j in candidates[: weak[0]] if len(weak) else candidates:
            if gt_match[j] > -1:
                continue
            if overlaps[i, j] < iou_threshold:
                break
            if ids[i] == gt_ids[j]:
                gt_match[j], pred_match[i] = i, j
                break
    return gt_match, pred_match, overlaps


def compute_ap(
    gt_boxes: ArrayLike,
    gt_class_ids: ArrayLike,
    gt_masks: Array | None,
    pred_boxes: ArrayLike,
    pred_class_ids: ArrayLike,
    pred_scores: ArrayLike,
    pred_masks: Array | None,
    iou_threshold: float = 0.5,
) -> tuple[float, Array, Array, Array]:
    """Area under one image's precision-recall curve; arguments as :func:`compute_matches`.

    Returns:
        AP, precisions and recalls (with 0 in front and 0 / 1 behind), overlaps.
    """
    gt_match, pred_match, overlaps = compute_matches(
        gt_boxes,
        gt_class_ids,
        gt_masks,
        pred_boxes,
        pred_class_ids,
        pred_scores,
        pred_masks,
        iou_threshold,
    )
    hits = np.cumsum(pred_match > -1)
    precisions = hits / (np.arange(len(pred_match)) + 1)
    recalls = hits.astype(np.float32) / max(len(gt_match), 1)
    precisions = np.concatenate([[0], precisions, [0]])
    recalls = np.concatenate([[0], recalls, [1]])
    # Precision never falls as recall does: the curve's upper envelope.
    precisions = np.maximum.accumulate(precisions[::-1])[::-1]
    steps = np.flatnonzero(recalls[:-1] != recalls[1:]) + 1
    area = float(np.sum((recalls[steps] - recalls[steps - 1]) * precisions[steps]))
    return area, precisions, recalls, overlaps


def compute_ap_range(
    gt_box: ArrayLike,
    gt_class_id: ArrayLike,
    gt_mask: Array | None,
    pred_box: ArrayLike,
    pred_class_id: ArrayLike,
    pred_score: ArrayLike,
    pred_mask: Array | None,
    iou_thresholds: Sequence[float] | None = None,
    verbose: int = 1,
) -> float:
    """Mean of :func:`compute_ap` over IoU thresholds, 0.5 to 0.95 in steps of 0.05 by default."""
    thresholds = np.arange(0.5, 1.0, 0.05) if iou_thresholds is None else np.array(iou_thresholds)
    scores = []
    for threshold in thresholds:
        area, *_ = compute_ap(
            gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, threshold
        )
        scores.append(area)
        if verbose:
            print(f"AP @{threshold:.2f}:\t {area:.3f}")
    mean = float(np.mean(scores))
    if verbose:
        print(f"AP @{thresholds[0]:.2f}-{thresholds[-1]:.2f}:\t {mean:.3f}")
    return mean


def compute_recall(pred_boxes: ArrayLike, gt_boxes: ArrayLike, iou: float) -> tuple[float, Array]:
    """Share of objects that some box covers with at least this IoU, and which boxes do."""
    overlaps = pairwise_iou(np.asarray(pred_boxes), np.asarray(gt_boxes))
    best = overlaps.max(axis=1)
    owner = overlaps.argmax(axis=1)
    positive = np.flatnonzero(best >= iou)
    return len(set(owner[positive])) / overlaps.shape[1], positive
