"""Which photos a training learns from, and which its figures are of."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.data.formats import image_folders
from maskdet.data.formats.photo_files import files_below, photos_among
from maskdet.data.image_sets import read_image_sets
from maskdet.data.opening import open_dataset
from maskdet.data.own_parts import load_parts
from maskdet.data.split import split
from maskdet.errors import DataError, UsageError

#: Photos with something to learn that a training needs at least: some must be left for figures.
LEAST_PHOTOS = 8
#: Share of the photos that is held out for the figures where the set has no parts of its own.
HELD_OUT = 0.2

# Classes are named up to this many.
_NAMED = 6


@dataclass(frozen=True)
class TrainingData:
    """Photos of a training.

    Attributes:
        parts: what to train on ("train"), to watch ("val") and to test on ("test").
        sentence: what people are told of them.
        divided: the parts that were drawn here, and are not the set's own.
    """

    parts: dict[str, Dataset]
    sentence: str
    divided: dict[str, Dataset] = field(default_factory=dict)


def training_data(
    data: str, test: str | None, held_out: float | None, seed: int, lists: Path | None
) -> TrainingData:
    """What to train on and what to look at; photos that cannot be read are named and left out.

    Args:
        data: path of the data set.
        test: path of another one for the figures.
        held_out: share of the photos that is held out; None: the set's own parts, or HELD_OUT.
        seed: of the split.
        lists: folder with the lists of a split that was made before.

    Raises:
        UsageError: for a share that is none, or too few photos.
        DataError: if a set cannot be read.
    """
    if held_out is not None and not 0 <= held_out < 1:
        raise UsageError(
            f"--held-out is {held_out:g}; give a share of the photos, such as {HELD_OUT}."
        )
    if test is not None:
        return _with_test_set(data, test, held_out)
    own = load_parts(data, on_error="skip") if held_out is None else {}
    if own:
        learned = _learned(data, _enough(own["train"], data))
        others = [f"{name} ({len(own[name].image_ids)})" for name in own if name != "train"]
        text = f"{learned}; it has parts of its own for the figures: {', '.join(others)}."
        return TrainingData(own, text)
    dataset = _enough(whole_set(data), data)
    if held_out == 0:
        text = f"{_learned(data, dataset)}; none is held out, so there will be no figures."
        return TrainingData({"train": dataset}, text)
    if lists is not None and lists.is_dir():
        parts = dict(read_image_sets(dataset, lists))
    else:
        share = HELD_OUT if held_out is None else held_out
        shares = {"train": 1 - share, "val": share}
        parts = dict(split(dataset, shares, seed, group="similar"))
    text = (
        f"{_learned(data, parts['train'])}; {len(parts['val'].image_ids)} more are held out for "
        "the figures (--held-out takes another share, --test another set)."
    )
    return TrainingData(parts, text, parts)


def _with_test_set(data: str, test: str, held_out: float | None) -> TrainingData:
    if held_out:
        raise UsageError(
            "--test gives photos for the figures, --held-out takes some of the set's own; give one."
        )
    dataset = _enough(whole_set(data), data)
    names = [str(name) for name in dataset.class_names[1:]]
    other = open_dataset(test, on_error="skip", classes=names)
    text = f"{_learned(data, dataset)}; the figures will be of {test} ({_photos(other)})."
    return TrainingData({"train": dataset, "test": other}, text)


def _photos(dataset: Dataset) -> str:
    count = len(dataset.image_ids)
    return f"{count} photo" if count == 1 else f"{count} photos"


def _learned(data: str, dataset: Dataset) -> str:
    classes = [str(name) for name in dataset.class_names[1:]]
    of = ", ".join(classes) if len(classes) <= _NAMED else f"{len(classes)} classes"
    return f"{data}: {_photos(dataset)} of {of} to train on"


def whole_set(data: str | os.PathLike[str], **options: Any) -> Dataset:
    """All photos of a set; of one whose parts are sets of their own, the part to train on.

    Args:
        **options: for :meth:`Dataset.load`.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return open_dataset(data, on_error="skip", **options)
    except DataError as error:
        if error.kind != "unknown format":
            raise
        parts = load_parts(data, on_error="skip", **options)
        if parts:
            return parts["train"]
        lack = _what_lacks(Path(data))
        if not lack:
            raise
        raise DataError(f"{data} {lack}", kind=error.kind, path=error.path) from error


def _what_lacks(root: Path) -> str:
    """What a folder lacks to be a data set, where that is plain to see; else ""."""
    if not root.is_dir():
        return ""
    if not any(root.iterdir()):
        return "is an empty folder; put photos and what is said of them into it."
    one_class = image_folders.what_lacks(root)
    if one_class:
        return f"cannot be learned from: {one_class}."
    photos = photos_among(files_below(root))
    if len(photos) < len(files_below(root)):
        return ""
    return (
        f"has photos ({len(photos)}) and no annotations; label them, with LabelImg for example, or "
        "sort them into a folder for each class."
    )


def _enough(dataset: Dataset, data: str) -> Dataset:
    """A set with enough to learn from; raises UsageError where there is too little."""
    useful = sum(_teaches(dataset, int(image_id)) for image_id in dataset.image_ids)
    kind = "with a class" if dataset.gives_labels else "with objects"
    if useful < LEAST_PHOTOS:
        raise UsageError(
            f"{data} has {useful} {'photo' if useful == 1 else 'photos'} {kind}, and a training "
            f"needs at least {LEAST_PHOTOS}, better 50 of each class; label more and come back "
            "(maskdet check says what each file lacks)."
        )
    return dataset


def _teaches(dataset: Any, image_id: int) -> bool:
    return dataset.gives_labels or bool((np.asarray(dataset.load_boxes(image_id)[1]) > 0).any())
