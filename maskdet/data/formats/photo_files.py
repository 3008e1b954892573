"""Finding the photo (or the mask) that belongs to an annotation file in a tree of folders."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path, PurePath, PureWindowsPath
from urllib.parse import unquote

from maskdet.data.dataset import Dataset
from maskdet.data.formats.names_alike import NamesAlike, folded, most_alike
from maskdet.data.formats.writing import write_over
from maskdet.errors import DataError
from maskdet.images import photo_endings

# Photos of phones and cameras that Pillow opens only with a plug-in, if at all.
_RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2")
_CLOSED = (".heic", ".heif", ".hif", ".avif", ".jxl", *_RAW)


def closed_endings() -> frozenset[str]:
    """File endings of photos that cannot be read here: reading one says to convert it."""
    return frozenset(_CLOSED) - photo_endings()


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


def photos_among(files: Iterable[Path]) -> list[Path]:
    """The photos among files, in order.

    One that cannot be read here (HEIC) is among them, so that reading it says to convert it, unless
    a readable one of its name lies beside it.
    """
    listed = list(files)
    endings, closed = photo_endings(), closed_endings()
    readable = {file.with_suffix("") for file in listed if file.suffix.lower() in endings}
    return [
        file
        for file in listed
        if file.suffix.lower() in endings
        or (file.suffix.lower() in closed and file.with_suffix("") not in readable)
    ]


def plain_name(text: str) -> str:
    r"""The last part of a path as some machine wrote it, ``/`` or ``\`` in between."""
    return PureWindowsPath(text).name


class FilesByName:
    """Files found by their name without ending; of several the one in the nearest folder.

    Folders that an annotation states come first: of ``a/cam1/1.jpg`` and ``a/cam2/1.jpg`` the first
    is ``cam1/1.jpg``, wherever that was. Then near means: many folders in common counted from the
    root (``train/annots`` with ``train/images``) and from the file upwards (``annots/train`` with
    ``images/train``).

    Args:
        paths: files below ``root``.
        root: folder of the data set.
    """

    def __init__(self, paths: Iterable[Path], root: Path) -> None:
        self._root = root
        self._by_stem = NamesAlike((path.stem, path) for path in paths)

    def __len__(self) -> int:
        return len(self._by_stem)

    def find(
        self, annotation: Path, stem: str, name: str = "", folders: Sequence[str] = ()
    ) -> Path | None:
        """:meth:`find_first` of a single name."""
        return self.find_first(annotation, (stem,), name, folders)

    def find_first(
        self, annotation: Path, stems: Sequence[str], name: str = "", folders: Sequence[str] = ()
    ) -> Path | None:
        """The file called as one of ``stems`` that lies nearest to ``annotation``, or None.

        The first name that fits to the letter counts, else the first in another spelling.

        Args:
            name: the whole name that the annotation states; decides between endings.
            folders: those that it states.

        Raises:
            DataError: if several fit equally well.
        """
        for look_up in (self._by_stem.exact, self._by_stem.find):
            for stem in stems:
                candidates = look_up(stem)
                if candidates:
                    return self._nearest(annotation, candidates, name, folders)
        return None

    def _nearest(
        self, annotation: Path, candidates: list[Path], name: str, folders: Sequence[str]
    ) -> Path:
        if len(candidates) > 1 and folders:
            stated = [folded(folder) for folder in reversed(folders)]
            candidates = _most(
                candidates,
                lambda path: _shared(stated, [folded(part) for part in path.parts[-2::-1]]),
            )
        if len(candidates) > 1:
            candidates = _most(candidates, lambda path: self._nearness(annotation, path))
        if len(candidates) > 1 and name:
            candidates = most_alike([(p.name, p) for p in candidates], name) or candidates
        return only_one(candidates, annotation)

    def _nearness(self, annotation: Path, path: Path) -> int:
        folders, photo_folders = self._folders(annotation), self._folders(path)
        return _shared(folders, photo_folders) + _shared(folders[::-1], photo_folders[::-1])

    def _folders(self, path: PurePath) -> tuple[str, ...]:
        inside = path.is_relative_to(self._root)
        return (path.relative_to(self._root) if inside else path).parent.parts


def only_one(candidates: Sequence[Path], annotation: Path) -> Path:
    """The photo of an annotation. Raises DataError if there are several."""
    if len(candidates) > 1:
        raise DataError(
            f"Both {candidates[0]} and {candidates[1]} may belong to {annotation}; remove or "
            "rename one of them.",
            kind="ambiguous photo",
            path=annotation,
            photos=candidates[:2],
        )
    return candidates[0]


def _most(candidates: Sequence[Path], score: Callable[[Path], int]) -> list[Path]:
    scores = [score(path) for path in candidates]
    return [path for path, value in zip(candidates, scores, strict=True) if value == max(scores)]


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count


_LINKED: ContextVar[bool] = ContextVar("_LINKED", default=False)


@contextlib.contextmanager
def linked_photos(linked: bool = True) -> Iterator[None]:
    """Within it writers of all formats write links to photos in place of copies."""
    before = _LINKED.set(linked)
    try:
        yield
    finally:
        _LINKED.reset(before)


def _photo_file(dataset: Dataset, image_id: int) -> Path | None:
    """The file that an image's photo is, unchanged and whole; None where there is none such."""
    info = dataset.image_info[image_id]
    path = Path(os.path.realpath(str(info.get("path") or "")))
    is_own = dataset.gives_photos and info.get("embedded") is None and path.is_file()
    return path if is_own else None


