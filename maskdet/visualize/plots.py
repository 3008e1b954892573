"""Plots with matplotlib, which is loaded when the first one is drawn; no screen is needed."""

import io
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.files import write_whole

# Letters of nine points over a picture 3.6 inches wide.
_TITLE_LENGTH = 39

PathLike = str | os.PathLike[str]


def _figure(width: float, height: float) -> Any:
    # A Figure of its own, not pyplot's: works headless and leaves a notebook's backend alone.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: PathLike | None, dpi: int = 110) -> Any:
    if path is not None:
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=dpi)
        write_whole(path, content.getvalue())
    return figure


def plot_history(history: Mapping[str, Sequence[float]], path: PathLike | None = None) -> Any:
    """Losses over epochs, a panel each, training and validation together.

    Args:
        history: values by name; "val_..." is the validation's value of the same loss.
        path: where a PNG goes.

    Returns:
        The matplotlib Figure.
    """
    names = [name for name in history if not name.startswith("val_") and "lr" not in name]
    columns = min(3, max(1, len(names)))
    rows = max(1, math.ceil(len(names) / columns))
    figure = _figure(4.2 * columns, 3.0 * rows)
    for number, name in enumerate(names, start=1):
        axes = figure.add_subplot(rows, columns, number)
        values = list(history[name])
        axes.plot(range(1, len(values) + 1), values, marker=".", label="training")
        if f"val_{name}" in history:
            held_out = list(history[f"val_{name}"])
            axes.plot(range(1, len(held_out) + 1), held_out, marker=".", label="validation")
            axes.legend(fontsize=8)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("epoch", fontsize=8)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    return _save(figure, path)


def plot_precision_recall(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike, float]], path: PathLike | None = None
) -> Any:
    """Precision over recall, a line for each name: (recall, precision, AP)."""
    figure = _figure(6.5, 5.0)
    axes = figure.add_subplot()
    for name, (recall, precision, score) in curves.items():
        style = "--" if name.endswith("mask") else "-"
        axes.plot(np.asarray(recall), np.asarray(precision), style, label=f"{name}: {score:.3f}")
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_title("Precision and recall at IoU 0.5")
    axes.grid(alpha=0.3)
    if curves:
        axes.legend(fontsize=8, loc="lower left")
    return _save(figure, path)


def gallery(
    images: Sequence[NDArray[np.uint8]],
    path: PathLike | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
) -> Any:
    """Images in a grid, each under its title; long titles lose their middle."""
    columns = max(1, min(columns, len(images)))
    rows = max(1, math.ceil(len(images) / columns))
    figure = _figure(3.6 * columns, 3.3 * rows)
    for number, image in enumerate(images, start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(image)
        axes.axis("off")
        if titles is not None:
            axes.set_title(_fitting(titles[number - 1]), fontsize=9)
    return _save(figure, path)


def _fitting(title: str) -> str:
    """A title that is no wider than its picture."""
    if len(title) <= _TITLE_LENGTH:
        return title
    half = (_TITLE_LENGTH - 3) // 2
    return f"{title[:half]}...{title[-half:]}"
