"""matterport's `mrcnn.visualize`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.evaluation.matterport import compute_matches
from maskdet.mrcnn.proposal_pictures import draw_box, draw_boxes, draw_rois
from maskdet.visualize.canvas import check_counts
from maskdet.visualize.inspection import (
    display_table,
    display_weight_stats,
    plot_overlaps,
    plot_precision_recall,
)
from maskdet.visualize.instances import (
    apply_mask,
    display_images,
    display_instances,
    display_top_masks,
    random_colors,
)

__all__ = [
    "apply_mask",
    "display_differences",
    "display_images",
    "display_instances",
    "display_table",
    "display_top_masks",
    "display_weight_stats",
    "draw_box",
    "draw_boxes",
    "draw_rois",
    "plot_overlaps",
    "plot_precision_recall",
    "random_colors",
]

_GREEN, _RED = (0, 1, 0, 0.8), (1, 0, 0, 1)
_TITLE = "Ground Truth and Detections\n GT=green, pred=red, captions: score/IoU"


def display_differences(
    image: ArrayLike,
    gt_box: ArrayLike,
    gt_class_id: ArrayLike,
    gt_mask: NDArray[Any] | None,
    pred_box: ArrayLike,
    pred_class_id: ArrayLike,
    pred_score: ArrayLike,
    pred_mask: NDArray[Any] | None,
    class_names: Sequence[str],
    title: str = "",
    ax: Any = None,
    show_mask: bool = True,
    show_box: bool = True,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.5,
) -> None:
    """Show an image's annotated objects in green and the detections in red.

    A detection's caption is its score and its IoU: with the object it found, else the highest with
    any object. Zero rows of the boxes are padding and left out.

    Args:
        image: uint8 (H, W, 3), left as it is.
        gt_box, pred_box: (M, 4) and (N, 4) y1, x1, y2, x2 in pixels.
        gt_class_id, pred_class_id: (M,) and (N,) places in ``class_names``.
        gt_mask, pred_mask: (H, W, M) and (H, W, N); if either is None, boxes are compared and no
            masks are drawn.
        pred_score: (N,) of 0..1.
        class_names: all names, the background's first.
        title: text above the picture; by default it explains the colours.
        ax: matplotlib axes to draw into; then nothing is shown here.
        show_mask, show_box: draw the masks, the boxes.
        iou_threshold: IoU from which a detection finds an object.
        score_threshold: as in compute_matches, where it bounds the IoU too.

    Raises:
        UsageError: boxes, masks, class ids or scores of a side differ in number.
    """
    objects = np.asarray(gt_box).reshape(-1, 4)
    detected = np.asarray(pred_box).reshape(-1, 4)
    check_counts(
        len(objects),
        gt_class_id=np.size(gt_class_id),
        gt_mask=None if gt_mask is None else gt_mask.shape[-1],
    )
    check_counts(
        len(detected),
        pred_class_id=np.size(pred_class_id),
        pred_score=np.size(pred_score),
        pred_mask=None if pred_mask is None else pred_mask.shape[-1],
    )
    real, filled = (np.flatnonzero(boxes.any(axis=1)) for boxes in (objects, detected))
    objects, own = objects[real], np.asarray(gt_class_id)[real]
    detected, kinds = detected[filled], np.asarray(pred_class_id)[filled]
    scores, masks = np.asarray(pred_score)[filled], None
    order = np.argsort(scores)[::-1]  # in which compute_matches counts the detections
    if gt_mask is None or pred_mask is None:
        gt_mask = pred_mask = None
    else:
        gt_mask, pred_mask = gt_mask[..., real], pred_mask[..., filled]
        masks = np.concatenate([gt_mask, pred_mask[..., order]], axis=-1)
    _, pred_match, overlaps = compute_matches(
        objects, own, gt_mask, detected, kinds, scores, pred_mask, iou_threshold, score_threshold
    )
    detected, kinds, scores = detected[order], kinds[order], scores[order]
    captions = [""] * len(objects)
    for i, match in enumerate(pred_match):
        iou = overlaps[i, int(match)] if match > -1 else np.max(overlaps[i], initial=0)
        captions.append(f"{scores[i]:.2f} / {iou:.2f}")
    display_instances(
        image,
        np.concatenate([objects, detected]),
        masks,
        np.concatenate([own, kinds]),
        class_names,
        title=title or _TITLE,
        ax=ax,
        show_mask=show_mask,
        show_bbox=show_box,
        colors=[_GREEN] * len(objects) + [_RED] * len(detected),
        captions=captions,
    )