def _link_whole(target: Path, photo: Path) -> None:
    """A link that takes the place of an older file in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(photo):
        return
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as folder:
        os.symlink(photo, Path(folder, "link"))
        os.replace(Path(folder, "link"), target)


def write_photo(dataset: Dataset, image_id: int, folder: Path, name: str) -> Path:
    """Write an image's photo into a folder as it is (made ones as PNG); gives its path.

    Nothing is done where that very file is the photo already. Within :func:`linked_photos` a photo
    that is a file becomes a link to it.
    """
    photo = _photo_file(dataset, image_id) if _LINKED.get() else None
    if photo is not None:
        target = folder / f"{name}{photo.suffix}"
        _link_whole(target, photo)
        return target
    content, ending = dataset.encoded_image(image_id)
    target = folder / f"{name}{ending}"
    own = dataset.image_info[image_id].get("path")
    if not (own and target.exists() and Path(own).exists() and target.samefile(own)):
        write_over(target, content)
    return target


class PhotoFinder:
    """Photos of a data set by the names that annotations give them, however they were written.

    Args:
        root: folder of the data set (or the folder of a single annotation file).
    """

    def __init__(self, root: Path) -> None:
        files = files_below(root)
        endings, closed = photo_endings(), closed_endings()
        self._root, self._closed_endings = root, closed
        self._by_name = FilesByName((f for f in files if f.suffix.lower() in endings), root)
        self._closed = FilesByName((f for f in files if f.suffix.lower() in closed), root)
        self._stated: dict[tuple[Path, str], tuple[str, ...]] = {}

    def find(self, annotation: Path, stated: str) -> Path:
        """The photo: at its stated path beside the annotation or the root, else by its name.

        Names in another spelling count where there is none to the letter. A photo that cannot be
        read here (HEIC) is given if there is no other, so that reading it says so, and a path that
        does not exist if there is none at all.

        Raises:
            DataError: if several fit equally well, the name is none, or the annotation file gave
                the same photo another name before (one of the two photos is missing).
        """
        name = plain_name(stated)
        if not name or "\0" in stated:
            raise DataError(
                f"{annotation} names no photo ({stated!r}); give it one.",
                kind="photo without name",
                path=annotation,
            )
        parts = tuple(part for part in PureWindowsPath(stated).parts if part != ".")
        photo = self._at_path(annotation, stated) or self._by_its_name(annotation, stated)
        if photo is None:
            return _on_this_machine(stated) or annotation.parent / name[:200]
        first = self._stated.setdefault((annotation, os.path.normpath(photo)), parts)
        if first != parts:
            names = [PureWindowsPath(*path).as_posix() for path in (first, parts)]
            raise DataError(
                f"{annotation} describes {names[0]!r} and {names[1]!r}, but both lead to {photo}; "
                "add the photo that is missing, or remove what describes it.",
                kind="ambiguous photo",
                path=annotation,
                photos=[photo],
            )
        return photo

    def _at_path(self, annotation: Path, stated: str) -> Path | None:
        inner = stated.replace("\\", "/")
        if not inner.startswith("/"):
            for folder in (annotation.parent, self._root):
                try:
                    file = folder / inner
                    # A HEIC that was converted lies beside its JPEG.
                    if file.suffix.lower() not in self._closed_endings and file.is_file():
                        return file
                except OSError:  # a name too long for any file
                    break
        return None

    def _by_its_name(self, annotation: Path, stated: str) -> Path | None:
        # The same stem with another ending is another photo, unless it is the only one.
        for files in (self._by_name, self._closed):
            for text in dict.fromkeys((stated, unquote(stated))):
                *folders, name = PureWindowsPath(text).parts or ("",)
                photo = files.find(annotation, Path(name).stem, name, folders)
                if photo is not None:
                    return photo
        return None


def _on_this_machine(stated: str) -> Path | None:
    """A whole path, if there is such a file."""
    path = Path(stated)
    try:
        return path if path.is_absolute() and path.is_file() else None
    except OSError:  # a name too long for any file
        return None
