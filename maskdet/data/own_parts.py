"""The parts that a data set comes with: lists, folders or splits for training and for testing."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.formats import FORMATS, image_folders, voc, yolo
from maskdet.data.formats.imagenet_folders import parts_folder
from maskdet.data.image_sets import read_image_list
from maskdet.errors import DataError, MaskdetError, MaskdetWarning

#: What people call each part, the usual word first.
WORDS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training", "trainval"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "eval"),
}
# Where VOC sets keep their lists.
_LISTS = Path("ImageSets", "Main")


def load_parts(path: str | os.PathLike[str], **options: Any) -> dict[str, Dataset]:
    """A data set's own parts by "train", "val" and "test"; {} where it has no part to train on, or
    none beside it.

    They are VOC's lists in ``ImageSets/Main``, ImageNet's folders in ``Annotations/CLS-LOC``, the
    splits of YOLO's .yaml, or sub-folders with such names that are data sets themselves. All have
    the classes of the part to train on.

    Args:
        path: of the whole set.
        **options: for :meth:`Dataset.load`.

    Raises:
        DataError: if a part cannot be read, or has a class that the part to train on has not.
    """
    root = Path(path)
    form = next((form for form in FORMATS if form.recognise(root)), None)
    if form is voc and _by_word((root / _LISTS).glob("*.txt")):
        parts = _voc_lists(root, options)
    elif form is voc and (folder := parts_folder(root)) is not None:
        parts = _annotation_folders(root, folder, options)
    elif form is yolo:
        parts = _splits(root, options)
    elif form is image_folders:
        parts = _photo_folders(root, options)
    else:
        parts = _sub_folders(root, options)
    return parts if "train" in parts and len(parts) > 1 else {}


def _by_word(paths: Iterable[Path]) -> dict[str, Path]:
    """The paths that are called as parts are, by part."""
    by_name = {path.stem.lower(): path for path in sorted(paths)}
    return {
        part: by_name[name]
        for part, words in WORDS.items()
        if (name := next((word for word in words if word in by_name), None))
    }


def _voc_lists(root: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    whole = Dataset.load(root, **options)
    lists = _by_word((root / _LISTS).glob("*.txt"))
    parts = {part: read_image_list(whole, file) for part, file in lists.items()}
    return {part: dataset for part, dataset in parts.items() if len(dataset.image_ids)}


def _annotation_folders(root: Path, folder: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    """Parts of one set by the sub-folder of ``folder`` in which an image's XML file lies."""
    whole = Dataset.load(root, **options)
    part_of = {path.name: part for part, path in _by_word(_sub_folders_of(folder)).items()}
    image_ids: dict[str, list[int]] = {part: [] for part in WORDS}
    for image_id, info in enumerate(whole.image_info):
        annotation = Path(info["annotation"])
        inner = annotation.relative_to(folder).parts if annotation.is_relative_to(folder) else ()
        if inner and inner[0] in part_of:
            image_ids[part_of[inner[0]]].append(image_id)
    return {part: whole.subset(rows) for part, rows in image_ids.items() if rows}


def _splits(root: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    """The splits of a format that knows them itself."""
    parts = {}
    for part in WORDS:
        try:
            parts[part] = Dataset.load(root, split=part, **options)
        except DataError as error:
            if error.kind not in ("missing image set", "no images", "missing path"):
                raise
    return parts


def _photo_folders(root: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    """Parts of folders of classes, which are numbered as those of the part to train on."""
    folders = _by_word(_sub_folders_of(root))
    return {
        part: Dataset.load(root, split=folder.name, **options)
        for part, folder in folders.items()
        if folder.name in image_folders.SPLITS
    }


def _sub_folders_of(root: Path) -> list[Path]:
    return [entry for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []


def _sub_folders(root: Path, options: Mapping[str, Any]) -> dict[str, Dataset]:
    folders = _by_word(_sub_folders_of(root))
    if "train" not in folders or len(folders) < 2:
        return {}
    train = Dataset.load(folders.pop("train"), **options)
    return {
        "train": train,
        **{part: _with_classes_of(train, folder, options) for part, folder in folders.items()},
    }


def _with_classes_of(train: Dataset, place: Path, options: Mapping[str, Any]) -> Dataset:
    """A part with the training part's classes, of which it may have fewer."""
    names = [str(name) for name in train.class_names[1:]]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", MaskdetWarning)
        part = Dataset.load(place, **options)
    if list(part.class_names[1:]) != names:
        return Dataset.load(place, **{**options, "classes": names})
    for entry in said:
        warnings.warn(entry.message, stacklevel=4)
    return part


def part_names(path: str | os.PathLike[str]) -> tuple[tuple[str, str] | None, bool]:
    """Names of the parts to train on and to test on as one line of a script loads them, and whether
    they are folders of their own.

    A part is a folder below ``path`` that is a data set by itself, or else what the format's
    ``split`` chooses.

    Returns:
        (None, False) where the set is one whole.
    """

    def in_folder(part: str) -> Dataset:
        return Dataset.load(Path(path) / part, on_error="skip")

    def in_split(part: str) -> Dataset:
        return Dataset.load(path, split=part, on_error="skip")

    for load, are_folders in ((in_folder, True), (in_split, False)):
        train = next((word for word in WORDS["train"] if _opens(load, word)), None)
        if train is not None:
            others = (*WORDS["val"], *WORDS["test"])
            test = next((word for word in others if _opens(load, word)), None)
            if test is not None:
                return (train, test), are_folders
    return None, False


def _opens(load: Callable[[str], Dataset], part: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)
        try:
            dataset: Any = load(part)
        except (MaskdetError, TypeError):  # formats without parts know no split
            return False
    return len(dataset.image_info) > 0
