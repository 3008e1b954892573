"""Plots with matplotlib, which is loaded when the first one is drawn; no screen is needed."""

import io
import math
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.files import write_whole

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
    """Images in a grid."""
    columns = max(1, min(columns, len(images)))
    rows = max(1, math.ceil(len(images) / columns))
    figure = _figure(3.6 * columns, 3.3 * rows)
    for number, image in enumerate(images, start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(image)
        axes.axis("off")
        if titles is not None:
            axes.set_title(titles[number - 1], fontsize=9)
    return _save(figure, path)


def random_colors(count: int, bright: bool = True) -> list[tuple[float, float, float]]:
    """Colours (R, G, B) of 0..1 around the hue circle, shuffled with ``random``."""
    import colorsys

    brightness = 1.0 if bright else 0.7
    colors = [colorsys.hsv_to_rgb(i / count, 1, brightness) for i in range(count)]
    random.shuffle(colors)
    return colors


def apply_mask(
    image: NDArray[Any], mask: NDArray[Any], color: Sequence[float], alpha: float = 0.5
) -> NDArray[Any]:
    """Tint the mask's pixels of an image in place; ``color`` is 0..1. Returns the image."""
    inside = mask == 1
    for channel in range(3):
        plane = image[..., channel]
        plane[inside] = plane[inside] * (1 - alpha) + alpha * color[channel] * 255
    return image


def display_instances(
    image: NDArray[np.uint8],
    boxes: NDArray[Any],
    masks: NDArray[Any] | None,
    class_ids: ArrayLike,
    class_names: Sequence[str],
    scores: ArrayLike | None = None,
    title: str = "",
    figsize: tuple[float, float] = (16, 16),
    ax: Any = None,
    show_mask: bool = True,
    show_bbox: bool = True,
    colors: Sequence[Sequence[float]] | None = None,
    captions: Sequence[str] | None = None,
) -> None:
    """matterport's picture of one image's objects; shown at once unless ``ax`` is given.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4) y1, x1, y2, x2.
        masks: (H, W, N) or None.
        colors: (R, G, B) of 0..1 each.
        captions: texts instead of class and score.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    count = len(boxes)
    if not count:
        print("\n*** No instances to display *** \n")
    shown = ax is None
    if ax is None:
        _, ax = plt.subplots(1, figsize=figsize)
    chosen = [tuple(color) for color in (colors or random_colors(max(count, 1)))]
    picture = np.array(image)
    if show_mask and masks is not None and count:
        for i in range(count):
            apply_mask(picture, masks[..., i], chosen[i])
    ax.imshow(picture.astype(np.uint8))
    ax.axis("off")
    ax.set_title(title)
    for i in range(count):
        y1, x1, y2, x2 = boxes[i]
        if not np.any(boxes[i]):
            continue
        if show_bbox:
            ax.add_patch(
                Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=chosen[i], linewidth=2)
            )
        if captions is not None:
            text = captions[i]
        else:
            kind = int(np.asarray(class_ids)[i])
            text = str(class_names[kind])
            if scores is not None:
                text += f" {float(np.asarray(scores)[i]):.3f}"
        ax.text(x1, y1 + 8, text, color="w", size=11, backgroundcolor="none")
    if shown:
        plt.show()
