"""Tables that reports of several tasks have."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maskdet.report.chapters import Part, Table, Text, share

#: Classes up to which everything is shown of each.
FEW_CLASSES = 15


def confusion_table(confusion: Any, rows: Sequence[str], columns: Sequence[str]) -> Table:
    """A confusion matrix (rows, columns); each cell as dark as its share of the row."""
    totals = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shades = tuple(map(tuple, (confusion / totals).tolist()))
    cells = tuple(
        (name, *(str(count) if count else "" for count in counts))
        for name, counts in zip(rows, confusion, strict=True)
    )
    return Table(("true \\ said", *columns), cells, shades=shades)


def pairs_table(confusion: Any, names: Sequence[str], count: int = FEW_CLASSES) -> Part:
    """The pairs of classes that are confused most often, of a matrix that is too large to show."""
    between = np.array(confusion[: len(names), : len(names)])
    totals = confusion.sum(axis=1)
    np.fill_diagonal(between, 0)
    order = np.argsort(-between, axis=None, kind="stable")[:count]
    pairs = [divmod(int(i), len(names)) for i in order]
    rows = tuple(
        (
            names[true],
            names[said],
            str(between[true, said]),
            share(between[true, said], totals[true]),
        )
        for true, said in pairs
        if between[true, said]
    )
    if not rows:
        return Text("No class is taken for another.")
    return Table(("is", "was called", "times", "of all"), rows, "the pairs confused most often")
