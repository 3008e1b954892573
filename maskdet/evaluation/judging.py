"""What each detection of an image is: right, or wrong in one of seven ways, or on a crowd.

After Hoiem, Chodpathumwan and Dai, "Diagnosing Error in Object Detectors" (ECCV 2012), and Bolya,
Foley, Hays and Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors" (ECCV
2020), with a kind of our own for boxes around a part of an object.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.geometry.boxes import box_area, pairwise_coverage, pairwise_iou

Array = NDArray[Any]

#: The first is no error, the last but one counts neither way.
RIGHT = "right"
CONFUSED = "confused"
BADLY_PLACED = "badly placed"
BOTH = "confused and badly placed"
DOUBLE = "double"
PART = "part of another"
CROWD = "on a crowd"
BACKGROUND = "background"
KINDS = (RIGHT, CONFUSED, BADLY_PLACED, BOTH, DOUBLE, PART, CROWD, BACKGROUND)

# IoU from which a box is in its place, and from which it is near it; TIDE's.
IN_PLACE, NEAR = 0.5, 0.1
# A box with this share of itself in a larger one lies in it: the rest is the edge's uncertainty.
INSIDE = 0.9


@dataclass(frozen=True)
class Objects:
    """What is to be found in an image.

    Attributes:
        boxes: (M, 4) in pixels.
        class_ids: int (M,), positive.
        ignored: bool (M,), crowds and objects marked difficult.
    """

    boxes: Array
    class_ids: Array
    ignored: Array

    @classmethod
    def of(cls, boxes: Array, class_ids: Array, difficult: Array) -> "Objects":
        """From a data set's arrays, in which a negative class id is a crowd."""
        ignored = (np.asarray(class_ids) < 0) | np.asarray(difficult, dtype=bool)
        return cls(np.asarray(boxes, np.float64).reshape(-1, 4), np.abs(class_ids), ignored)


@dataclass(frozen=True)
class Judgement:
    """One image's detections, judged.

    Attributes:
        kinds: of ``KINDS``, one for each detection.
        targets: int (N,), number of the object that a detection is right about, or would be if it
            were mended; -1 where there is none.
    """

    kinds: list[str]
    targets: Array


def judge(boxes: Array, class_ids: Array, scores: Array, objects: Objects) -> Judgement:
    """Each detection's kind, the first that fits:

    right, or on a crowd: as COCO pairs them off at IoU 0.5, best score first; double: in the place
    of an object of its class that a better detection has; confused: in the place of an object of
    another class; part of another: nine tenths of it inside a larger object or a larger detection
    of its class; badly placed: IoU 0.1 to 0.5 with an object of its class; confused and badly
    placed: the same with one of another class; background: all else.

    Args:
        boxes: (N, 4) in pixels.
        class_ids: int (N,).
        scores: (N,).
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    pairs = _pairs(boxes, class_ids, scores, objects)
    overlaps = pairwise_iou(boxes, objects.boxes)
    overlaps[:, objects.ignored] = 0
    same = class_ids[:, None] == objects.class_ids
    own, other = np.where(same, overlaps, 0), np.where(same, 0, overlaps)
    inside = _inside_another(boxes, class_ids, objects)
    kinds, targets = [], np.full(len(boxes), -1)
    for i, pair in enumerate(pairs):
        kind, about = BACKGROUND, None
        if pair >= 0:
            kind = CROWD if objects.ignored[pair] else RIGHT
            targets[i] = -1 if objects.ignored[pair] else pair
        elif own[i].max(initial=0) >= IN_PLACE:
            kind, about = DOUBLE, own[i]
        elif other[i].max(initial=0) >= IN_PLACE:
            kind, about = CONFUSED, other[i]
        elif inside[i]:
            kind = PART
        elif own[i].max(initial=0) >= NEAR:
            kind, about = BADLY_PLACED, own[i]
        elif other[i].max(initial=0) >= NEAR:
            kind, about = BOTH, other[i]
        kinds.append(kind)
        if about is not None:
            targets[i] = int(about.argmax())
    return Judgement(kinds, targets)


def _pairs(boxes: Array, class_ids: Array, scores: Array, objects: Objects) -> Array:
    """The object that COCO gives each detection, -1 for none: int (N,)."""
    overlaps = pairwise_iou(boxes, objects.boxes)
    # Of a crowd nobody knows the extent: what counts is how much of the box it covers.
    crowds = pairwise_coverage(boxes, objects.boxes)
    overlaps[:, objects.ignored] = crowds[:, objects.ignored]
    free = np.ones(len(objects.boxes), dtype=bool)
    pairs = np.full(len(boxes), -1)
    for i in np.argsort(-np.asarray(scores), kind="stable"):
        fits = (objects.class_ids == class_ids[i]) & (overlaps[i] >= IN_PLACE)
        real, ignored = fits & free & ~objects.ignored, fits & objects.ignored
        candidates = np.flatnonzero(real if real.any() else ignored)
        if len(candidates):
            # The last of equals, as COCO does.
            pairs[i] = candidates[::-1][overlaps[i, candidates[::-1]].argmax()]
            free[pairs[i]] = False
    return pairs


def _inside_another(boxes: Array, class_ids: Array, objects: Objects) -> Array:
    """Whether each box lies in a larger detection or object of its class: bool (N,)."""
    real = ~objects.ignored
    larger = np.concatenate([boxes, objects.boxes[real]])
    same = class_ids[:, None] == np.concatenate([class_ids, objects.class_ids[real]])
    is_larger = box_area(larger) > box_area(boxes)[:, None]
    inside: Array = (same & is_larger & (pairwise_coverage(boxes, larger) >= INSIDE)).any(axis=1)
    return inside
