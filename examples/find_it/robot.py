"""What the robot makes of what it sees: which kind is wanted, where to tap, in which order."""

from dataclasses import dataclass

import numpy as np
from browser import HEADER
from numpy.typing import NDArray

from maskdet.detections import Detections

#: A match of this score is tapped at once; when there is none left, ones down to the lower score.
SURE, LEAST = 0.5, 0.02
#: The wanted picture is drawn upright and alone: what is less sure than this is no picture.
SURE_WANTED = 0.5
#: Two taps nearer than this, in pixels, are the same tap.
SAME_TAP = 16.0
#: What a tap in vain leaves of a thing's score.
DOUBT = 0.2
#: Taps on one thing, after which it is no match.
MOST_TRIES = 3
_STEPS = np.linspace(0.2, 0.8, 9)

Point = tuple[float, float]


@dataclass(frozen=True)
class Tap:
    """A tap to come.

    Attributes:
        point: y, x in the page.
        overlap: how much of the thing others may cover.
        score: of the thing, less what earlier taps made of it.
        sure: false if another kind has a higher score for the same thing, or after a tap on it.
    """

    point: Point
    overlap: float
    score: float
    sure: bool


def wanted_kind(detections: Detections) -> str | None:
    """The kind of the picture in the header; None if there is none: the level is over."""
    # It lies in the header's left end; beside it are words.
    in_corner = (_middles(detections.boxes) < HEADER).all(axis=1)
    scores = np.where(in_corner & (detections.scores >= SURE_WANTED), detections.scores, 0)
    if not scores.any():
        return None
    return detections.class_names[int(detections.class_ids[int(scores.argmax())])]


def plan_taps(detections: Detections, wanted: str, tried: list[Point]) -> list[Tap]:
    """Where to tap now, least overlapped first; empty if nothing matches.

    All sure matches at once; failing those, the best of the others alone. Nothing is sure where a
    tap has been before.

    Args:
        detections: of the whole page.
        wanted: name of a kind.
        tried: points y, x of earlier taps.
    """
    boxes = detections.boxes
    on_board = _middles(boxes)[:, 0] >= HEADER
    kinds = np.array([detections.class_names[int(i)] for i in detections.class_ids], dtype=object)
    taps = []
    for k in np.flatnonzero(on_board & (kinds == wanted) & (detections.scores >= LEAST)):
        tries = [point for point in tried if _inside(np.array([point]), boxes[k])[0]]
        if len(tries) >= MOST_TRIES:
            continue
        # What else the detector takes this very thing for does not cover it.
        same = _overlaps(boxes[k], boxes) > 0.7
        others = boxes[on_board & ~same & (detections.scores >= SURE)]
        # Where a tap met something else, another is a poorer guess than one elsewhere.
        score = float(detections.scores[k]) * DOUBT ** len(tries)
        taps.append(
            Tap(
                tap_point(boxes[k], others, tries),
                float(_shares(boxes[k], others).sum()),
                score,
                score >= SURE and score >= detections.scores[same].max() and not tries,
            )
        )
    sure = sorted((tap for tap in taps if tap.sure), key=lambda tap: tap.overlap)
    return sure or sorted(taps, key=lambda tap: -tap.score)[:1]


def tap_point(box: NDArray[np.float32], others: NDArray[np.float32], tried: list[Point]) -> Point:
    """The point y, x of a box that fewest of the other boxes cover; of several the middlemost."""
    y1, x1, y2, x2 = map(float, box)
    grid = np.stack(np.meshgrid(_STEPS, _STEPS, indexing="ij"), axis=-1).reshape(-1, 2)
    points = np.array([y1, x1]) + grid * np.array([y2 - y1, x2 - x1])  # (81, 2)
    cost = np.abs(grid - 0.5).max(axis=1)  # (81,)
    for other in others:
        cost += _inside(points, other)
    for y, x in tried:
        cost += 10 * (np.hypot(points[:, 0] - y, points[:, 1] - x) < SAME_TAP)
    y, x = points[int(cost.argmin())]
    return float(y), float(x)


def _middles(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _inside(points: NDArray[np.float64], box: NDArray[np.float32]) -> NDArray[np.bool_]:
    return ((points >= box[:2]) & (points < box[2:])).all(axis=1)


def _intersections(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return np.prod(np.clip(sides, 0, None), axis=1)


def _shares(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of a box that each of the others (N, 4) covers: (N,)."""
    return _intersections(box, others) / max(float(np.prod(box[2:] - box[:2])), 1e-6)


def _overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of a box with others (N, 4): (N,)."""
    both = _intersections(box, others)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    return both / np.maximum(np.prod(box[2:] - box[:2]) + areas - both, 1e-6)
