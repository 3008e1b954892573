"""Drafts of annotations from trained weights, for a person to correct."""

import os
from collections.abc import Sequence

from maskdet.errors import UsageError
from maskdet.jobs.exported import is_exported
from maskdet.models.detecting import DetectingModel
from maskdet.models.label_report import LabelReport, no_drafts
from maskdet.models.label_request import label_request
from maskdet.models.opening import open_model


def label_photos(
    weights: str | os.PathLike[str],
    photos: Sequence[str],
    out: str | os.PathLike[str],
    format: str = "voc",
    labelled: str | os.PathLike[str] | None = None,
    count: int | None = None,
    min_score: float = 0.5,
) -> LabelReport:
    """Write what trained weights find as annotations, and say what was done.

    The arguments are those of :meth:`maskdet.models.detecting.DetectingModel.label`.

    Args:
        weights: of a detector of any family, with the JSON beside them.

    Raises:
        UsageError: for an exported file, or weights that find no objects.
    """
    if is_exported(weights):
        raise UsageError(
            f"{os.fspath(weights)} is an exported file, which does not show how photos look to its "
            "layers; give the .h5 that it was made from."
        )
    # Before weights are opened: a slip of the pen is told at once, and as what it is.
    label_request(photos, out, format, labelled, count, min_score)
    model = open_model(weights)
    if not isinstance(model, DetectingModel):
        raise no_drafts(type(model).__name__)
    report = model.label(photos, out, format, labelled, count, min_score)
    for sentence in [*report.failures, *report.lines()]:
        print(sentence)
    return report
