"""Which errors a detector makes on a data set, how often, and what each kind costs in AP50.

The kinds are those of :mod:`maskdet.evaluation.judging`, and objects that were missed. Boxes are
judged, also where there are masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.evaluation.coco import checked_instances, numbers_of
from maskdet.evaluation.judging import KINDS, Objects
from maskdet.evaluation.mending import MENDABLE, MISSED, Judged, gains_of

#: Score from which errors are counted unless somebody says otherwise.
MIN_SCORE = 0.5
# Heads of the table's columns, short enough for a line.
_HEADS = ("right", "confused", "place", "both", "double", "part", "crowd", "background", "missed")


@dataclass(frozen=True)
class Errors:
    """Errors of detections on a data set, boxes at IoU 0.5.

    Attributes:
        min_score: score from which ``counts`` counts.
        counts: by kind (``judging.KINDS`` and "missed"), then by class name: detections of that
            class, missed objects of that class.
        objects: by class name, how many there were to find (crowds and difficult ones left out).
        ap50: COCO's, of all detections whatever their score.
        gains: by kind of error, how much higher ``ap50`` were if all of this kind and no other were
            mended: confused ones given their object's class, badly placed ones its place (of
            several on one object the best alone), all others taken away, missed objects found. All
            detections whatever their score take part, as in AP. Gains do not add up.
    """

    min_score: float
    counts: dict[str, dict[str, int]]
    objects: dict[str, int]
    ap50: float
    gains: dict[str, float]

    def total(self, kind: str) -> int:
        """How many there are of a kind, of all classes together."""
        return sum(self.counts[kind].values())

    def table(self) -> str:
        """A table: a line for all classes and one for each, then the gains."""
        kinds = [*KINDS, MISSED]
        names = list(self.objects)
        width = max(len(name) for name in ["all classes", "AP50 gain", *names])
        widths = [max(8, len(head) + 2) for head in _HEADS]

        def line(head: str, cells: Sequence[str]) -> str:
            row = "".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True))
            return f"{head:{width}}{row}".rstrip()

        gains = [f"{self.gains[kind]:+.3f}" if kind in self.gains else "" for kind in kinds]
        return "\n".join(
            [
                line("", _HEADS),
                line("all classes", [str(self.total(kind)) for kind in kinds]),
                *(line(name, [str(self.counts[kind][name]) for kind in kinds]) for name in names),
                line("AP50 gain", gains),
                f"box AP50 {self.ap50:.3f} and gains: all detections; counts: from a score of "
                f"{self.min_score:g}; place: IoU 0.1 to 0.5; both: and confused; part: inside a "
                "larger one",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "min_score": self.min_score,
            "counts": {kind: dict(classes) for kind, classes in self.counts.items()},
            "objects": dict(self.objects),
            "ap50": self.ap50,
            "gains": dict(self.gains),
        }


def find_errors(
    dataset: Dataset,
    detections: Sequence[Detections],
    image_ids: Sequence[int] | None = None,
    min_score: float = MIN_SCORE,
) -> Errors:
    """Errors of detections, one for each image in order, on a data set.

    Args:
        dataset: prepared. Crowds and objects marked difficult are neither found nor missed.
        image_ids: the images; None for all.
        min_score: score from which errors are counted.

    Raises:
        UsageError: if the numbers of images and detections differ.
    """
    ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    if len(ids) != len(detections):
        raise UsageError(
            f"There are {len(ids)} images but {len(detections)} detections; give one for each."
        )
    objects = objects_of(dataset, ids)
    names = [str(name) for name in dataset.class_names]
    return errors_of(numbers_of(dataset, detections), objects, names, min_score)


def objects_of(dataset: Dataset, image_ids: Sequence[int]) -> list[Objects]:
    """What is to be found in each image. Raises DataError where that cannot be of it."""
    objects = []
    for image_id in map(int, image_ids):
        boxes, class_ids, _ = checked_instances(dataset, image_id)
        objects.append(Objects.of(boxes, class_ids, dataset.load_difficult(image_id)))
    return objects


def errors_of(
    detections: Sequence[Detections],
    objects: Sequence[Objects],
    class_names: Sequence[str],
    min_score: float = MIN_SCORE,
) -> Errors:
    """Errors of detections beside the objects of their images, which share their class ids.

    Args:
        class_names: by class id, the background first.
    """
    shown = Judged.of([found.filter(min_score=min_score) for found in detections], objects)
    every = Judged.of(detections, objects)
    counts = {kind: _by_class(shown.classes[shown.kinds == kind], class_names) for kind in KINDS}
    counts[MISSED] = _by_class(shown.object_classes[shown.missed], class_names)
    ap50, gains = gains_of(every)
    return Errors(
        float(min_score),
        counts,
        _by_class(shown.object_classes, class_names),
        ap50,
        {kind: gains[kind] for kind in MENDABLE},
    )


def _by_class(class_ids: Any, class_names: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(np.asarray(class_ids, dtype=np.int64), minlength=len(class_names))
    return {name: int(counts[i]) for i, name in enumerate(class_names) if i > 0}
