"""Images that belong together, so that no part of a split has seen what another is tested on."""

import os
import re
from collections.abc import Callable, Hashable
from pathlib import PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.similar import similar_groups
from maskdet.errors import UsageError

Array = NDArray[Any]
#: What ``split`` takes: "prefix", "similar", or a function of an image's ``image_info``.
Grouping = str | Callable[[dict[str, Any]], Hashable]


def name_prefix(name: str) -> str:
    """What photos of one series share: the file's name without its last number.

    Exporters' additions (``_jpg.rf.<hash>``) are taken off first: ``hall_12_png.rf.5b0.jpg`` and
    ``hall-13.jpg`` both give "hall". A name of digits alone gives "".
    """
    stem = PureWindowsPath(name).name.rsplit(".", 1)[0]
    stem = re.sub(r"\.rf\.[0-9a-f]+$", "", stem)
    stem = re.sub(r"[_.](jpe?g|png|bmp|webp)$", "", stem, flags=re.IGNORECASE)
    return re.sub(r"[\W_]*\d+[a-z]?$", "", stem, flags=re.IGNORECASE)


def _photo_numbers(dataset: Dataset) -> Array:
    """A number for each photo file: images that show one file belong together."""
    count = len(dataset.image_info)
    if not dataset.gives_photos:
        return np.arange(count)
    numbers: dict[Hashable, int] = {}
    rows = []
    for image_id, info in enumerate(dataset.image_info):
        path = info.get("path")
        photo: Hashable = ("alone", image_id)
        if path and info.get("embedded") is None:
            photo = os.path.realpath(str(path))
        rows.append(numbers.setdefault(photo, len(numbers)))
    return np.array(rows, dtype=np.int64)


def group_numbers(dataset: Dataset, group: Grouping | None) -> Array:
    """A number for each image, int (images,); images of one group share it.

    Raises:
        UsageError: for an unknown word, or where all images would be one group.
    """
    count = len(dataset.image_info)
    if group is None:
        return _photo_numbers(dataset)
    if group == "similar":
        return similar_groups(dataset)
    if group == "prefix":
        keys: list[Hashable] = [
            name_prefix(str(info.get("path") or info["id"])) or ("alone", i)
            for i, info in enumerate(dataset.image_info)
        ]
    elif callable(group):
        keys = [group(info) for info in dataset.image_info]
    else:
        raise UsageError(
            f"group must be 'prefix', 'similar' or a function of image_info, but is {group!r}."
        )
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    if len(numbers) == 1 and count > 1:
        raise UsageError(
            f"All {count} images are one group ({next(iter(numbers))!r}), so nothing can be split; "
            "give a function that tells the series apart."
        )
    return np.array([numbers[key] for key in keys])
