"""Numbers about a model and its detections, as tables and as plots with pyplot.

The plots are not shown here: a notebook does so by itself, a script calls ``plt.show`` or
``plt.savefig``.
"""

import html
import importlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from maskdet.errors import UsageError

# Weights beyond this have most likely left all reasonable range.
_LARGE = 1000


def _in_notebook() -> bool:
    # A notebook's kernel has loaded IPython long before us, so it need not be imported to ask.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"


def display_table(table: Iterable[Iterable[object]]) -> None:
    """Show rows of values: as HTML in a notebook, else printed in columns.

    Args:
        table: rows of values, written with ``str``; they may differ in length.
    """
    rows = [[str(value) for value in row] for row in table]
    if _in_notebook():
        display = importlib.import_module("IPython.display")
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        display.display(display.HTML(f"<table>{body}</table>"))
        return
    widths = [0] * max((len(row) for row in rows), default=0)
    for row in rows:
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], len(cell))
    for row in rows:
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)).rstrip()
        )


def _suspicion(values: np.ndarray[Any, Any]) -> str:
    marks = ""
    if not np.isfinite(values).all():
        marks += " *** not finite"
    # One-dimensional weights (biases, scales of norms) are equal before training.
    elif values.ndim > 1 and values.size > 1 and values.min() == values.max():
        marks += " *** dead?"
    if np.abs(values).max() > _LARGE:
        marks += " *** Overflow?"
    return marks


def display_weight_stats(model: Any) -> None:
    """Show a table of a model's weights: name, shape, least, greatest, standard deviation.

    Behind a name, "*** dead?" marks a kernel whose values are all the same, "*** Overflow?" values
    beyond 1000, and "*** not finite" NaN or infinity.

    Args:
        model: has ``get_trainable_layers()``, which gives Keras layers, as MaskRCNN does.
    """
    table = [["WEIGHT NAME", "SHAPE", "MIN", "MAX", "STD"]]
    for layer in model.get_trainable_layers():
        for weight, array in zip(layer.weights, layer.get_weights(), strict=True):
            # Keras 3 calls every kernel "kernel"; older names bring their layer's.
            name = weight.name if "/" in weight.name else f"{layer.name}/{weight.name}"
            values = np.asarray(array)
            if not values.size:
                table.append([name, str(values.shape), "", "", ""])
                continue
            wide = values.astype(np.float64)
            with np.errstate(invalid="ignore"):
                numbers = [f"{x:+.4f}" for x in (wide.min(), wide.max(), wide.std())]
            table.append([name + _suspicion(wide), str(values.shape), *numbers])
    display_table(table)


def plot_precision_recall(AP: float, precisions: ArrayLike, recalls: ArrayLike) -> None:
    """Draw one precision-recall curve.

    Args:
        AP: average precision at IoU 0.5, for the title.
        precisions, recalls: (K,) of 0..1, as compute_ap gives them.
    """
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1)
    axes.set_title(f"Precision-Recall Curve. AP@50 = {AP:.3f}")
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_xlim(0, 1.1)
    axes.set_ylim(0, 1.1)
    axes.plot(np.asarray(recalls), np.asarray(precisions))


def plot_overlaps(
    gt_class_ids: ArrayLike,
    pred_class_ids: ArrayLike,
    pred_scores: ArrayLike,
    overlaps: ArrayLike,
    class_names: Sequence[str],
    threshold: float = 0.5,
) -> None:
    """Draw the IoU of every detection with every object as a grid of numbers.

    Above the threshold a cell says "match" where the classes agree, else "wrong".

    Args:
        gt_class_ids: (M,); zeros are padding and are left out.
        pred_class_ids: (N,), in the order of ``overlaps``; zeros as above.
        pred_scores: (N,) of 0..1.
        overlaps: (N, M) IoU, with or without the padding.
        class_names: all names, the background's first.
        threshold: IoU from which a pair is marked.

    Raises:
        UsageError: ``overlaps`` fits the class ids neither with nor without their padding.
    """
    import matplotlib.pyplot as plt

    objects, detected = np.asarray(gt_class_ids).astype(int), np.asarray(pred_class_ids).astype(int)
    values, scores = np.asarray(overlaps, dtype=np.float64), np.asarray(pred_scores)
    if values.shape == (len(detected), len(objects)):
        values = values[detected != 0][:, objects != 0]
    if len(scores) == len(detected):
        scores = scores[detected != 0]
    objects, detected = objects[objects != 0], detected[detected != 0]
    if values.size == len(detected) * len(objects) == 0:
        values = values.reshape(len(detected), len(objects))
    if values.shape != (len(detected), len(objects)):
        raise UsageError(
            "`overlaps` must have shape (detections, objects), here "
            f"{(len(detected), len(objects))}, but has {np.shape(overlaps)}; compute it from the "
            "same detections and objects."
        )
    axes = plt.figure(figsize=(12, 10), layout="constrained").add_subplot()
    axes.set_xlabel("Ground Truth")
    axes.set_ylabel("Predictions")
    axes.set_yticks(
        range(len(detected)),
        [f"{class_names[k]} ({s:.2f})" for k, s in zip(detected, scores, strict=True)],
    )
    axes.set_xticks(range(len(objects)), [str(class_names[k]) for k in objects], rotation=90)
    if not values.size:
        axes.set_title("No pairs to compare")
        return
    axes.imshow(values, interpolation="nearest", cmap="Blues")
    middle = values.max() / 2
    for (row, column), value in np.ndenumerate(values):
        mark = ""
        if value > threshold:
            mark = "match" if objects[column] == detected[row] else "wrong"
        color = "white" if value > middle else "black" if value > 0 else "grey"
        axes.text(
            column, row, f"{value:.3f}\n{mark}", ha="center", va="center", fontsize=9, color=color
        )
