"""How often labels are right, and how far their scores can be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.tasks.classification.calibration import Calibration, calibration_of
from maskdet.tasks.classification.labels import Labels

Array = NDArray[Any]
#: Classes up to which a table shows the whole confusion matrix, and the k of top-k that it shows.
_SHOWN_CLASSES = 12
_SHOWN_TOP = 5


def _none() -> Array:
    return np.zeros(0)


@dataclass(frozen=True)
class Accuracy:
    """Scores of labels on a data set.

    Attributes:
        accuracy: share of images whose likeliest class is the right one.
        per_class: the same by class name, over the images of that class (its recall); classes with
            images only.
        confusion: int (classes, classes): rows are the true classes, columns the likeliest.
        class_names: of rows and columns, without the background.
        images: how many were looked at.
        precision: by class name, of the images that were given the class the share that are of
            it; classes that were given only.
        calibration: how far scores can be believed; None without images.
        ranks: int (images,): how many classes were held likelier than the true one.
        true_scores: float32 (images,): the true class's score.
        image_ids: int (images,), of ``ranks`` and ``true_scores``.
        results: Labels of the images, in the same order.
    """

    accuracy: float
    per_class: dict[str, float]
    confusion: Array
    class_names: tuple[str, ...]
    images: int
    precision: dict[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None
    ranks: Array = field(default_factory=_none)
    true_scores: Array = field(default_factory=_none)
    image_ids: Array = field(default_factory=_none)
    results: tuple[Labels, ...] = ()

    @property
    def recall(self) -> dict[str, float]:
        """Another word for ``per_class``."""
        return self.per_class

    def top(self, k: int) -> float:
        """Share of images whose class is among the ``k`` likeliest; NaN without images."""
        return float((self.ranks < k).mean()) if len(self.ranks) else float("nan")

    @property
    def calibration_error(self) -> float:
        """Expected calibration error (Guo et al. 2017), 0..1; NaN without images."""
        return float("nan") if self.calibration is None else self.calibration.error

    def worst(self, count: int = 12) -> list[int]:
        """Ids of the images whose true class got the lowest scores, the worst first."""
        order = np.argsort(self.true_scores, kind="stable")[:count]
        return [int(self.image_ids[i]) for i in order]

    def table(self) -> str:
        """A short table: a line for all classes and one for each, then the confusion matrix."""
        width = max([len("all classes"), *(len(name) for name in self.class_names)])
        lines = [f"{'':{width}}{'accuracy':>12}{'precision':>12}{'images':>10}"]
        lines.append(f"{'all classes':{width}}{self.accuracy:12.3f}{'':12}{self.images:10d}")
        for number, name in enumerate(self.class_names):
            if name in self.per_class:
                count = int(self.confusion[number].sum())
                right = f"{self.precision[name]:12.3f}" if name in self.precision else f"{'-':>12}"
                lines.append(f"{name:{width}}{self.per_class[name]:12.3f}{right}{count:10d}")
        if len(self.class_names) > _SHOWN_TOP:
            lines.append(f"among the {_SHOWN_TOP} likeliest: {self.top(_SHOWN_TOP):.3f}")
        if self.calibration is not None:
            lines.append(f"calibration error: {self.calibration.error:.3f}")
        if len(self.class_names) <= _SHOWN_CLASSES:
            lines += ["", self.confusion_table()]
        return "\n".join(lines)

    def confusion_table(self) -> str:
        """The confusion matrix as text: a row for each true class."""
        width = max([len("true \\ said"), *(len(name) for name in self.class_names)])
        columns = [max(len(name), 5) + 2 for name in self.class_names]
        counts = zip(self.class_names, self.confusion, strict=True)
        rows = [("true \\ said", self.class_names), *counts]
        return "\n".join(
            f"{name:{width}}"
            + "".join(f"{value!s:>{room}}" for value, room in zip(row, columns, strict=True))
            for name, row in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "accuracy": self.accuracy,
            "per_class": dict(self.per_class),
            "precision": dict(self.precision),
            "top_k": {str(k): self.top(k) for k in (1, _SHOWN_TOP) if k < len(self.class_names)},
            "calibration_error": self.calibration_error,
            "confusion": self.confusion.tolist(),
            "class_names": list(self.class_names),
            "images": self.images,
        }

    def draw_worst(self, dataset: Any, path: Any, count: int = 12) -> None:
        """Write a picture of the images whose true class got the lowest scores.

        Args:
            dataset: that was scored.
            path: of the picture (.png or .jpg).
            count: images at most.

        Raises:
            UsageError: if no image was scored.
        """
        from maskdet.tasks.classification.pictures import draw_worst  # Pillow only where used

        draw_worst(self, dataset, path, count)


def evaluate_labels(dataset: Any, results: Sequence[Labels]) -> Accuracy:
    """Score labels, one for each image in order, against a data set of whole-image classes.

    Classes are the same where their names are; the labels' may stand in another order.

    Raises:
        UsageError: if the numbers of images and labels differ, or labels lack a class of the set.
    """
    ids = [int(image_id) for image_id in dataset.image_ids]
    if len(ids) != len(results):
        raise UsageError(
            f"There are {len(ids)} images but {len(results)} labels; give one for each."
        )
    names = tuple(dataset.class_names[1:])
    true = np.array([dataset.load_label(image_id) - 1 for image_id in ids], dtype=np.int64)  # (N,)
    scores = np.array([_in_order(labels, names) for labels in results], dtype=np.float32)
    scores = scores.reshape(len(ids), len(names))  # (N, classes)
    said = scores.argmax(axis=1)  # (N,)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (true, said), 1)
    right = np.diag(confusion)
    true_scores = scores[np.arange(len(ids)), true]  # (N,)
    ranks = (scores > true_scores[:, None]).sum(axis=1)  # (N,)
    return Accuracy(
        float(right.sum() / len(ids)) if ids else float("nan"),
        _shares(names, right, confusion.sum(axis=1)),
        confusion,
        names,
        len(ids),
        _shares(names, right, confusion.sum(axis=0)),
        calibration_of(scores.max(axis=1), said == true) if ids else None,
        ranks,
        true_scores,
        np.array(ids, dtype=np.int64),
        tuple(results),
    )


def _in_order(labels: Labels, names: tuple[str, ...]) -> Array:
    if labels.class_names == names:
        return labels.scores
    by_name: Mapping[str, float] = dict(zip(labels.class_names, labels.scores, strict=True))
    missing = [name for name in names if name not in by_name]
    if missing:
        raise UsageError(
            f"The labels know {', '.join(labels.class_names)}, but the data set also has "
            f"{', '.join(missing)}; train on a set with all of its classes."
        )
    return np.array([by_name[name] for name in names], dtype=np.float32)


def _shares(names: Sequence[str], right: Array, totals: Array) -> dict[str, float]:
    return {name: float(right[i] / totals[i]) for i, name in enumerate(names) if totals[i]}
