"""Whether a set's masks are outlines, boxes filled in, or both side by side."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset

Array = NDArray[Any]
_log = logging.getLogger("maskdet")
# Images of which masks are looked at, and objects that must be seen before it is said that all are
# rectangles.
_SAMPLE = 24
_LEAST_OBJECTS = 3


def masks_are_boxes(dataset: Dataset) -> bool:
    """Whether the masks of a set are rectangles: boxes that somebody filled in.

    A sample is looked at, evenly over the set, once. An object that is a rectangle itself is no
    proof; all of them are.
    """
    known = dataset.__dict__.get("_masks_are_boxes")
    if known is None:
        known = bool(dataset.provides_masks) and _all_rectangles(dataset)
        if known:
            _log.warning(
                "The masks of this set are rectangles, boxes that were filled in, and are taken "
                'for boxes; MASK_SUPERVISION = "masks" trains a mask head to paint rectangles.'
            )
        dataset.__dict__["_masks_are_boxes"] = known
    return known


def _all_rectangles(dataset: Dataset) -> bool:
    count = len(dataset.image_ids)
    objects = 0
    for image_id in np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int)):
        for mask in np.moveaxis(_readable_masks(dataset, int(image_id)), -1, 0):
            rows, columns = mask.any(axis=1), mask.any(axis=0)
            if not rows.any():
                continue
            objects += 1
            height = np.ptp(np.flatnonzero(rows)) + 1
            width = np.ptp(np.flatnonzero(columns)) + 1
            if mask.sum() != height * width:
                return False
    return objects >= _LEAST_OBJECTS


def _readable_masks(dataset: Dataset, image_id: int) -> Array:
    """Masks (H, W, N) of an image with outlines; none of one that cannot be read."""
    none = np.zeros((0, 0, 0), dtype=bool)
    try:
        outlined = dataset.load_outlined(image_id)
        if outlined is not None and not outlined.any():
            return none
        return dataset._checked_masks(image_id)[0]
    except Exception as error:  # whatever a data set's own code raises
        # The loader names it when its turn comes, and stops or goes on as ON_ERROR says.
        _log.debug("image %d says nothing of the set's masks: %s", image_id, error)
        return none


def provides_outlines(dataset: Dataset) -> bool:
    """Whether a set has masks that show outlines, and not boxes alone or boxes filled in."""
    return bool(dataset.provides_masks) and not masks_are_boxes(dataset)


def bare_boxes(dataset: Dataset) -> bool:
    """Whether an object of a set with masks has only a box."""
    if not dataset.provides_masks:
        return False
    marks = (dataset.load_outlined(int(image_id)) for image_id in dataset.image_ids)
    return any(outlined is not None and not outlined.all() for outlined in marks)
