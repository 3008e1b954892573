"""From an exported detector's outputs to Detections."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.geometry.placement import Placement, boxes_in_image
from maskdet.tasks.task import FileFacts, numbered_names

Array = NDArray[Any]


def decode_outputs(arrays: Sequence[Array], placement: Placement, facts: FileFacts) -> Detections:
    """The objects of one run.

    Args:
        arrays: location, category, score, number of detections and, where there are, masks, as
            :mod:`maskdet.tasks.detection.contract` describes them.
        placement: where the image lay in the input.
        facts: ``min_confidence`` is the lowest score of a detection; classes beyond
            ``class_names`` are numbered. In files of ours corner pixels lie on corner pixels, as
            matterport normalises, unless they say "plain_boxes"; boxes of others are plain shares.
    """
    shares = arrays[0].reshape(-1, 4).astype(np.float64)  # (N, 4)
    classes, scores = arrays[1].reshape(-1), arrays[2].reshape(-1)  # (N,)
    rows = min(int(round(float(np.reshape(arrays[3], -1)[0]))), len(scores))
    indices = np.flatnonzero(scores[:rows] >= facts.min_confidence)
    if facts.ours and not facts.all.get("plain_boxes", False):
        boxes = boxes_in_image(normalised(shares[indices], placement.canvas_shape), placement)
    else:
        boxes = placement.inverse_boxes(shares[indices] * (placement.canvas_shape * 2))
    with_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    indices, boxes = indices[with_area], boxes[with_area]
    # Files of older exports have class numbers that int8 has moved a little.
    class_ids = np.rint(classes[indices]).astype(np.int32) + 1
    return Detections(
        boxes=boxes,
        class_ids=class_ids,
        scores=scores[indices],
        class_names=numbered_names(facts.class_names, int(class_ids.max(initial=0))),
        image_shape=placement.image_shape,
        small_masks=arrays[4][0][indices] if "masks" in facts.outputs else None,
    )


def normalised(shares: Array, shape: tuple[int, int]) -> Array:
    """Boxes (N, 4) as shares of the input's sides in matterport's normalised form; float64."""
    sides = np.array(shape * 2, dtype=np.float64)
    return np.asarray((shares * sides - np.array([0.0, 0.0, 1.0, 1.0])) / (sides - 1))
