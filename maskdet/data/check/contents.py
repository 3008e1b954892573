"""Checks of any data set: boxes and masks against each other and their images, classes, photos."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from maskdet.data.box_rules import share_in_common
from maskdet.data.check.finding import Finding
from maskdet.data.check.near_names import near_misses
from maskdet.data.dataset import Dataset
from maskdet.data.picture_checks import AGREEING
from maskdet.data.similar import connected, hashes, near_pairs, same_files
from maskdet.errors import DataError
from maskdet.geometry.boxes import pairwise_iou
from maskdet.geometry.masks import boxes_from_masks
from maskdet.images import read_image

# Objects below this many square pixels are hardly seen.
TINY = 36.0
# Boxes of one class that overlap by more are one object twice.
TWICE = 0.95
# Masks of which more than this share lies under another one.
COVERED = 0.3
# COCO's limits of small and medium objects, in square pixels.
_SMALL, _MEDIUM = 32.0**2, 96.0**2
# Data sets with masks are looked at in this many images.
_MASKED_IMAGES = 300
# The most frequent class has so many times the objects of the rarest one.
_UNBALANCED = 20

#: Marks that some formats give objects, and what they mean to a training and an evaluation.
MARKS = {
    "crowds": "neither learned nor counted as mistakes",
    "difficult": "these objects train like others; evaluations neither count nor punish them",
    "truncated": "these objects are cut off; they train and count like others",
    "occluded": "these objects are hidden in part; they train and count like others",
}


def counts(dataset: Dataset) -> dict[str, Any]:
    """Images and objects, by class and by size; with a mark of :data:`MARKS`, where there are."""
    by_size: Counter[str] = Counter(small=0, medium=0, large=0)
    by_class: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    empty = 0
    for image_id in dataset.image_ids:
        boxes, class_ids = dataset.load_boxes(int(image_id))
        empty += len(class_ids) == 0
        marked.update(_marks(dataset, int(image_id), class_ids))
        by_class.update(dataset.class_names[k] for k in class_ids if k > 0)
        for area in _areas(boxes):
            by_size["small" if area < _SMALL else "medium" if area < _MEDIUM else "large"] += 1
    counted: dict[str, Any] = {
        "images": len(dataset.image_ids),
        "images without objects": empty,
        "objects": sum(by_size.values()),
        "objects by class": dict(by_class.most_common()),
        "objects by size": dict(by_size),
    }
    counted.update((mark, marked[mark]) for mark in MARKS if marked[mark])
    return counted


def _marks(dataset: Dataset, image_id: int, class_ids: np.ndarray) -> dict[str, int]:
    """How many objects of an image have each mark; a crowd has no other."""
    if not len(class_ids):
        return {}
    info = dataset.image_info[image_id]
    none = np.zeros(len(class_ids), dtype=bool)
    flags = {
        "difficult": dataset.load_difficult(image_id),
        **{mark: info.get(mark, none) for mark in ("truncated", "occluded")},
    }
    is_object = np.asarray(class_ids) > 0
    objects = {
        mark: int((np.asarray(flag, dtype=bool) & is_object).sum())
        for mark, flag in flags.items()
        if np.shape(flag) == is_object.shape  # a user's image_info may mean something else by it
    }
    return {"crowds": int((class_ids < 0).sum()), **objects}


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def check_boxes(dataset: Dataset) -> Iterator[Finding]:
    """Tiny, huge and doubled boxes, and images without objects."""
    for image_id in dataset.image_ids:
        boxes, class_ids = dataset.load_boxes(int(image_id))
        label = dataset.image_label(int(image_id))
        if not len(boxes):
            yield Finding("image without objects", "note", f"{label} has no object.", (label,))
            continue
        height, width = dataset.image_shape(int(image_id))
        names = [dataset.class_names[abs(int(k))] for k in class_ids]
        for number, area in enumerate(_areas(boxes)):
            location = f"object {number + 1} ({names[number]}) of {label}"
            if area < TINY:
                text = f"The box of {location} has {area:g} square pixels."
                yield Finding("tiny box", "warning", text, (label,))
            elif area > 0.98 * height * width:
                text = f"The box of {location} covers the whole image."
                yield Finding("box of the whole image", "note", text, (label,))
        overlaps = np.triu(pairwise_iou(boxes, boxes), 1)
        for first, second in np.argwhere(overlaps > TWICE):
            if class_ids[first] == class_ids[second] and class_ids[first] > 0:
                text = f"Objects {first + 1} and {second + 1} ({names[first]}) of {label} have the "
                yield Finding("duplicated box", "warning", text + "same box.", (label,))


def check_masks(dataset: Dataset) -> Iterator[Finding]:
    """Masks that cover each other, empty ones, and those that lie elsewhere than their box."""
    if not dataset.provides_masks:
        return
    for image_id in dataset.image_ids[:_MASKED_IMAGES]:
        label = dataset.image_label(int(image_id))
        try:
            masks, class_ids = dataset.load_mask(int(image_id))
        except DataError as error:
            yield Finding("unreadable mask", "error", str(error), (label,))
            continue
        masks = np.asarray(masks)
        sizes = masks.sum(axis=(0, 1))
        for number in np.flatnonzero(sizes == 0):
            text = f"The mask of object {number + 1} of {label} is empty."
            yield Finding("empty mask", "warning", text, (label,))
        yield from _elsewhere(dataset.load_boxes(int(image_id))[0], masks, label)
        if masks.sum() == masks.any(axis=2).sum():
            continue
        flat = masks.reshape(-1, masks.shape[2]).astype(np.float32)
        shared = np.triu(flat.T @ flat, 1)
        smaller = np.minimum(sizes[:, None], sizes[None])
        for first, second in np.argwhere(shared > COVERED * np.maximum(smaller, 1)):
            if class_ids[first] > 0 and class_ids[second] > 0:
                text = f"The masks of objects {first + 1} and {second + 1} of {label} overlap by "
                text += f"{shared[first, second] / max(smaller[first, second], 1):.0%}."
                yield Finding("overlapping masks", "note", text, (label,))


def _elsewhere(boxes: np.ndarray, masks: np.ndarray, label: str) -> Iterator[Finding]:
    """Objects whose box and mask hardly overlap."""
    around = boxes_from_masks(masks)
    for number in np.flatnonzero(masks.any(axis=(0, 1))):
        given, drawn = (rows[number].tolist() for rows in (boxes, around))
        if share_in_common(given, drawn) < AGREEING:
            text = f"The box of object {number + 1} of {label} is {_shown(given)}, but its outline "
            text += f"lies in {_shown(drawn)} (y1, x1, y2, x2); corners may stand in the place of "
            text += "width and height."
            yield Finding("box and outline disagree", "warning", text, (label,))


def _shown(box: Sequence[float]) -> str:
    return f"({', '.join(f'{side:g}' for side in box)})"


def check_classes(names: dict[str, int]) -> Iterator[Finding]:
    """Near misses among class names (by count), and classes with few objects."""
    known = {name: count for name, count in names.items() if name and count}
    listed = sorted(known, key=lambda name: -known[name])
    for name, other in near_misses(listed, [known[name] for name in listed]):
        text = f"Class {name!r} ({known[name]} objects) is nearly {other!r} "
        yield Finding("near-miss class name", "warning", text + f"({known[other]}).")
    if len(listed) > 1 and known[listed[0]] > _UNBALANCED * known[listed[-1]]:
        text = f"{listed[0]!r} has {known[listed[0]]} objects and {listed[-1]!r} "
        yield Finding("unbalanced classes", "note", text + f"{known[listed[-1]]}.")


def check_photos(paths: Sequence[str], progress: bool = False) -> Iterator[Finding]:
    """Photos that cannot be read, odd EXIF values, the same photo twice or nearly."""
    for path in paths:
        value = _orientation(path)
        if value is not None and not 1 <= value <= 8:
            text = f"{path} carries the EXIF orientation {value}, which does not exist; it is not "
            yield Finding("odd EXIF orientation", "note", text + "turned.", (path,))
    photo_hashes = hashes(paths, progress)
    for path, bits in zip(paths, photo_hashes, strict=True):
        if bits is None:
            try:
                read_image(path)
            except DataError as error:
                yield Finding("unreadable photo", "error", str(error), (path,))
    same = set(same_files(paths))
    for first, second in sorted(same):
        text = f"{paths[first]} and {paths[second]} are the same file."
        yield Finding("same photo twice", "warning", text, (paths[first], paths[second]))
    groups = connected(len(paths), [*near_pairs(photo_hashes), *same])
    for number in np.flatnonzero(np.bincount(groups) > 1):
        members = [paths[int(i)] for i in np.flatnonzero(groups == number)]
        if len(members) == 2 and any(paths[a] in members and paths[b] in members for a, b in same):
            continue
        more = f" and {len(members) - 2} more" if len(members) > 2 else ""
        text = f"{members[0]}, {members[1]}{more} are nearly the same picture; keep them in one "
        text += "part of a split (group='similar')."
        yield Finding("near-identical photos", "warning", text, tuple(members))


def _orientation(path: str) -> int | None:
    try:
        with Image.open(path) as picture:
            value = picture.getexif().get(0x0112)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, int) else None
