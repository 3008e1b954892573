"""Sizes of an SSD's anchors after the boxes of a data set."""

import copy
import itertools
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.errors import UsageError
from maskdet.geometry.boxes import pairwise_iou
from maskdet.models.ssd.anchors import pixel_anchors
from maskdet.models.ssd.config import SsdConfig

# What is tried: shares of the input's shorter side.
_SMALLEST = tuple(np.geomspace(0.03, 0.3, 13).round(3).tolist())
_LARGEST = (0.4, 0.6, 0.8, 0.95)
# Boxes that are looked at, drawn evenly over the sizes: more change nothing but the time.
_SAMPLE = 400


def fit_anchor_sizes(dataset: Dataset, config: SsdConfig) -> tuple[float, float]:
    """ANCHOR_SIZES, smallest and largest square anchor, for a set's boxes.

    Those whose anchors, as they lie in the input, overlap boxes best on average (IoU with the best
    anchor; classes count alike). Everything else of the anchors is the Config's.

    Args:
        dataset: prepared.
        config: gives input, levels and shapes; it is not changed.

    Raises:
        UsageError: if the set has no box with an area.
    """
    boxes, class_ids = placed_boxes(dataset, config)
    if not len(boxes):
        raise UsageError("No object of the set has a box to fit anchors to; check its annotations.")
    order = np.argsort(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    sample = order[np.unique(np.linspace(0, len(order) - 1, _SAMPLE).astype(int))]
    boxes, class_ids = boxes[sample], class_ids[sample]
    weights = 1 / np.bincount(class_ids)[class_ids]

    def fit(sizes: tuple[float, float]) -> float:
        return float(np.average(best_overlaps(boxes, config, sizes), weights=weights))

    return max(itertools.product(_SMALLEST, _LARGEST), key=fit)


def best_overlaps(boxes: Any, config: SsdConfig, sizes: tuple[float, float]) -> Any:
    """IoU (N,) of boxes (N, 4) in pixels of the input with their best anchors of these sizes."""
    other = copy.copy(config)
    other.ANCHOR_SIZES = sizes
    return pairwise_iou(boxes, pixel_anchors(other)).max(axis=1)


def placed_boxes(dataset: Dataset, config: SsdConfig) -> tuple[Any, Any]:
    """Boxes (N, 4) with an area in pixels of the input, and class ids (N,); crowds left out."""
    placed, kinds = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.int64)]
    placement_of = config.placement_rule(detecting=True)
    for image_id in dataset.image_ids:
        boxes, class_ids = dataset.load_boxes(int(image_id))
        placement = placement_of(dataset.image_shape(int(image_id)))
        boxes = placement.forward_boxes(boxes)
        real = (class_ids > 0) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        placed.append(boxes[real])
        kinds.append(class_ids[real])
    return np.concatenate(placed), np.concatenate(kinds)
