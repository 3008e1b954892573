"""A look at the page from four sides: things lie at every angle, and each turn tells more."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.geometry.boxes import pairwise_iou

#: Quarter turns of the picture.
TURNS = (0, 1, 2, 3)
#: Boxes of this IoU are of one thing, whatever kind each view takes it for.
SAME_THING = 0.6


def look_around(
    detect: Callable[[NDArray[np.uint8]], Detections], picture: NDArray[np.uint8]
) -> Detections:
    """Detections of a square picture uint8 (S, S, 3), averaged over its turns.

    A thing may be told as several kinds, with a score for each.
    """
    views = []
    for turns in TURNS:
        detections = detect(np.ascontiguousarray(np.rot90(picture, turns)))
        boxes = turned_back(detections.boxes, turns, len(picture))
        views.append((boxes, detections.class_ids, detections.scores))
    boxes, class_ids, scores = averaged(views)
    return Detections(
        boxes=boxes,
        class_ids=class_ids,
        scores=scores,
        class_names=detections.class_names,
        image_shape=detections.image_shape,
    )


def turned_back(boxes: NDArray[np.float32], turns: int, side: int) -> NDArray[np.float32]:
    """Boxes (N, 4) of np.rot90(picture, turns) in the picture's own pixels."""
    for _ in range(turns):
        y1, x1, y2, x2 = boxes.T
        boxes = np.stack([x1, side - y2, x2, side - y1], axis=1)
    return boxes


def averaged(
    views: Sequence[tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]],
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Boxes (N, 4), class ids (N,) and scores (N,), best first, of views of the same things.

    A kind's score is the mean of what each view gives it; a view that does not see it counts as 0.
    """
    boxes = np.concatenate([view[0] for view in views])  # (M, 4)
    class_ids = np.concatenate([view[1] for view in views])  # (M,)
    scores = np.concatenate([view[2] for view in views])  # (M,)
    numbers = np.repeat(np.arange(len(views)), [len(view[0]) for view in views])  # (M,)
    same = pairwise_iou(boxes, boxes) > SAME_THING  # (M, M)
    rest = np.ones(len(boxes), bool)
    things = []
    for k in np.argsort(-scores, kind="stable"):
        if not rest[k]:
            continue
        members = np.flatnonzero(rest & (same[k] | (np.arange(len(boxes)) == k)))
        rest[members] = False
        box = np.average(boxes[members], axis=0, weights=scores[members])
        for kind in np.unique(class_ids[members]):
            of_kind = members[class_ids[members] == kind]
            best = np.zeros(len(views))
            np.maximum.at(best, numbers[of_kind], scores[of_kind])
            things.append((best.mean(), kind, box))
    things.sort(key=lambda thing: -thing[0])
    return (
        np.array([thing[2] for thing in things], np.float32).reshape(-1, 4),
        np.array([thing[1] for thing in things], np.int32),
        np.array([thing[0] for thing in things], np.float32),
    )
