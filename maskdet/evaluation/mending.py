"""What AP50 would be if one kind of error were mended: TIDE's dAP (Bolya et al. 2020).

COCO's AP at IoU 0.5 is counted here from the kinds that detections are of, since a mended detection
has a kind but no box; where nothing is mended it is :func:`maskdet.evaluation.coco.coco_ap`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.evaluation.judging import (
    BACKGROUND,
    BADLY_PLACED,
    BOTH,
    CONFUSED,
    CROWD,
    DOUBLE,
    PART,
    RIGHT,
    Objects,
    judge,
)

Array = NDArray[Any]

MISSED = "missed"
#: All kinds of errors.
MENDABLE = (CONFUSED, BADLY_PLACED, BOTH, DOUBLE, PART, BACKGROUND, MISSED)
# COCO reads precision at these recalls.
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Judged:
    """The judged detections of all images in one row, and the objects in another.

    Attributes:
        kinds: str (N,).
        classes: int (N,).
        scores: float (N,).
        targets: int (N,), into the objects; -1 for none.
        object_classes: int (M,), without crowds and difficult ones.
    """

    kinds: Array
    classes: Array
    scores: Array
    targets: Array
    object_classes: Array

    @classmethod
    def of(cls, detections: Sequence[Detections], objects: Sequence[Objects]) -> "Judged":
        """Judge the detections of each image beside its objects."""
        kinds: list[str] = []
        targets, object_classes, before = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
        for found, there in zip(detections, objects, strict=True):
            judgement = judge(found.boxes, found.class_ids, found.scores, there)
            kinds += judgement.kinds
            real = ~there.ignored
            # Numbers among all objects of the image become numbers among those that count.
            numbers = np.append(before + np.cumsum(real) - 1, -1)
            targets.append(numbers[judgement.targets])
            object_classes.append(there.class_ids[real])
            before += int(real.sum())
        return cls(
            np.array(kinds, dtype=object),
            np.concatenate([np.zeros(0, np.int64), *(found.class_ids for found in detections)]),
            np.concatenate([np.zeros(0), *(found.scores for found in detections)]),
            np.concatenate(targets),
            np.concatenate(object_classes),
        )

    @property
    def missed(self) -> Array:
        """Objects that no detection is right about, or would be if it were mended: bool (M,)."""
        about = np.isin(self.kinds, (RIGHT, CONFUSED, BADLY_PLACED))
        missed = np.ones(len(self.object_classes), dtype=bool)
        missed[self.targets[about]] = False
        return missed

    def mended(self, kind: str) -> "Judged":
        """The same without errors of a kind; missed objects are no more asked for."""
        if kind == MISSED:
            # Their numbers change, but with no detection about them nobody looks.
            return replace(self, object_classes=self.object_classes[~self.missed])
        wrong = self.kinds == kind
        if kind not in (CONFUSED, BADLY_PLACED):
            return self._only(~wrong)
        kinds, classes = self.kinds.copy(), self.classes.copy()
        taken = set(self.targets[self.kinds == RIGHT].tolist())
        for i in np.argsort(-self.scores, kind="stable"):
            if wrong[i] and self.targets[i] not in taken:
                taken.add(int(self.targets[i]))
                kinds[i], classes[i] = RIGHT, self.object_classes[self.targets[i]]
        return replace(self, kinds=kinds, classes=classes)._only(kinds != kind)

    def _only(self, kept: Array) -> "Judged":
        return replace(
            self,
            kinds=self.kinds[kept],
            classes=self.classes[kept],
            scores=self.scores[kept],
            targets=self.targets[kept],
        )


def gains_of(judged: Judged) -> tuple[float, dict[str, float]]:
    """AP50, and what it would gain by each kind of error; nan where there is nothing to find."""
    classes = np.unique(judged.object_classes)
    ap50 = _ap50(judged, classes)
    return ap50, {kind: _ap50(judged.mended(kind), classes) - ap50 for kind in MENDABLE}


def _ap50(judged: Judged, classes: Array) -> float:
    """COCO's AP at IoU 0.5, the mean over some classes; nan without any."""
    values = [_class_ap50(judged, class_id) for class_id in classes]
    return float(np.mean(values)) if values else float("nan")


def _class_ap50(judged: Judged, class_id: int) -> float:
    own = (judged.classes == class_id) & (judged.kinds != CROWD)
    objects = int((judged.object_classes == class_id).sum())
    if not objects:
        return 1.0  # all of them were missed, and that is mended
    order = np.argsort(-judged.scores[own], kind="stable")
    right = (judged.kinds[own] == RIGHT)[order]
    hits = np.cumsum(right)
    precision = hits / (np.arange(len(hits)) + 1)
    # Precision at a recall is the best at it or any higher one; at recalls never reached it is 0.
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(best[np.searchsorted(hits / objects, _RECALLS)].mean())
