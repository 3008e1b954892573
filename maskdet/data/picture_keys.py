"""No photo stands twice in a data set, and no two have one id."""

import os
import warnings
from collections import Counter
from collections.abc import Hashable, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.pictures import embedded_bytes
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, DataWarning

Array = NDArray[Any]
#: What ``image_info`` will hold for an image.
Entry = dict[str, Any]
# Two records' boxes of one object differ by no more, in pixels.
_SAME = 0.01
_BY_OBJECT = (
    *("boxes", "names", "shapes", "places"),
    *("crowd", "difficult", "truncated", "occluded"),
)


def each_photo_once(
    entries: Sequence[Entry], one_file_each: bool = False, skip: bool = False
) -> list[Entry]:
    """Entries of one photo file put together, an object that both describe counted once; warned of.

    Args:
        one_file_each: a format with a file for each photo: then a second one is a mistake.
        skip: of such a mistake warn, and leave the second one out.

    Raises:
        DataError: for a second description, where there must be one.
    """
    by_photo: dict[Any, Entry] = {}
    photo_of = _PhotoKeys(entries)
    twice: list[str] = []
    for entry in entries:
        photo = photo_of(entry)
        first = by_photo.setdefault(photo, entry)
        if first is entry:
            continue
        both = f"{first['annotation']} and {entry['annotation']}"
        if one_file_each:
            error = DataError(
                f"Both {both} describe the photo {entry['path']}; remove or move one of them.",
                kind="photo described twice",
                photos=(entry["path"],),
            )
            refuse(error, skip, f"{entry['annotation']} is left out")
            continue
        twice.append(f"{entry['path']} by {both}")
        by_photo[photo] = _joined(first, entry)
    if twice:
        text = (
            f"{len(twice)} photos are described twice, the first is {twice[0]}; their objects are "
            "put together, those that both describe once."
        )
        warnings.warn(DataWarning(text, "photo described twice"), stacklevel=5)
    return list(by_photo.values())


class _PhotoKeys:
    """What two entries of one photo share: its real path, or inside larger files name and content.

    Args:
        entries: all of the data set.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._folders: dict[str, str] = {}
        # Only photos of one name need to be compared.
        self._names = Counter(entry["path"] for entry in entries if entry["embedded"] is not None)

    def __call__(self, entry: Entry) -> Hashable:
        path, embedded = entry["path"], entry["embedded"]
        if embedded is not None:
            alone = self._names[path] == 1
            return path, embedded if alone else sha256(embedded_bytes(embedded)).digest()
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)


def _joined(first: Entry, second: Entry) -> Entry:
    """One entry with the objects of both; of an object in both that with an outline."""
    joined = dict(first)
    joined["shapes"] = list(first["shapes"])
    free = set(range(len(first["names"])))
    added = []
    for i, name in enumerate(second["names"]):
        same = [
            j
            for j in sorted(free)
            if first["names"][j] == name
            and first["crowd"][j] == second["crowd"][i]
            and np.abs(first["boxes"][j] - second["boxes"][i]).max() <= _SAME
        ]
        if same:
            free.discard(same[0])
            if joined["shapes"][same[0]] is None:
                joined["shapes"][same[0]] = second["shapes"][i]
        else:
            added.append(i)
    for key in _BY_OBJECT:
        if isinstance(first[key], np.ndarray):
            joined[key] = np.concatenate([first[key], second[key][added]])
        else:
            joined[key] = [*joined[key], *(second[key][i] for i in added)]
    return joined


def each_id_once(entries: Sequence[Entry]) -> None:
    """Give images of one id others, in place: their photos' paths below their common folder,
    without ending; where that does not tell them apart, numbered."""
    uses = Counter(_key(entry) for entry in entries)
    twice = [entry for entry in entries if uses[_key(entry)] > 1]
    if not twice:
        return
    taken = {key for key, number in uses.items() if number == 1}
    paths = [Path(os.path.abspath(entry["path"])) for entry in twice]
    try:
        folder = os.path.commonpath([path.parent for path in paths])
    except ValueError:  # on several drives
        folder = ""
    for entry, path in zip(twice, paths, strict=True):
        embedded = entry["embedded"] is not None
        name = str(entry["id"]) if embedded else _below(path, folder)
        entry["id"] = name
        numbers = count(2)
        while _key(entry) in taken:
            entry["id"] = f"{name}_{next(numbers)}"
        taken.add(_key(entry))


def _below(path: Path, folder: str) -> str:
    name = path.with_suffix("")
    return (name.relative_to(folder) if folder else name).as_posix()


def _key(entry: Entry) -> tuple[str | None, str]:
    return entry["source"], str(entry["id"])
