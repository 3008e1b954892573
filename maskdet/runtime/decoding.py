"""From a file's outputs to Detections."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.geometry.placement import Placement, boxes_in_image

Array = NDArray[Any]


def decode_outputs(
    outputs: Sequence[Array],
    placed: Placement,
    min_confidence: float,
    class_names: Sequence[str],
    has_masks: bool,
    ours: bool = True,
) -> Detections:
    """The objects of one run.

    Args:
        outputs: location, category, score, number of detections and, where there are, masks, as
            :mod:`maskdet.exporters.contract` describes them.
        placed: where the image lay in the input.
        min_confidence: lowest score of a detection.
        class_names: the background first; classes beyond them are numbered.
        has_masks: whether masks are to be given.
        ours: whether maskdet's network made the boxes: then corner pixels lie on corner pixels, as
            matterport normalises; boxes of others are plain shares.
    """
    shares = outputs[0].reshape(-1, 4).astype(np.float64)
    classes, scores = outputs[1].reshape(-1), outputs[2].reshape(-1)
    rows = min(int(round(float(np.reshape(outputs[3], -1)[0]))), len(scores))
    chosen = np.flatnonzero(scores[:rows] >= min_confidence)
    if ours:
        boxes = boxes_in_image(normalised(shares[chosen], placed.canvas_shape), placed)
    else:
        boxes = placed.inverse_boxes(shares[chosen] * (placed.canvas_shape * 2))
    good = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    chosen, boxes = chosen[good], boxes[good]
    ids = classes[chosen].astype(np.int32) + 1
    return Detections(
        boxes=boxes,
        class_ids=ids,
        scores=scores[chosen],
        class_names=names_up_to(class_names, int(ids.max(initial=0))),
        image_shape=placed.image_shape,
        small_masks=outputs[4][0][chosen] if has_masks else None,
    )


def normalised(shares: Array, shape: tuple[int, int]) -> Array:
    """Boxes (N, 4) as shares of the input's sides in matterport's normalised form; float64."""
    sides = np.array(shape * 2, dtype=np.float64)
    return np.asarray((shares * sides - np.array([0.0, 0.0, 1.0, 1.0])) / (sides - 1))


def names_up_to(names: Sequence[str], largest: int) -> tuple[str, ...]:
    """Class names, with numbers for those that a file does not name."""
    known = tuple(names) or ("BG",)
    return (*known, *(f"class {i}" for i in range(len(known), largest + 1)))
