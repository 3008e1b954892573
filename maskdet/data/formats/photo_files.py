"""Finding the photo (or the mask) that belongs to an annotation file in a tree of folders."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePath, PureWindowsPath

from maskdet.data.dataset import Dataset
from maskdet.errors import DataError
from maskdet.files import write_whole
from maskdet.images import photo_endings


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, sorted; hidden ones and those in hidden folders left out.

    Links to folders are followed (photos often lie on another disk), each folder is seen once.
    """
    files: list[Path] = []
    seen: set[str] = set()
    for subfolder, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(subfolder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(subfolder, name) for name in names if not name.startswith(".")]
    return sorted(files)


def plain_name(text: str) -> str:
    r"""The last part of a path as some machine wrote it, ``/`` or ``\`` in between."""
    return PureWindowsPath(text).name


class FilesByName:
    """Files found by their name without ending; of several the one in the nearest folder.

    Near means: many folders in common counted from the root (``train/annots`` with
    ``train/images``) and from the file upwards (``annots/train`` with ``images/train``).

    Args:
        paths: files below ``root``.
        root: folder of the data set.
    """

    def __init__(self, paths: Iterable[Path], root: Path) -> None:
        self._root = root
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in paths:
            self._by_stem[path.stem].append(path)

    def __len__(self) -> int:
        return sum(len(paths) for paths in self._by_stem.values())

    def find(self, annotation: Path, stem: str, name: str = "") -> Path | None:
        """The file called ``stem`` that lies nearest to ``annotation``, or None.

        Args:
            name: the whole name that the annotation states; decides between endings.

        Raises:
            DataError: if several fit equally well.
        """
        candidates = self._by_stem.get(stem, [])
        if len(candidates) > 1:
            nearest = max(self._nearness(annotation, path) for path in candidates)
            candidates = [p for p in candidates if self._nearness(annotation, p) == nearest]
        if len(candidates) > 1 and name:
            candidates = [path for path in candidates if path.name == name] or candidates
        if len(candidates) > 1:
            raise DataError(
                f"Both {candidates[0]} and {candidates[1]} may belong to {annotation}; remove or "
                "rename one of them.",
                kind="ambiguous photo",
                path=annotation,
                photos=candidates[:2],
            )
        return candidates[0] if candidates else None

    def _nearness(self, annotation: Path, path: Path) -> int:
        folders, photo_folders = self._folders(annotation), self._folders(path)
        return _shared(folders, photo_folders) + _shared(folders[::-1], photo_folders[::-1])

    def _folders(self, path: PurePath) -> tuple[str, ...]:
        inside = path.is_relative_to(self._root)
        return (path.relative_to(self._root) if inside else path).parent.parts


def _shared(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count


def file_names(dataset: Dataset) -> list[str]:
    """A name without ending for each image, safe in every file system and used once."""
    names: list[str] = []
    taken: set[str] = set()
    for info in dataset.image_info:
        plain = re.sub(r"[^\w.-]+", "_", str(info["id"])).strip("._") or "image"
        name, number = plain, 2
        while name.lower() in taken:  # some file systems do not tell a from A
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names


def write_photo(dataset: Dataset, image_id: int, folder: Path, name: str) -> Path:
    """Write an image's photo into a folder as it is (made ones as PNG); gives its path.

    Nothing is done where that very file is the photo already.
    """
    content, ending = dataset.encoded_image(image_id)
    target = folder / f"{name}{ending}"
    own = dataset.image_info[image_id].get("path")
    if not (own and target.exists() and Path(own).exists() and target.samefile(own)):
        write_whole(target, content)
    return target


class PhotoFinder:
    """Photos of a data set by the names that annotations give them, however they were written.

    Args:
        root: folder of the data set (or the folder of a single annotation file).
    """

    def __init__(self, root: Path) -> None:
        endings = photo_endings()
        self._root = root
        files = (file for file in files_below(root) if file.suffix.lower() in endings)
        self._by_name = FilesByName(files, root)

    def find(self, annotation: Path, stated: str) -> Path:
        """The photo: at its stated path beside the annotation or the root, else by its name.

        A path that does not exist is given if there is no such photo.

        Raises:
            DataError: if several fit equally well, or the name is none.
        """
        name = plain_name(stated)
        if not name or "\0" in stated:
            raise DataError(
                f"{annotation} names no photo ({stated!r}); give it one.",
                kind="photo without name",
                path=annotation,
            )
        inner = stated.replace("\\", "/")
        if not inner.startswith("/"):
            for folder in (annotation.parent, self._root):
                try:
                    if (folder / inner).is_file():
                        return folder / inner
                except OSError:  # a name too long for any file
                    break
        photo = self._by_name.find(annotation, Path(name).stem, name)
        # The same stem with another ending is another photo, unless it is the only one.
        if photo is not None:
            return photo
        return annotation.parent / name[:200]
