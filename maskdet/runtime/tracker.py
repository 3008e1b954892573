"""Follows objects from frame to frame by the overlap of their boxes."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.geometry.boxes import pairwise_iou

Array = NDArray[Any]


@dataclass
class Track:
    """One object over time.

    Attributes:
        number: from 1, never used again.
        class_id: of its first detection.
        box: smoothed, y1, x1, y2, x2 in pixels.
        score: smoothed.
        seen: frames in which it was detected.
        missing: frames since it was last detected.
    """

    number: int
    class_id: int
    box: Array
    score: float
    seen: int = 1
    missing: int = 0


class Tracker:
    """Gives detections numbers that stay, and steadies their boxes.

    A detection belongs to the track of its class whose box it overlaps most, the best scores choose
    first (SORT's greedy form without a motion model: Bewley et al. 2016).

    Args:
        overlap: smallest IoU of a detection with its track.
        patience: frames that a track outlives without a detection.
        steadiness: share of the old box in the new one, 0 for none.
        sure_after: frames an object must be seen in before it counts.

    Attributes:
        tracks: those alive.
        totals: objects of each class counted so far, by class name.
    """

    def __init__(
        self,
        overlap: float = 0.3,
        patience: int = 10,
        steadiness: float = 0.6,
        sure_after: int = 3,
    ) -> None:
        self.overlap, self.patience = overlap, patience
        self.steadiness, self.sure_after = steadiness, sure_after
        self.tracks: list[Track] = []
        self.totals: Counter[str] = Counter()
        self._next = 1

    def update(self, detections: Detections) -> tuple[Detections, list[int]]:
        """A frame's detections with steadied boxes and scores, and the number of each one's track.

        Order and masks stay.
        """
        owners = self._matched(detections)
        boxes, scores = detections.boxes.copy(), detections.scores.copy()
        numbers = []
        for index, track in enumerate(owners):
            box, score = detections.boxes[index], float(detections.scores[index])
            if track is None:
                track = Track(self._next, int(detections.class_ids[index]), box.copy(), score)
                self._next += 1
                self.tracks.append(track)
            else:
                keep = self.steadiness
                track.box = keep * track.box + (1 - keep) * box
                track.score = keep * track.score + (1 - keep) * score
                track.seen, track.missing = track.seen + 1, 0
            if track.seen == self.sure_after:
                self.totals[detections.class_names[track.class_id]] += 1
            boxes[index], scores[index] = track.box, track.score
            numbers.append(track.number)
        present = set(numbers)
        for track in self.tracks:
            track.missing += track.number not in present
        self.tracks = [track for track in self.tracks if track.missing <= self.patience]
        steadied = Detections(
            boxes,
            detections.class_ids,
            scores,
            detections.class_names,
            detections.image_shape,
            detections.small_masks,
        )
        return steadied, numbers

    def _matched(self, detections: Detections) -> list[Track | None]:
        """The track of each detection, or None for a new object."""
        owners: list[Track | None] = [None] * len(detections)
        if not self.tracks or not len(detections):
            return owners
        known = np.stack([track.box for track in self.tracks])
        overlaps = pairwise_iou(detections.boxes, known.astype(np.float32))
        classes = np.array([track.class_id for track in self.tracks])
        overlaps[detections.class_ids[:, None] != classes[None]] = 0.0
        for index in np.argsort(-detections.scores, kind="stable"):
            best = int(overlaps[index].argmax())
            if overlaps[index, best] >= self.overlap:
                owners[index] = self.tracks[best]
                overlaps[:, best] = 0.0
        return owners
