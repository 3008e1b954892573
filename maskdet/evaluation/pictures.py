"""A folder that shows how a training went: gallery, curves, precision and recall, metrics."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.detections import Detections
from maskdet.evaluation.report import Evaluation
from maskdet.files import write_whole
from maskdet.visualize.plots import gallery, plot_history, plot_precision_recall


def write_results(
    folder: str | os.PathLike[str],
    dataset: Dataset,
    detections: Sequence[Detections],
    evaluation: Evaluation,
    history: Mapping[str, list[float]] | None = None,
    settings: Mapping[str, Any] | None = None,
    shown: int = 12,
    min_score: float = 0.5,
) -> dict[str, Path]:
    """Write gallery.png, curves.png, precision_recall.png and metrics.json.

    Args:
        folder: made if it is not there.
        dataset: what was evaluated.
        detections: of its images, in their order.
        evaluation: their scores.
        history: losses by name, for the curves; none, no curves.
        settings: added to metrics.json.
        shown: images in the gallery, spread evenly over the data set.
        min_score: lowest score drawn.

    Returns:
        The paths by what they show.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "gallery": folder / "gallery.png",
        "precision and recall": folder / "precision_recall.png",
        "metrics": folder / "metrics.json",
    }
    count = len(detections)
    picked = np.unique(np.linspace(0, count - 1, min(shown, count)).astype(int))
    ids = list(dataset.image_ids)
    images = [
        detections[i].filter(min_score=min_score).draw(dataset.load_image(ids[i])) for i in picked
    ]
    titles = [str(dataset.image_info[ids[i]]["id"]) for i in picked]
    gallery(images, paths["gallery"], titles=titles)
    plot_precision_recall(precision_recall_curves(evaluation), paths["precision and recall"])
    if history:
        paths["curves"] = folder / "curves.png"
        plot_history(dict(history), paths["curves"])
    metrics = {**evaluation.to_dict(), "settings": dict(settings or {})}
    write_whole(paths["metrics"], json.dumps(metrics, indent=1) + "\n")
    return paths


def precision_recall_curves(evaluation: Evaluation) -> dict[str, tuple[Any, Any, float]]:
    """Curves at IoU 0.5 by name: (recall, precision, AP50) of each class, boxes and masks."""
    curves = {}
    for kind, result in (("box", evaluation.box), ("mask", evaluation.mask)):
        if result is not None:
            for name, (recall, precision) in result.curves.items():
                curves[f"{name}, {kind}"] = (recall, precision, result.per_class_ap50[name])
    return curves
