"""Errors image by image, and what those of an image cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.evaluation.errors import Errors
from maskdet.evaluation.judging import CROWD, RIGHT, Objects
from maskdet.evaluation.mending import MENDABLE, MISSED, Judged

Array = NDArray[Any]


@dataclass(frozen=True)
class ImageErrors:
    """One image's detections and objects, judged.

    Attributes:
        number: of the image among those that were evaluated.
        detections: those whose errors are counted.
        objects: of the image.
        kinds: str (N,), of ``detections``, see :mod:`maskdet.evaluation.judging`.
        targets: int (N,), the object that a detection is about, among all of ``objects``; -1 for
            none.
        missed: bool (M,), which of ``objects`` no detection is about.
        cost: of its errors: each costs what AP50 would gain without its kind, divided by the errors
            of that kind in the whole set.
    """

    number: int
    detections: Detections
    objects: Objects
    kinds: Array
    targets: Array
    missed: Array
    cost: float

    @property
    def right(self) -> int:
        """How many detections are right."""
        return int((self.kinds == RIGHT).sum())

    @property
    def all_kinds(self) -> set[str]:
        """The kinds of detections, and "missed" where an object was."""
        return set(self.kinds) | ({MISSED} if self.missed.any() else set())

    @property
    def errors(self) -> int:
        """How many detections are wrong and objects missed."""
        wrong = (self.kinds != RIGHT) & (self.kinds != CROWD)
        return int(wrong.sum() + self.missed.sum())


def errors_by_image(
    detections: Sequence[Detections], objects: Sequence[Objects], errors: Errors
) -> list[ImageErrors]:
    """The errors of each image, of the detections that ``errors`` counts.

    Args:
        detections: of each image, with the class ids of ``objects``.
        errors: of all of them together.
    """
    prices = {
        kind: max(0.0, float(np.nan_to_num(errors.gains[kind]))) / max(1, errors.total(kind))
        for kind in MENDABLE
    }
    return [
        _judged(number, found.filter(min_score=errors.min_score), there, prices)
        for number, (found, there) in enumerate(zip(detections, objects, strict=True))
    ]


def _judged(
    number: int, detections: Detections, objects: Objects, prices: Mapping[str, float]
) -> ImageErrors:
    judged = Judged.of([detections], [objects])
    counted = np.flatnonzero(~objects.ignored)
    missed = np.zeros(len(objects.class_ids), dtype=bool)
    missed[counted] = judged.missed
    # Numbers among the objects that count become numbers among all of them.
    targets = np.append(counted, -1)[judged.targets]
    cost = sum(prices.get(kind, 0.0) for kind in judged.kinds) + prices[MISSED] * missed.sum()
    return ImageErrors(number, detections, objects, judged.kinds, targets, missed, float(cost))


def worst_images(images: Sequence[ImageErrors], count: int) -> list[ImageErrors]:
    """Images with errors, the most costly first; of equals those with more of them."""
    wrong = [image for image in images if image.errors]
    return sorted(wrong, key=lambda image: (-image.cost, -image.errors, image.number))[:count]


def best_images(images: Sequence[ImageErrors], count: int) -> list[ImageErrors]:
    """Images with something right and nothing wrong, those with most and surest objects first."""
    right = [image for image in images if image.right and not image.errors]

    def order(image: ImageErrors) -> tuple[float, float, int]:
        return -image.right, -float(image.detections.scores.mean()), image.number

    return sorted(right, key=order)[:count]
