"""The images that a classifier got most wrong, on one page."""

import os
from typing import Any

from maskdet.errors import UsageError


def draw_worst(evaluation: Any, dataset: Any, path: str | os.PathLike[str], count: int) -> None:
    """What :meth:`maskdet.tasks.classification.accuracy.Accuracy.draw_worst` does."""
    from maskdet.images import write_image
    from maskdet.visualize.canvas import as_picture
    from maskdet.visualize.sheet import contact_sheet

    worst = evaluation.worst(count)
    if not worst:
        raise UsageError("No image was scored, so there is none to draw.")
    row_of = {int(image_id): row for row, image_id in enumerate(evaluation.image_ids)}
    pictures, titles = [], []
    for image_id in worst:
        labels = evaluation.results[row_of[image_id]]
        pictures.append(labels.draw(as_picture(dataset.load_image(image_id))))
        true = dataset.class_names[dataset.load_label(image_id)]
        score = float(evaluation.true_scores[row_of[image_id]])
        titles.append(f"{dataset.image_label(image_id)}: {true} got {score:.2f}")
    write_image(path, contact_sheet(pictures, titles))
