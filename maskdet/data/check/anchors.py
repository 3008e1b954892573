"""How well a Config's anchors fit a data set's boxes, and which would fit better.

An object that no anchor covers still gets its best anchor as a positive one, so it is learnt from a
single, badly fitting example a step; many of them are why a detector of small things learns little.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from maskdet.base_config import BaseConfig
from maskdet.data.check.finding import Finding
from maskdet.data.dataset import Dataset

# An anchor whose IoU with an object is below this is background for it.
COVERED = 0.3


def boxes_in_network_pixels(dataset: Dataset, config: BaseConfig) -> np.ndarray:
    """Heights and widths (N, 2) of all objects as the network sees them."""
    sides = [np.zeros((0, 2))]
    placement_of = config.placement_rule(detecting=True)
    for image_id in dataset.image_ids:
        boxes, class_ids = dataset.load_boxes(int(image_id))
        placement = placement_of(dataset.image_shape(int(image_id)))
        placed = placement.forward_boxes(boxes[class_ids > 0])
        sides.append(placed[:, 2:] - placed[:, :2])
    return np.concatenate(sides)


def best_overlaps(sides: np.ndarray, scales: Any, ratios: Any) -> np.ndarray:
    """IoU (N,) of each object with its best anchor shape, centred on it."""
    roots = np.sqrt(np.asarray(ratios, dtype=np.float64))
    sizes = np.asarray(scales, dtype=np.float64)
    heights = (sizes[:, None] / roots).ravel()
    widths = (sizes[:, None] * roots).ravel()
    inter = np.minimum(sides[:, :1], heights) * np.minimum(sides[:, 1:], widths)
    union = sides.prod(axis=1)[:, None] + heights * widths - inter
    return (inter / np.maximum(union, 1e-9)).max(axis=1)


def fitted(sides: np.ndarray, levels: int, ratios: int) -> tuple[list[int], list[float]]:
    """Scales and ratios after the objects' sizes and shapes: evenly spread quantiles."""
    size = np.sqrt(sides.prod(axis=1))
    steps = (np.arange(levels) + 0.5) / levels
    scales = sorted({max(4, round(float(value))) for value in np.quantile(size, steps)})
    while len(scales) < levels:
        scales.append(scales[-1] * 2)
    shape = np.log(sides[:, 1] / sides[:, 0])
    wanted = np.quantile(shape, (np.arange(ratios) + 0.5) / ratios)
    return [int(s) for s in scales], [round(float(np.exp(value)), 2) for value in wanted]


def check_anchors(dataset: Dataset, config: BaseConfig) -> Iterator[Finding]:
    """How many boxes no anchor of the Config covers, with anchors that cover more.

    Nothing for a Config without anchors (``config.anchor_shapes()`` gives None).
    """
    anchors = config.anchor_shapes()
    if anchors is None:
        return
    sides = boxes_in_network_pixels(dataset, config)
    sides = sides[(sides > 0).all(axis=1)]
    if not len(sides):
        return
    overlaps = best_overlaps(sides, anchors.scales, anchors.ratios)
    missed = int((overlaps < COVERED).sum())
    if not missed:
        return
    scales, ratios = fitted(sides, len(anchors.scales), max(3, len(anchors.ratios)))
    better = int((best_overlaps(sides, scales, ratios) < COVERED).sum())
    text = (
        f"{missed} of {len(sides)} boxes ({missed / len(sides):.0%}) have an IoU below {COVERED} "
        f"with every anchor of {type(config).__name__}"
    )
    if better < missed:
        text += f"; {anchors.advice(scales, ratios)} would leave {better}"
    severity = "warning" if missed > 0.02 * len(sides) else "note"
    yield Finding("boxes that no anchor covers", severity, text + ".")
