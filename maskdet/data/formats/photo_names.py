"""Names of the files that a data set is written as: those of its photos, as far as that goes."""

import re
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import Any

from maskdet.data.dataset import Dataset


def file_names(dataset: Dataset) -> list[str]:
    """A name without ending for each image, safe in every file system and used once.

    The photo's own name, so that a photo is called the same in every format; of photos of one name
    in several folders, the folders that differ stand before it. Made pictures have their id.
    """
    parts = [_parts(info, dataset.gives_photos) for info in dataset.image_info]
    alike: dict[str, list[int]] = {}
    for number, (_, stem) in enumerate(parts):
        alike.setdefault(stem.lower(), []).append(number)  # some file systems do not tell a from A
    taken = {name for name, numbers in alike.items() if len(numbers) == 1}
    names = [stem for _, stem in parts]
    for numbers in alike.values():
        if len(numbers) == 1:
            continue
        folders = _differing([parts[number][0] for number in numbers])
        for number, inner in zip(numbers, folders, strict=True):
            plain = _safe("_".join((*inner, names[number])))
            name, following = plain, 2
            while name.lower() in taken:
                name, following = f"{plain}_{following}", following + 1
            taken.add(name.lower())
            names[number] = name
    return names


def _parts(info: dict[str, Any], is_photo: bool) -> tuple[tuple[str, ...], str]:
    """Folders of an image's photo, and its name without ending, safe in every file system."""
    if not is_photo or not info.get("path"):
        return (), _safe(str(info["id"]))
    path = PureWindowsPath(str(info["path"]))
    return path.parts[:-1], _safe(path.stem)


def _safe(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "image"


def _differing(folders: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Folders without those that all begin with, or all end with."""
    shortest = min(map(len, folders))
    front = 0
    while front < shortest and len({parts[front] for parts in folders}) == 1:
        front += 1
    back = 0
    while back < shortest - front and len({parts[-1 - back] for parts in folders}) == 1:
        back += 1
    return [parts[front : len(parts) - back] for parts in folders]
