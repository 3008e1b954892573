"""A data set written in another format, and read back before it counts as done."""

import os
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.data.format_names import format_key
from maskdet.data.formats.photo_files import linked_photos
from maskdet.data.written_folder import written_folder
from maskdet.errors import DataError, MaskdetError, MaskdetWarning, UsageError


@dataclass(frozen=True)
class SetContents:
    """What is in a data set, in numbers.

    Attributes:
        photos: images.
        by_class: objects by their class's full name, crowds left out; of a set with a class for
            each image the images.
        crowds: objects that are crowds, by class.
        difficult: objects marked so that an evaluation passes over them.
        labels: whether each image has a class as a whole.
        masks: whether objects have masks of their own.
    """

    photos: int
    by_class: Mapping[str, int]
    crowds: Mapping[str, int]
    difficult: int
    labels: bool
    masks: bool

    @property
    def objects(self) -> int:
        """Objects, or images with a class."""
        return sum(self.by_class.values())

    def sentence(self) -> str:
        """In words: photos, objects, classes."""
        used = sum(count > 0 for count in self.by_class.values())
        objects = "" if self.labels else f", {counted(self.objects, 'object')}"
        return f"{counted(self.photos, 'photo')}{objects}, {counted(used, 'class', 'classes')}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 photo", "2 photos"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def contents_of(dataset: Dataset) -> SetContents:
    """Count what is in a prepared data set."""
    names = [str(info["name"]) for info in dataset.class_info]
    objects: Counter[str] = Counter(dict.fromkeys(names[1:], 0))
    crowds: Counter[str] = Counter()
    difficult = 0
    for image_id in range(len(dataset.image_info)):
        if dataset.gives_labels:
            objects[names[dataset.load_label(image_id)]] += 1
            continue
        class_ids = np.asarray(dataset.load_boxes(image_id)[1], dtype=np.int64)
        objects.update(names[k] for k in class_ids[class_ids > 0].tolist())
        crowds.update(names[-k] for k in class_ids[class_ids < 0].tolist())
        difficult += int(np.asarray(dataset.load_difficult(image_id))[class_ids > 0].sum())
    return SetContents(
        len(dataset.image_info),
        dict(objects),
        dict(crowds),
        difficult,
        bool(dataset.gives_labels),
        not dataset.gives_labels and bool(dataset.provides_masks),
    )


def losses(contents: SetContents, form: Any) -> list[str]:
    """What a format cannot hold of a data set, a sentence each.

    Raises:
        UsageError: where it is the set's very subject: classes of whole photos, or objects.
    """
    holds, name = form.HOLDS, form.NAME
    if contents.labels and "labels" not in holds:
        raise UsageError(
            f"Each photo has a class as a whole and no boxes, which {name} cannot hold; convert to "
            "image_folders, or draw boxes first."
        )
    if "labels" in holds and not contents.labels:
        raise UsageError(
            f"{name} hold one class for each photo, but this data set has objects; convert to a "
            "format with boxes, such as voc, coco or yolo."
        )
    lost = []
    if contents.masks and "masks" not in holds:
        lost.append(f"{name} cannot hold masks: the boxes alone are written.")
    if not contents.masks and holds.isdisjoint({"boxes", "labels"}):
        lost.append(f"{name} cannot hold boxes: they are written as filled masks.")
    crowds = sum(contents.crowds.values())
    if crowds and "crowds as difficult" in holds:
        lost.append(f"{name} cannot hold crowds: {crowds} written as difficult objects.")
    elif crowds and "crowds" not in holds:
        lost.append(f"{name} cannot hold crowds: {crowds} left out.")
    if contents.difficult and "difficult" not in holds:
        marks = counted(contents.difficult, "object")
        lost.append(f"{name} cannot hold the mark 'difficult': {marks} written without it.")
    return lost


def convert(
    dataset: Dataset,
    path: str | os.PathLike[str],
    form: Any,
    link: bool = False,
    strict: bool = True,
) -> SetContents:
    """Write a data set as a folder in some format, whole or not at all.

    It is read back first: photos and objects of each class must be as many as there were, but for
    what the format cannot hold (see :func:`losses`).

    Args:
        path: of the folder; what an earlier call has written there is replaced.
        form: a module of :data:`maskdet.data.formats.FORMATS`.
        link: photos become links to the data set's own files in place of copies.
        strict: refuse a result that differs; False: warn of it.

    Returns:
        What is in the folder now.

    Raises:
        UsageError: if the format cannot hold such a set, or photos cannot be links in it.
        DataError: if what is read back differs.
    """
    with written_folder(path) as stage:
        return write_checked(dataset, stage, form, link, strict, shown_as=os.fspath(path))


def write_checked(
    dataset: Dataset,
    folder: Path,
    form: Any,
    link: bool = False,
    strict: bool = True,
    shown_as: str = "",
) -> SetContents:
    """Write a data set into a folder and compare what is read back; as :func:`convert`, in place.

    Args:
        shown_as: the folder's name in messages.
    """
    if link and "photos" in form.HOLDS:
        raise UsageError(f"{form.NAME} has the photos in its own files; leave --link out.")
    contents = contents_of(dataset)
    losses(contents, form)
    with linked_photos(link):
        form.write(dataset, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)  # of what the first reading told already
        try:
            read_back = contents_of(form.read(folder))
            problem = _difference(_expected(contents, form), read_back)
        except MaskdetError as error:
            read_back = contents
            problem = str(error).replace(os.fspath(folder), shown_as).rstrip(".")
    if problem and strict:
        raise DataError(
            f"Nothing was written to {shown_as}, since it could not be read back as {form.NAME} "
            f"({problem}); check the data set, or choose another format than {format_key(form)}.",
            kind="wrong value",
        )
    if problem:
        warnings.warn(
            f"{shown_as} is not quite what was to be written as {form.NAME} ({problem}).",
            MaskdetWarning,
            stacklevel=2,
        )
    return read_back


def _expected(contents: SetContents, form: Any) -> Mapping[str, int]:
    """Objects by class that must come back, "" for the photos."""
    objects = Counter(contents.by_class)
    if "crowds as difficult" in form.HOLDS:
        objects.update(contents.crowds)
    return {"": contents.photos, **{name: n for name, n in objects.items() if n}}


def _difference(expected: Mapping[str, int], read_back: SetContents) -> str:
    """The first number that differs, in words; "" where none does."""
    numbers = {"": read_back.photos, **read_back.by_class}
    for name in [*expected, *(name for name in numbers if name not in expected)]:
        wanted, came = expected.get(name, 0), numbers.get(name, 0)
        if wanted != came:
            what = f"objects of {name!r}" if name else "photos"
            return f"{came} in place of {wanted} {what}"
    return ""
