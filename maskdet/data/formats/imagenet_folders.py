"""Where ImageNet keeps what belongs to its XML files: photos, parts, lists, words.

``Annotations/CLS-LOC/train/n01440764/*.xml`` has its photos in
``Data/CLS-LOC/train/n01440764/*.JPEG``, in older copies in ``n01440764/*.JPEG`` beside
``Annotations``.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from maskdet.data.formats.synsets import is_synset

# Its tasks: classes with boxes, and detection, whose folders are laid out alike.
_TASKS = ("CLS-LOC", "DET")
# How many folders above a data set's own the words of its ids are looked for.
_ABOVE = 3


def _home(path: Path) -> Path | None:
    """The folder in which the ``Annotations`` lies that a path is, or is in; None if it is not."""
    for folder in (path, *path.parents):
        if folder.name == "Annotations":
            return folder.parent
    return None


def photo_folders(annotations: Path) -> list[Path]:
    """Folders with the photos of a folder of XML files, which is ``Annotations`` or in it."""
    folder = Path(os.path.abspath(annotations))
    home = _home(folder)
    if home is None or not folder.is_dir():
        return []
    inner = folder.relative_to(home / "Annotations")
    data = home / "Data"
    if inner.parts:
        places = (data, data / _TASKS[0], data / _TASKS[0] / "train", home)
        return [place / inner for place in places if (place / inner).is_dir()][:1]
    if data.is_dir():
        return [data]
    return [home / name for name in sorted(os.listdir(folder)) if _is_synset_folder(home / name)]


def _is_synset_folder(path: Path) -> bool:
    return is_synset(path.name) and path.is_dir()


def parts_folder(root: Path) -> Path | None:
    """The folder with one folder of XML files for each part (``Annotations/CLS-LOC``), for the
    set's own folder, one above it or one on the way; None where there is no such folder, or
    several.
    """
    if root.name in _TASKS and root.parent.name == "Annotations":
        return root
    below = ("", "Annotations/", "*/Annotations/") if root.name == "Annotations" else (
        "Annotations/", "*/Annotations/"
    )  # fmt: skip
    for start in below:
        folders = [f for task in _TASKS for f in root.glob(start + task) if f.is_dir()]
        if folders:
            return folders[0] if len(folders) == 1 else None
    return None


def list_folders(root: Path) -> list[Path]:
    """Folders with lists of images, for the set's own folder or one above it."""
    starts = ("ImageSets/", "*/ImageSets/")
    return [f for start in starts for task in _TASKS for f in root.glob(start + task)]


def folders_above(root: Path) -> list[Path]:
    """Folders outside a data set's own in which the words of its ids may lie, nearest first:
    three above it, that of ``Annotations``, and the one above that."""
    folder = Path(os.path.abspath(root))
    above = list(folder.parents)[:_ABOVE]
    home = _home(folder)
    if home is not None and home != folder:
        above += [home, home.parent]
    return list(dict.fromkeys(above))


def folders_of_words(root: Path, annotations: Iterable[Path]) -> list[Path]:
    """Where the words of a set's ids may lie: its folder, those on the way to its first XML file,
    and those above it."""
    first = next(iter(annotations), root)
    way = [folder for folder in first.parents if folder.is_relative_to(root)]
    return list(dict.fromkeys([root, *reversed(way), *folders_above(root)]))
