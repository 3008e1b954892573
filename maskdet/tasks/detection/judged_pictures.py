"""Photos with their errors drawn in, for a report."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from maskdet.report.chapters import Mark, Photo
from maskdet.report.photos import photo_name, picture_of, small_photo

Colour = tuple[int, int, int]
#: Of each kind, by its name in an evaluation's errors; objects that were found, white and dashed.
KIND_COLOURS: dict[str, Colour] = {
    "right": (40, 190, 90),
    "confused": (225, 50, 190),
    "badly placed": (255, 145, 0),
    "confused and badly placed": (150, 90, 255),
    "double": (50, 125, 255),
    "part of another": (0, 195, 215),
    "on a crowd": (150, 150, 150),
    "background": (240, 45, 45),
    "missed": (255, 225, 0),
}
_TRUE: Colour = (255, 255, 255)
# Errors named below a picture.
_NAMED = 6
_WORDS = {
    "badly placed": "{said} {score:.2f}: badly placed",
    "double": "{said} {score:.2f}: found twice",
    "part of another": "{said} {score:.2f}: a part of another",
    "background": "{said} {score:.2f}: nothing there",
    "confused": "{said} {score:.2f}: is {true}",
    "confused and badly placed": "{said} {score:.2f}: badly placed, is {true}",
}


def css(colour: Colour) -> str:
    """As in CSS."""
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"


def legend(kinds: Sequence[str]) -> tuple[Mark, ...]:
    """What the colours of some kinds mean."""
    marks = [Mark(css(KIND_COLOURS[kind]), kind, kind == "missed") for kind in kinds]
    return (*marks, Mark("#8a8a8a", "dashed: where objects are", dashed=True))


def judged_picture(image: Any, judged: Any, label: str) -> Photo:
    """One photo: detections in the colours of their kinds, true boxes dashed, errors numbered.

    Args:
        image: uint8 (H, W, 3), the photo.
        judged: its :class:`maskdet.evaluation.by_image.ImageErrors`.
        label: its path or name.
    """
    from maskdet.visualize.judged import draw_judged

    small = small_photo(image)
    # A scale for each side: small shapes are rounded.
    scale = np.tile(np.array(small.shape[:2]) / np.array(image.shape[:2]), 2)  # (4,)
    detections = replace(
        judged.detections,
        boxes=judged.detections.boxes * scale,
        image_shape=(small.shape[0], small.shape[1]),
    )
    remarks = [*_remarks(judged), *_missed(judged)]
    tags = _tags(remarks)
    marks = _marks(remarks, tags)
    count = len(judged.kinds)
    pixels = draw_judged(
        small,
        detections.boxes,
        [KIND_COLOURS[kind] for kind in judged.kinds],
        tags[:count],
        judged.objects.boxes * scale,
        [KIND_COLOURS["missed"] if missed else _TRUE for missed in judged.missed],
        tags[count:],
        detections.crops() if detections.has_masks else None,
    )
    alt = "; ".join(mark.text for mark in marks) or "everything right"
    if judged.right:
        marks.insert(0, Mark(css(KIND_COLOURS["right"]), f"{judged.right} right"))
    if len(marks) > _NAMED + 1:
        more = len(marks) - _NAMED
        marks = [*marks[:_NAMED], Mark("#8a8a8a", f"and {more} more")]
    name = photo_name(label)
    return picture_of(pixels, name, f"{name}: {alt}", marks)


def _remarks(judged: Any) -> list[tuple[str, str]]:
    """Of each detection its kind and what to say of it; nothing of those that are no errors."""
    remarks = []
    rows = zip(judged.kinds, judged.targets, judged.detections, strict=True)
    for kind, target, detection in rows:
        true = _name(judged, judged.objects.class_ids[target]) if target >= 0 else ""
        words = _WORDS.get(kind, "")
        text = words.format(said=detection.names[0], score=detection.scores[0], true=true)
        remarks.append((kind, text))
    return remarks


def _missed(judged: Any) -> list[tuple[str, str]]:
    """The same of each object: those that nobody found are errors."""
    objects = zip(judged.objects.class_ids, judged.missed, strict=True)
    return [
        ("missed", f"{_name(judged, class_id)}: missed" if missed else "")
        for class_id, missed in objects
    ]


def _tags(remarks: Sequence[tuple[str, str]]) -> list[str]:
    """A number for each error, by which it is named below its picture; none for what is none."""
    numbers = itertools.count(1)
    return [str(next(numbers)) if text else "" for _, text in remarks]


def _marks(remarks: Sequence[tuple[str, str]], tags: Sequence[str]) -> list[Mark]:
    """Errors with their numbers; those of which there is the same to say, in one line."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for remark, tag in zip(remarks, tags, strict=True):
        if tag:
            numbers.setdefault(remark, []).append(tag)
    return [
        Mark(css(KIND_COLOURS[kind]), f"{', '.join(own)}: {text}")
        for (kind, text), own in numbers.items()
    ]


def _name(judged: Any, class_id: Any) -> str:
    return str(judged.detections.class_names[int(class_id)])
