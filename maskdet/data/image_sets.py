"""Lists of images by part, as VOC keeps them in ``ImageSets/Main``: a text file, an id a line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from maskdet.data.dataset import Dataset
from maskdet.data.formats.image_lists import listed_names
from maskdet.data.formats.names_alike import NamesAlike
from maskdet.errors import DataError
from maskdet.files import write_whole

AnyDataset = TypeVar("AnyDataset", bound=Dataset)


def write_image_sets(folder: str | os.PathLike[str], parts: Mapping[str, Dataset]) -> None:
    """Write ``<part>.txt`` for each part, the ids of its images in order.

    Raises:
        DataError: for an id that a line cannot hold.
    """
    for name, part in parts.items():
        ids = [str(info["id"]) for info in part.image_info]
        for image_id in ids:
            if not image_id.strip() or image_id != image_id.strip() or "\n" in image_id:
                raise DataError(
                    f"The image id {image_id!r} does not fit a line; rename the image.",
                    kind="unusable image id",
                )
        write_whole(Path(folder) / f"{name}.txt", "".join(f"{image_id}\n" for image_id in ids))


def read_image_sets(dataset: AnyDataset, folder: str | os.PathLike[str]) -> dict[str, AnyDataset]:
    """Parts of a data set by the name of their list.

    Raises:
        DataError: if there is no list, or one names an image that the set has not.
    """
    files = sorted(Path(folder).glob("*.txt"))
    if not files:
        raise DataError(
            f"There are no lists (*.txt) in {Path(folder)}; check the path.",
            kind="missing image set",
            path=folder,
        )
    numbers = _numbers(dataset)
    return {file.stem: dataset.subset(_listed(file, numbers)) for file in files}


def read_image_list(dataset: AnyDataset, file: str | os.PathLike[str]) -> AnyDataset:
    """The part of a data set that one list names.

    VOC's lists for single classes (an id and 1, 0 or -1) count too: lines with -1 are left out.

    Raises:
        DataError: if the list cannot be read, or names an image that the set has not.
    """
    return dataset.subset(_listed(Path(file), _numbers(dataset)))


def _numbers(dataset: Dataset) -> NamesAlike:
    return NamesAlike((str(info["id"]), i) for i, info in enumerate(dataset.image_info))


def _listed(file: Path, numbers: NamesAlike) -> list[int]:
    """Ids of the images that a list names."""
    image_ids = []
    for line, name, mark in listed_names(file, numbers.find):
        if not numbers.find(name):
            raise DataError(
                f"{file}, line {line} lists {name!r}, which the data set has not; remove the "
                "line or add the image.",
                kind="image not listed",
                path=file,
                line=line,
            )
        if mark != "-1":
            image_ids.append(numbers.find(name)[-1])
    return image_ids
