"""Folders of photos, a folder for each class: sets for classification."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.formats.class_folders import class_of_folder, folder_of_class
from maskdet.data.formats.photo_files import files_below, photos_among, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, UsageError
from maskdet.images import check_image, photo_endings

Array = NDArray[Any]
NAME = "image folders"
LOOKS_FOR = "a folder of photos for each class"
HOLDS = frozenset({"labels"})
SPLITS = ("train", "val", "valid", "test")


class ImageFolderDataset(Dataset):
    """Photos with a class each, and no objects.

    ``image_info`` holds ``label``, the class id of each image.
    """

    @property
    def labels(self) -> Array:
        """Class ids int32 (images,)."""
        return np.array([info["label"] for info in self.image_info], dtype=np.int32)

    def load_label(self, image_id: int) -> int:
        """The class id of an image."""
        return int(self.image_info[image_id]["label"])

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """None: boxes float32 (0, 4) and class ids int32 (0,)."""
        return np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int32)

    def image_reference(self, image_id: int) -> str:
        """The photo's path."""
        return str(self.image_info[image_id]["path"])


def _classes(root: Path) -> dict[str, list[Path]]:
    """Photos by class, of a folder with a folder for each class."""
    photos_by_class = {}
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        photos = photos_among(files_below(folder))
        if photos:
            photos_by_class[class_of_folder(folder.name)] = photos
    return photos_by_class


def _empty_folders(part: Path) -> list[Path]:
    """Folders directly below one that hold no file at all, sorted."""
    folders = (p for p in part.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted(p for p in folders if not any(f.is_file() for f in p.rglob("*")))


def _parts(root: Path) -> list[Path]:
    """``train``, ``val`` ... below a folder, or the folder itself."""
    return [root / name for name in SPLITS if (root / name).is_dir()] or [root]


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds photos in folders of two classes or more, and nothing beside.

    Of parts, the first must have two classes; others may have one.
    """
    root = Path(path)
    if not root.is_dir():
        return False
    parts = _parts(root)
    least = [2, *[1] * (len(parts) - 1)]
    return not any(_has_loose_photos(part) for part in parts) and all(
        len(_classes(part)) >= classes for part, classes in zip(parts, least, strict=True)
    )


def _has_loose_photos(part: Path) -> bool:
    endings = photo_endings()
    return any(f.is_file() and f.suffix.lower() in endings for f in part.iterdir())


def what_lacks(path: str | os.PathLike[str]) -> str:
    """What a folder lacks to be such a set, where it has one class alone; "" for any other."""
    root = Path(path)
    if not root.is_dir():
        return ""
    part = _parts(root)[0]
    classes = list(_classes(part))
    if len(classes) != 1 or _has_loose_photos(part):
        return ""
    empty = [folder.name for folder in _empty_folders(part)]
    also = f" (empty: {', '.join(empty)})" if empty else ""
    return (
        f"photos lie in one folder alone, {part / folder_of_class(classes[0])}{also}, and to tell "
        "classes apart takes two or more, a folder each"
    )


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    split: str | None = None,
) -> ImageFolderDataset:
    """A prepared data set for classification.

    Args:
        classes: names in the order of their ids; by default all folders, sorted: those of train/,
            where there is one.
        split: "train", "val" or "test" alone, where there are such folders.

    Raises:
        DataError: for a photo that is damaged, a folder of an unknown class or of one that train/
            lacks, one that is empty, or none at all.
        UsageError: for another ``split``.
    """
    root = Path(path)
    if split not in (None, *SPLITS):
        raise UsageError(f"split must be one of {', '.join(SPLITS)}, but is {split!r}.")
    parts = _parts(root) if split is None else [root / split]
    if not all(part.is_dir() for part in parts):
        raise DataError(
            f"There is no folder {parts[0]}; check the path and split.",
            kind="missing path",
            path=parts[0],
        )
    photos = [
        (name, file) for part in parts for name, files in _classes(part).items() for file in files
    ]
    names = list(classes) if classes is not None else _names(root, photos)
    for empty in (folder for part in parts for folder in _empty_folders(part)):
        refuse(_empty_class(empty), on_error == "skip")
    dataset = ImageFolderDataset()
    for number, name in enumerate(names, start=1):
        dataset.add_class("folders", number, name)
    for name, file in photos:
        try:
            if name not in names:
                raise _unknown_class(root, name, file, classes is None)
            check_image(file)
        except DataError as error:
            refuse(error, on_error == "skip")
            continue
        image_id = file.relative_to(root).as_posix()
        dataset.add_image("folders", image_id, str(file), label=names.index(name) + 1)
    if not dataset.image_info:
        raise DataError(
            f"There are no photos in folders of classes at {path}; give a folder that has one of "
            "photos for each class.",
            kind="no images",
            path=path,
        )
    dataset.prepare()
    return dataset


def _names(root: Path, photos: list[tuple[str, Path]]) -> list[str]:
    """Names of classes in the order of their ids: what a classifier has learned counts."""
    learned = root / SPLITS[0]
    if learned.is_dir():
        return sorted(_classes(learned))
    return sorted({name for name, _ in photos})


def _empty_class(folder: Path) -> DataError:
    return DataError(
        f"{folder} is a class's folder without a photo; put some in, or remove it.",
        kind="no images",
        path=folder,
    )


def _unknown_class(root: Path, name: str, file: Path, from_folders: bool) -> DataError:
    text = f"{file} lies in a folder of no known class ({name!r})."
    if from_folders:
        text = (
            f"{file} is of class {name!r}, which {root / SPLITS[0]} has no folder for; nobody can "
            "learn it there: add photos of it, or take the folder away."
        )
    return DataError(text, kind="unlisted class", path=file)


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write each photo into the folder of its class.

    Raises:
        UsageError: if the set has no class for each image.
    """
    if not isinstance(dataset, ImageFolderDataset):
        raise UsageError("Only a set with one class an image can be written as image folders.")
    for image_id, name in enumerate(file_names(dataset)):
        kind = folder_of_class(str(dataset.class_info[dataset.load_label(image_id)]["name"]))
        write_photo(dataset, image_id, Path(path) / kind, name)
