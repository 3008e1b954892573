"""The parts that a data set comes with: lists, folders or splits for training and for testing."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.formats import voc, yolo
from maskdet.data.image_sets import read_image_sets
from maskdet.errors import DataError, MaskdetWarning

#: What people call each part, the usual word first.
WORDS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "eval"),
}
# Where VOC sets keep their lists.
_LISTS = Path("ImageSets", "Main")


def load_parts(path: str | os.PathLike[str], **options: Any) -> dict[str, Dataset]:
    """A data set's own parts by "train", "val" and "test"; {} where it has no part to train on, or
    none beside it.

    They are VOC's lists in ``ImageSets/Main``, the splits of YOLO's .yaml, or sub-folders with such
    names that are data sets themselves. All have the classes of the part to train on.

    Args:
        path: of the whole set.
        **options: for :meth:`Dataset.load`.

    Raises:
        DataError: if a part cannot be read, or has a class that the part to train on has not.
    """
    root = Path(path)
    if voc.recognise(root) and (root / _LISTS).is_dir() and any((root / _LISTS).glob("*.txt")):
        parts = _by_word(read_image_sets(Dataset.load(root, **options), root / _LISTS))
    elif yolo.recognise(root):
        parts = _yolo_splits(root, options)
    else:
        parts = _sub_folders(root, options)
    return parts if "train" in parts and len(parts) > 1 else {}


def _by_word(named: Mapping[str, Dataset]) -> dict[str, Dataset]:
    by_name = {name.lower(): part for name, part in named.items()}
    parts = {}
    for part, words in WORDS.items():
        name = next((word for word in words if word in by_name), None)
        if name is not None and len(by_name[name].image_ids):
            parts[part] = by_name[name]
    return parts


def _yolo_splits(root: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    parts = {}
    for part in WORDS:
        try:
            parts[part] = Dataset.load(root, split=part, **options)
        except DataError as error:
            if error.kind not in ("missing image set", "no images", "missing path"):
                raise
    return parts


def _sub_folders(root: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    if not root.is_dir():
        return {}
    folders = {entry.name.lower(): entry for entry in sorted(root.iterdir()) if entry.is_dir()}
    places = {
        part: folders[word] for part, words in WORDS.items() for word in words if word in folders
    }
    if "train" not in places or len(places) < 2:
        return {}
    train = Dataset.load(places.pop("train"), **options)
    parts = {"train": train}
    for part, place in places.items():
        parts[part] = _with_classes_of(train, place, options)
    return parts


def _with_classes_of(train: Dataset, place: Path, options: Mapping[str, Any]) -> Dataset:
    """A part with the training part's classes, of which it may have fewer."""
    names = [str(name) for name in train.class_names[1:]]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", MaskdetWarning)
        part = Dataset.load(place, **options)
    if list(part.class_names[1:]) != names:
        return Dataset.load(place, classes=names, **options)
    for entry in said:
        warnings.warn(entry.message, stacklevel=4)
    return part
