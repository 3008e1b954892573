"""How often labels are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.tasks.classification.labels import Labels

Array = NDArray[Any]


@dataclass(frozen=True)
class Accuracy:
    """Scores of labels on a data set.

    Attributes:
        accuracy: share of images whose likeliest class is the right one.
        per_class: the same by class name, over the images of that class; classes with images only.
        confusion: int (classes, classes): rows are the true classes, columns the likeliest.
        class_names: of rows and columns, without the background.
        images: how many were looked at.
    """

    accuracy: float
    per_class: dict[str, float]
    confusion: Array
    class_names: tuple[str, ...]
    images: int

    def table(self) -> str:
        """A short table: a line for all classes and one for each."""
        width = max([len("all classes"), *(len(name) for name in self.class_names)])
        lines = [f"{'':{width}}{'accuracy':>12}{'images':>10}"]
        lines.append(f"{'all classes':{width}}{self.accuracy:12.3f}{self.images:10d}")
        for number, name in enumerate(self.class_names):
            if name in self.per_class:
                count = int(self.confusion[number].sum())
                lines.append(f"{name:{width}}{self.per_class[name]:12.3f}{count:10d}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "accuracy": self.accuracy,
            "per_class": dict(self.per_class),
            "confusion": self.confusion.tolist(),
            "class_names": list(self.class_names),
            "images": self.images,
        }


def evaluate_labels(dataset: Any, results: Sequence[Labels]) -> Accuracy:
    """Score labels, one for each image in order, against a data set of whole-image classes.

    Raises:
        UsageError: if the numbers of images and labels differ.
    """
    ids = [int(image_id) for image_id in dataset.image_ids]
    if len(ids) != len(results):
        raise UsageError(
            f"There are {len(ids)} images but {len(results)} labels; give one for each."
        )
    names = tuple(dataset.class_names[1:])
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    for image_id, labels in zip(ids, results, strict=True):
        confusion[dataset.load_label(image_id) - 1, int(labels.scores.argmax())] += 1
    totals, right = confusion.sum(axis=1), np.diag(confusion)
    per_class = {name: float(right[i] / totals[i]) for i, name in enumerate(names) if totals[i]}
    accuracy = float(right.sum() / max(len(ids), 1)) if ids else float("nan")
    return Accuracy(accuracy, per_class, confusion, names, len(ids))
