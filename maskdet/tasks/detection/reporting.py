"""What a report says of detections. Loaded when one is written."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from maskdet.detections import Detections
from maskdet.report.chapters import (
    Chapter,
    Contents,
    Figure,
    Folded,
    Headline,
    Part,
    Photo,
    Table,
    Text,
    count_of,
    number,
    share,
)
from maskdet.report.charts import COLOURS, GREY, Line, line_chart
from maskdet.report.photos import BEST, WORST, photo_chapter
from maskdet.report.tables import FEW_CLASSES, confusion_table, pairs_table
from maskdet.tasks.detection.advice import ADVICE, MEANINGS
from maskdet.tasks.detection.judged_pictures import judged_picture, legend

# Classes of many that are shown at once, and lines of a chart.
_WORST_CLASSES, _LINES = 8, 6
# A gain in AP50 below this is noise of any set that people have.
_SMALL_GAIN = 0.005
# A lowest score of the results above this cuts off a part of AP's curve.
_LOW_SCORE = 0.05


def contents_of(dataset: Any, results: Sequence[Detections], evaluation: Any) -> Contents:
    """See :meth:`maskdet.tasks.task.Task.report`."""
    from maskdet.evaluation.by_image import errors_by_image
    from maskdet.evaluation.coco import numbers_of
    from maskdet.evaluation.errors import errors_of, objects_of

    detections = numbers_of(dataset, results)
    objects = objects_of(dataset, dataset.image_ids)
    names = [str(name) for name in dataset.class_names]
    errors = evaluation.errors or errors_of(detections, objects, names)
    images = errors_by_image(detections, objects, errors)
    chapters = [
        _evaluated_chapter(objects, names),
        _classes_chapter(detections, evaluation, errors),
        _errors_chapter(errors),
        _confusion_chapter(detections, objects, names[1:], errors.min_score),
        *_picture_chapters(dataset, images),
        _sizes_chapter(images, evaluation),
    ]
    return Contents(
        tuple(_headlines(evaluation, errors)),
        tuple(chapter for chapter in chapters if chapter is not None),
        _summary(errors),
    )


def _shown(errors: Any) -> int:
    """Detections that count, right or wrong."""
    return sum(errors.total(kind) for kind in errors.counts if kind not in ("on a crowd", "missed"))


def _summary(errors: Any) -> str:
    found, shown = errors.total("right"), _shown(errors)
    objects = sum(errors.objects.values())
    score = f"a score of {errors.min_score:g}"
    if not objects:
        return (
            f"There is nothing to find in these photos; {count_of(shown, 'detection')} from "
            f"{score} on found something all the same."
        )
    if not shown:
        return (
            f"There is not a single detection from {score} on, so all of "
            f"{count_of(objects, 'object')} were missed."
        )
    return (
        f"From {score} on, {found} of {count_of(objects, 'object')} were found "
        f"({share(found, objects)}), and {found} of {count_of(shown, 'detection')} are right "
        f"({share(found, shown)})."
    )


def _headlines(evaluation: Any, errors: Any) -> Iterable[Headline]:
    found, shown = errors.total("right"), _shown(errors)
    objects = sum(errors.objects.values())
    yield Headline("Objects found", share(found, objects), f"{found} of {objects} (recall)")
    yield Headline("Detections right", share(found, shown), f"{found} of {shown} (precision)")
    for kind, result in (("Box", evaluation.box), ("Mask", evaluation.mask)):
        if result is not None:
            yield Headline(
                f"{kind} AP50", number(result.ap50), "0 to 1; half overlap (IoU 0.5) will do"
            )
            yield Headline(f"{kind} AP", number(result.ap), "0 to 1; mean up to IoU 0.95, stricter")


def _evaluated_chapter(objects: Sequence[Any], names: Sequence[str]) -> Chapter:
    counts = np.zeros((len(names), 2), dtype=np.int64)
    for there in objects:
        own = there.class_ids[~there.ignored]
        counts[:, 0] += np.bincount(own, minlength=len(names))
        counts[np.unique(own), 1] += 1
    total = int(counts[:, 0].sum())
    ignored = sum(int(there.ignored.sum()) for there in objects)
    empty = sum(not (~there.ignored).any() for there in objects)
    text = (
        f"{count_of(len(objects), 'photo')} with {count_of(total, 'object')} of "
        f"{count_of(len(names) - 1, 'class', 'classes')}."
    )
    if empty:
        text += f" {count_of(empty, 'photo has', 'photos have')} no object in it."
    if ignored:
        crowds = count_of(ignored, "crowd or difficult object", "crowds or difficult objects")
        text += f" {crowds} count neither as found nor as missed."
    rows = tuple((names[i], str(counts[i, 0]), str(counts[i, 1])) for i in range(1, len(names)))
    table = Table(("class", "objects", "photos with it"), rows)
    shown: Part = table
    if len(rows) > FEW_CLASSES:
        shown = Folded(f"Objects of each of the {len(rows)} classes", (table,))
    return Chapter("What was evaluated", "", (Text(text), shown))


# ---- classes ----------------------------------------------------------------------------------
def _classes_chapter(detections: Sequence[Detections], evaluation: Any, errors: Any) -> Chapter:
    rows = _class_rows(evaluation, errors)
    kinds = [("box", evaluation.box)] + [("mask", evaluation.mask)] * (evaluation.mask is not None)
    heads = ("class", "objects", "recall", "precision", *(f"{kind} AP50" for kind, _ in kinds))
    lowest = min((float(found.scores.min()) for found in detections if len(found)), default=0.0)
    note = (
        "Recall is the share of objects that were found, precision the share of detections that "
        "are right; boxes count as right from an IoU of 0.5 with the object on, here from a score "
        f"of {errors.min_score:g}. AP50 is the area under the curve of both over all scores."
    )
    parts: list[Part] = []
    if lowest > _LOW_SCORE:
        text = (
            f"The results end at a score of {lowest:.2f}. AP looks further down, to 0.001, and "
            "would be somewhat higher there."
        )
        parts.append(Text(text))
    # Of a single class it says nothing new.
    mean = [("all classes", *_mean_row(evaluation, errors))] if len(rows) > 1 else []
    if len(rows) > FEW_CLASSES:
        worst = [row for row in rows if row[1] != "0"][:_WORST_CLASSES]
        table = Table(heads, (*mean, *worst), f"the {len(worst)} worst classes")
        parts += [table, Folded(f"All {len(rows)} classes", (Table(heads, (*mean, *rows)),))]
    else:
        parts.append(Table(heads, (*mean, *rows)))
    for kind, result in kinds:
        if result.curves:
            parts.append(_curves(kind, result))
    return Chapter("How well each class is found", note, tuple(parts))


def _class_rows(evaluation: Any, errors: Any) -> list[tuple[str, ...]]:
    """Rows of all classes, the worst first; classes without objects last."""
    rows = []
    for name, objects in errors.objects.items():
        right = errors.counts["right"][name]
        said = sum(
            counts[name]
            for kind, counts in errors.counts.items()
            if kind not in ("on a crowd", "missed")
        )
        figures = [evaluation.box.per_class_ap50.get(name, float("nan"))]
        if evaluation.mask is not None:
            figures.append(evaluation.mask.per_class_ap50.get(name, float("nan")))
        cells = (name, str(objects), share(right, objects), share(right, said))
        rows.append((figures[-1], (*cells, *map(number, figures))))
    return [row for _, row in sorted(rows, key=lambda row: (np.isnan(row[0]), row[0]))]


def _mean_row(evaluation: Any, errors: Any) -> tuple[str, ...]:
    right, objects = errors.total("right"), sum(errors.objects.values())
    figures = [result.ap50 for result in (evaluation.box, evaluation.mask) if result is not None]
    cells = (str(objects), share(right, objects), share(right, _shown(errors)))
    return (*cells, *map(number, figures))


def _curves(kind: str, result: Any) -> Figure:
    """Precision over recall: the mean of all classes, and the worst few of them."""
    grid = next(iter(result.curves.values()))[0]
    mean = np.mean([precision for _, precision in result.curves.values()], axis=0)
    worst = sorted(result.curves, key=lambda name: result.per_class_ap50[name])[:_LINES]
    lines = [
        Line(
            f"{name} ({number(result.per_class_ap50[name])})", grid, result.curves[name][1], colour
        )
        for name, colour in zip(worst, COLOURS, strict=False)
    ]
    if len(result.curves) > 1:
        few = "" if len(worst) == len(result.curves) else f", of {len(result.curves)} classes"
        lines.append(_curve(f"mean{few}", grid, mean, result.ap50, GREY, dashed=True))
    title = f"Precision (upwards) over recall, {'boxes' if kind == 'box' else 'masks'}"
    alt = f"{title}; AP50 {number(result.ap50)}"
    return line_chart(title, lines, "recall", alt, x_range=(0, 1.01), y_range=(0, 1.02))


def _curve(name: str, x: Any, y: Any, ap50: float, colour: str, dashed: bool = False) -> Line:
    return Line(f"{name} ({number(ap50)})", x, y, colour, dashed)


# ---- errors -----------------------------------------------------------------------------------
def _errors_chapter(errors: Any) -> Chapter:
    kinds = sorted(ADVICE, key=lambda kind: -float(np.nan_to_num(errors.gains[kind])))
    rows = tuple(
        (
            f"{kind}: {MEANINGS[kind]}",
            str(errors.total(kind)),
            f"{errors.gains[kind]:+.3f}" if errors.gains[kind] == errors.gains[kind] else "–",
        )
        for kind in kinds
    )
    parts: list[Part] = [Text(_costliest(errors, kinds[0]), strong=True)]
    heads = ("kind of error", "how many", "AP50 without them")
    parts.append(Table(heads, rows))
    by_class = tuple(
        (name, *(str(errors.counts[kind][name]) for kind in ("right", *kinds)))
        for name in errors.objects
    )
    table = Table(("class", "right", *kinds), by_class)
    parts.append(Folded("Errors by class", (table,)))
    note = (
        f"Detections from a score of {errors.min_score:g} on, each of one kind; an object is "
        "missed where no detection is about it. The last column is how much higher AP50 would be "
        "if all of that kind were mended and nothing else; those gains do not add up."
    )
    return Chapter("What goes wrong", note, tuple(parts))


def _costliest(errors: Any, kind: str) -> str:
    gain = float(errors.gains[kind])
    if gain != gain:
        return "There is nothing to find, so no error can cost anything."
    if gain < _SMALL_GAIN:
        return f"No kind of error costs as much as {_SMALL_GAIN} of AP50."
    return (
        f"Most costly: {kind} ({MEANINGS[kind]}). Without these errors AP50 would be "
        f"{errors.ap50 + gain:.3f} in place of {errors.ap50:.3f}. What to do: {ADVICE[kind]}"
    )


def _confusion_chapter(
    detections: Sequence[Detections],
    objects: Sequence[Any],
    names: Sequence[str],
    min_score: float,
) -> Chapter:
    from maskdet.evaluation.confusion import confusion_of
    from maskdet.evaluation.mending import Judged

    shown = [found.filter(min_score=min_score) for found in detections]
    confusion = confusion_of(Judged.of(shown, objects), len(names))
    note = (
        "Rows are what is in the photos, columns what the network said there. Objects of one class "
        "stand in one row, its detections in one column. What is badly placed or double counts as "
        "said of nothing, and an object that has no detection in its very place as missed."
    )
    if len(names) > FEW_CLASSES:
        return Chapter("Which class is taken for which", "", (pairs_table(confusion, names),))
    table = confusion_table(confusion, (*names, "nothing there"), (*names, "missed"))
    return Chapter("Which class is taken for which", note, (table,))


# ---- pictures ---------------------------------------------------------------------------------
def _picture_chapters(dataset: Any, images: Sequence[Any]) -> list[Chapter | None]:
    from maskdet.evaluation.by_image import best_images, worst_images

    worst_note = (
        "The most costly errors first: an error costs its kind's gain in AP50, shared among all "
        "errors of that kind. Dashed boxes show where objects are, numbers name the errors."
    )
    best_note = "Everything found and nothing wrong; photos with most objects first."
    return [
        _pictures("Photos with the worst errors", worst_note, dataset, worst_images(images, WORST)),
        _pictures("Photos that went best", best_note, dataset, best_images(images, BEST)),
    ]


def _pictures(title: str, note: str, dataset: Any, images: Sequence[Any]) -> Chapter | None:
    kinds = [kind for kind in MEANINGS if any(kind in judged.all_kinds for judged in images)]
    by_id = {int(dataset.image_ids[judged.number]): judged for judged in images}

    def draw(image_id: int, image: Any) -> Photo:
        return judged_picture(image, by_id[image_id], dataset.image_label(image_id))

    return photo_chapter(title, note, dataset, list(by_id), draw, legend(kinds))


# ---- sizes ------------------------------------------------------------------------------------
def _sizes_chapter(images: Sequence[Any], evaluation: Any) -> Chapter | None:
    """How large objects must be to be found; None where there are none."""
    limits = {"small": 32**2, "medium": 96**2, "large": float("inf")}
    words = {"small": "below 32 x 32", "medium": "up to 96 x 96", "large": "above 96 x 96"}
    counts = {size: [0, 0] for size in limits}
    for judged in images:
        found = set(judged.targets[judged.kinds == "right"].tolist())
        for i in np.flatnonzero(~judged.objects.ignored):
            y1, x1, y2, x2 = judged.objects.boxes[i]
            size = next(size for size, limit in limits.items() if (y2 - y1) * (x2 - x1) < limit)
            counts[size][0] += 1
            counts[size][1] += int(i) in found
    if not any(objects for objects, _ in counts.values()):
        return None
    kinds = [("box", evaluation.box)] + [("mask", evaluation.mask)] * (evaluation.mask is not None)
    rows = tuple(
        (
            f"{size} ({words[size]})",
            str(objects),
            share(found, objects),
            *(number(result.by_size.get(size, float("nan"))) for _, result in kinds),
        )
        for size, (objects, found) in counts.items()
    )
    how = "" if evaluation.mask is None else ": by the area of the box, for mask AP of the mask"
    note = (
        f"In pixels of the photo, as COCO counts them{how}. A photo is scaled to the network's "
        "input first: where small objects are missed, a larger input shows more of them."
    )
    heads = ("size", "objects", "found", *(f"{kind} AP" for kind, _ in kinds))
    return Chapter("What size of objects is found", note, (Table(heads, rows),))
