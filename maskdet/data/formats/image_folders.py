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


def _parts(root: Path) -> list[Path]:
    """``train``, ``val`` ... below a folder, or the folder itself."""
    return [root / name for name in SPLITS if (root / name).is_dir()] or [root]


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds photos in folders of two classes or more, and nothing beside."""
    root = Path(path)
    if not root.is_dir():
        return False
    endings = photo_endings()
    for part in _parts(root):
        loose = [f for f in part.iterdir() if f.is_file() and f.suffix.lower() in endings]
        if loose or len(_classes(part)) < 2:
            return False
    return True


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    split: str | None = None,
) -> ImageFolderDataset:
    """A prepared data set for classification.

    Args:
        classes: names in the order of their ids; by default all folders, sorted.
        split: "train", "val" or "test" alone, where there are such folders.

    Raises:
        DataError: for a photo that is damaged, a folder of an unknown class, or none at all.
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
    names = list(classes) if classes is not None else sorted({name for name, _ in photos})
    dataset = ImageFolderDataset()
    for number, name in enumerate(names, start=1):
        dataset.add_class("folders", number, name)
    for name, file in photos:
        try:
            if name not in names:
                raise DataError(
                    f"{file} lies in a folder of no known class ({name!r}).",
                    kind="unlisted class",
                    path=file,
                )
            check_image(file)
        except DataError as error:
            refuse(error, on_error == "skip")
            continue
        image_id = file.relative_to(root).as_posix()
        dataset.add_image("folders", image_id, str(file), label=names.index(name) + 1)
    if not dataset.image_info:
        raise DataError(
            f"There are no photos in folders of classes at {path}.", kind="no images", path=path
        )
    dataset.prepare()
    return dataset


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
