"""What a report says of labels. Loaded when one is written."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maskdet.report.chapters import (
    Chapter,
    Contents,
    Folded,
    Headline,
    Mark,
    Part,
    Photo,
    Table,
    Text,
    count_of,
    number,
    share,
)
from maskdet.report.charts import COLOURS, GREY, Line, line_chart
from maskdet.report.photos import BEST, WORST, photo_chapter, photo_name, picture_of, small_photo
from maskdet.report.tables import FEW_CLASSES, confusion_table, pairs_table
from maskdet.tasks.classification.accuracy import Accuracy
from maskdet.tasks.classification.labels import Labels

_WORST_CLASSES, _TOP = 8, 5
_RIGHT, _WRONG = "#007a5a", "#d55e00"


def contents_of(dataset: Any, results: Sequence[Labels], evaluation: Accuracy) -> Contents:
    """See :meth:`maskdet.tasks.task.Task.report`."""
    chapters = [
        _evaluated_chapter(evaluation),
        _classes_chapter(evaluation),
        _confusion_chapter(evaluation),
        _calibration_chapter(evaluation),
        *_picture_chapters(dataset, results, evaluation),
    ]
    right = int(np.diag(evaluation.confusion).sum())
    summary = (
        f"{right} of {count_of(evaluation.images, 'photo')} got their right class "
        f"({share(right, evaluation.images)})."
    )
    return Contents(
        tuple(_headlines(evaluation, right)),
        tuple(chapter for chapter in chapters if chapter is not None),
        summary,
    )


def _headlines(evaluation: Accuracy, right: int) -> list[Headline]:
    images = evaluation.images
    headlines = [Headline("Right class", share(right, images), f"{right} of {images} (accuracy)")]
    if len(evaluation.class_names) > _TOP:
        value = round(evaluation.top(_TOP) * images)
        remark = f"the right class is among the {_TOP} likeliest"
        headlines.append(Headline(f"Among {_TOP}", share(value, images), remark))
    recalls = list(evaluation.per_class.values())
    if len(recalls) > 1:
        worst = min(evaluation.per_class, key=lambda name: evaluation.per_class[name])
        text = f"{100 * min(recalls):.0f} %"
        headlines.append(Headline("Worst class", text, f"{worst}: its photos that are right"))
    error = evaluation.calibration_error
    headlines.append(Headline("Calibration error", number(error), "0: scores can be believed"))
    return headlines


def _evaluated_chapter(evaluation: Accuracy) -> Chapter:
    classes = count_of(len(evaluation.class_names), "class", "classes")
    counts = evaluation.confusion.sum(axis=1)
    text = f"{count_of(evaluation.images, 'photo')} of {classes}, each with one class."
    missing = [evaluation.class_names[row] for row in np.flatnonzero(counts == 0)]
    parts: list[Part] = [Text(text)]
    if missing:
        parts.append(Text(f"There is no photo of {', '.join(missing)}."))
    return Chapter("What was evaluated", "", tuple(parts))


def _classes_chapter(evaluation: Accuracy) -> Chapter:
    rows = []
    for row, name in enumerate(evaluation.class_names):
        right = int(evaluation.confusion[row, row])
        photos = int(evaluation.confusion[row].sum())
        said = int(evaluation.confusion[:, row].sum())
        order = right / photos if photos else 2.0
        rows.append((order, (name, str(photos), share(right, photos), share(right, said))))
    ordered = tuple(row for _, row in sorted(rows, key=lambda row: row[0]))
    heads = ("class", "photos", "recall", "precision")
    table = Table(heads, ordered)
    parts: tuple[Part, ...] = (table,)
    if len(ordered) > FEW_CLASSES:
        worst = Table(heads, ordered[:_WORST_CLASSES], f"the {_WORST_CLASSES} worst classes")
        parts = (worst, Folded(f"All {len(ordered)} classes", (table,)))
    note = (
        "Recall is the share of a class's photos that were called it, precision the share of "
        "photos called it that are of it. The worst classes first."
    )
    return Chapter("How well each class is told", note, parts)


def _confusion_chapter(evaluation: Accuracy) -> Chapter:
    names, title = evaluation.class_names, "Which class is taken for which"
    if len(names) > FEW_CLASSES:
        return Chapter(title, "", (pairs_table(evaluation.confusion, names),))
    note = "Rows are the true classes, columns what the network said; the diagonal is right."
    return Chapter(title, note, (confusion_table(evaluation.confusion, names, names),))


def _calibration_chapter(evaluation: Accuracy) -> Chapter | None:
    """Whether scores can be believed; None without images."""
    calibration = evaluation.calibration
    if calibration is None:
        return None
    known = calibration.counts > 0
    lines = [
        Line("as sure as right", [0, 1], [0, 1], GREY, dashed=True),
        Line(
            "this network",
            calibration.scores[known],
            calibration.accuracies[known],
            COLOURS[0],
            dots=True,
        ),
    ]
    chart = line_chart(
        "Share that is right (upwards) over score",
        lines,
        "score of the likeliest class",
        f"Accuracy over score; expected calibration error {number(calibration.error)}",
        x_range=(0, 1.01),
        y_range=(0, 1.02),
    )
    rows = tuple(
        (f"{score:.2f}", str(count), f"{100 * accuracy:.0f} %")
        for score, count, accuracy in zip(
            calibration.scores[known],
            calibration.counts[known],
            calibration.accuracies[known],
            strict=True,
        )
    )
    table = Table(("mean score", "photos", "right"), rows)
    note = (
        "Of photos with a score of 0.8 eight in ten should be right. Below the dashed line the "
        "network is surer than it should be; a point of few photos says little. The calibration "
        "error is the mean distance from that line (Guo et al. 2017)."
    )
    folded = Folded("The points of the curve", (table,))
    return Chapter("How far scores can be believed", note, (chart, folded))


def _picture_chapters(
    dataset: Any, results: Sequence[Labels], evaluation: Accuracy
) -> list[Chapter | None]:
    order = np.argsort(evaluation.true_scores, kind="stable")
    right = evaluation.ranks == 0
    worst = list(order[:WORST])
    # What is shown among the worst is none of the best.
    best = [row for row in order[::-1] if right[row] and row not in worst][:BEST]
    note = "Photos whose true class got the lowest score."
    if worst and all(right[row] for row in worst):
        note += " All of them got their right class all the same."
    titles = {"The hardest photos": (worst, note)}
    titles["The surest photos"] = (best, "Photos whose true class got the highest score.")
    row_of = {int(evaluation.image_ids[row]): int(row) for row in (*worst, *best)}

    def draw(image_id: int, image: Any) -> Photo:
        row = row_of[image_id]
        true = str(dataset.class_names[dataset.load_label(image_id)])
        said = results[row]
        colour = _RIGHT if said.name == true else _WRONG
        marks = [Mark(colour, f"is {true} ({evaluation.true_scores[row]:.2f})")]
        if said.name != true:
            marks.append(Mark(colour, f"was called {said.name} ({said.score:.2f})"))
        name = photo_name(dataset.image_label(image_id))
        alt = f"{name}: {', '.join(mark.text for mark in marks)}"
        return picture_of(small_photo(image), name, alt, marks)

    return [
        photo_chapter(title, text, dataset, [int(evaluation.image_ids[row]) for row in rows], draw)
        for title, (rows, text) in titles.items()
    ]
