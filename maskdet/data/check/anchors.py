"""How well a Config's anchors fit a data set's boxes, and which would fit better.

An object that no anchor covers still gets its best anchor as a positive one, so it is learnt from a
single, badly fitting example a step; many of them are why a detector of small things learns little.
"""

from collections.abc import Iterator

from maskdet.base_config import BaseConfig
from maskdet.data.anchors import anchor_fit, boxes_in_network_pixels
from maskdet.data.check.finding import Finding
from maskdet.data.dataset import Dataset
from maskdet.geometry.anchor_fit import best_overlaps

# An anchor whose IoU with an object is below this is background for it.
COVERED = 0.3


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
    fit = anchor_fit(dataset, config)
    better = int((best_overlaps(sides, fit.scales, fit.ratios) < COVERED).sum())
    text = (
        f"{missed} of {len(sides)} boxes ({missed / len(sides):.0%}) have an IoU below {COVERED} "
        f"with every anchor of {type(config).__name__}"
    )
    if better < missed:
        text += f"; {anchors.advice(fit.scales, fit.ratios)} would leave {better}"
    severity = "warning" if missed > 0.02 * len(sides) else "note"
    yield Finding("boxes that no anchor covers", severity, text + ".")
