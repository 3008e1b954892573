"""Where a YOLO set keeps things: its class names, its photos, the labels of a photo."""

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from maskdet.data.formats.names_alike import NamesAlike, folded
from maskdet.data.formats.photo_files import (
    PhotoFinder,
    closed_endings,
    files_below,
    photos_among,
)
from maskdet.data.formats.text_file import read_text
from maskdet.data.formats.yaml_file import read_yaml
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, DataWarning
from maskdet.images import photo_endings

SPLITS = ("train", "val", "valid", "test")
_NAME_LISTS = ("classes.txt", "obj.names", "_darknet.labels")
# What the file with the names is called where there are others (of models, of other sets).
_USUAL = ("data", "dataset")
_YAML = (".yaml", ".yml")
# What YAML calls nothing.
_NOTHING = ("", "~", "null", "Null", "NULL")


def has_names(path: Path) -> bool:
    """Whether a file is a .yaml that lists class names."""
    if path.suffix.lower() not in _YAML:
        return False
    try:
        return "names" in read_yaml(path)
    except DataError:
        # Damaged, but meant to be one: reading it says what is wrong.
        return b"names" in path.read_bytes()[:100_000]


def names_files(folder: Path) -> list[Path]:
    """All files that list class names: the .yaml ones, the usual name first, then plain lists."""
    yamls = [file for file in sorted(folder.glob("*")) if file.suffix.lower() in _YAML]
    files = [file for file in yamls if file.is_file() and has_names(file)]
    files.sort(key=lambda file: file.stem.lower() not in _USUAL)
    label_folders = Listings().folders(folder, "labels")
    lists = [parent / name for parent in (folder, *label_folders) for name in _NAME_LISTS]
    return files + [file for file in lists if file.is_file()]


def names_file(folder: Path) -> Path | None:
    """The file that names the classes, None if there is none.

    Warns of others that say something else.

    Raises:
        DataError: if there are several .yaml files that do so, none of the usual name.
    """
    files = names_files(folder)
    if not files:
        return None
    first, *others = files
    others = [file for file in others if _claims(file) != _claims(first, like=file)]
    same_rank = [file for file in others if file.suffix.lower() in _YAML]
    if same_rank and first.stem.lower() not in _USUAL:
        raise DataError(
            f"Both {first} and {same_rank[0]} list class names or photos, and not the same; give "
            "the path of the one that is meant.",
            kind="unusable class names",
            path=first,
        )
    if others:
        listed = ", ".join(file.name for file in others)
        warnings.warn(
            DataWarning(
                f"The classes of {folder} are those of {first.name}; {listed} says otherwise and "
                "is not used.",
                "unusable class names",
            ),
            stacklevel=4,
        )
    return first


def _claims(file: Path, like: Path | None = None) -> Any:
    """What a file says of classes (and photos, where ``like`` is no plain list of names)."""
    try:
        facts = facts_of(file)
        names = class_names(facts, file)
    except DataError:
        return file
    if (like or file).suffix.lower() not in _YAML:
        return names
    return names, [facts.get(key) for key in ("path", *SPLITS)]


def facts_of(source: Path) -> dict[str, Any]:
    """Content of a .yaml; nothing of a plain list of names."""
    return read_yaml(source) if source.suffix.lower() in _YAML else {}


def class_names(facts: dict[str, Any], source: Path) -> list[str]:
    """Class names in the order of their numbers.

    Raises:
        DataError: if ``source`` lists none, or not as names of their own, numbered 0, 1, 2, ...
    """
    names = facts.get("names")
    if names is None and not facts:
        names = [line.strip() for line in read_text(source).splitlines() if line.strip()]
    if isinstance(names, dict):
        names = _in_order(names, source)
    if not isinstance(names, list) or not names or not all(names):
        raise _unusable(source, "lists no class names; write names: [a, b].")
    if not all(isinstance(name, str) for name in names):
        raise _unusable(source, "has a class name that is no text; put it in quotes.")
    if len(set(names)) != len(names):
        raise _unusable(source, "lists a class name twice; give each its own.")
    return names


def _in_order(names: dict[Any, Any], source: Path) -> list[Any]:
    try:
        numbered = {int(number): name for number, name in names.items()}
    except (TypeError, ValueError):
        text = f"The names of {source} are not numbered; write 0: name."
        raise DataError(text, kind="unusable class names", path=source) from None
    if len(numbered) != len(names) or sorted(numbered) != list(range(len(names))):
        text = f"The names of {source} are not numbered 0, 1, 2, ...; correct them."
        raise DataError(text, kind="unusable class names", path=source)
    return [numbered[number] for number in range(len(numbered))]


def _unusable(source: Path, what: str) -> DataError:
    return DataError(f"{source} {what}", kind="unusable class names", path=source)


def photos_of(
    facts: dict[str, Any], source: Path, folder: Path, split: str | None, skip: bool
) -> Iterator[Path]:
    """Photos of the splits (or of one) that the .yaml names, else all below the folder."""
    seen: set[Path] = set()
    wanted = SPLITS if split is None else (split, "valid" if split == "val" else split)
    places = [place for name in dict.fromkeys(wanted) for place in _named(facts, name, folder)]
    # Tools name parts for validation and tests that a set does not have.
    missing = [
        entry
        for name, entry, path in places
        if path is None and (name == "train" or entry.lower().endswith(".txt"))
    ]
    paths = [path for _, _, path in places if path is not None]
    if paths and missing:
        text = f"{source} names photos in {missing[0]}, which is not there; they are left out."
        warnings.warn(DataWarning(text, "missing path"), stacklevel=4)
    if not paths:
        paths = [folder / split] if split else [folder]
        if split == "val" and not paths[0].exists():
            paths = [folder / "valid"]
    finders: dict[Path, PhotoFinder] = {}
    for path in paths:
        if path.is_file() and path.suffix.lower() == ".txt":
            root = folder if _lies_below(path, folder) else path.parent
            if root not in finders:
                finders[root] = PhotoFinder(root)
            files = list(_listed(path, finders[root], skip))
        else:
            files = [
                file
                for file in photos_among(files_below(path) if path.is_dir() else [])
                if "labels" not in (part.lower() for part in file.relative_to(path).parts)
            ]
        for file in files:
            if file not in seen:
                seen.add(file)
                yield file


def _listed(path: Path, finder: PhotoFinder, skip: bool) -> Iterator[Path]:
    """Photos of a list, a path in each line: of this machine, of the set, or of another machine."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        stated, location = line.strip(), f"{path}, line {number}"
        if not stated:
            continue
        try:
            if Path(stated).suffix.lower() not in photo_endings() | closed_endings():
                raise DataError(
                    f"{location} is no path of a photo ({stated[:60]!r}); correct it.",
                    kind="photo without name",
                    path=path,
                    line=number,
                )
            whole = Path(stated)
            yield whole if whole.is_absolute() and whole.is_file() else finder.find(path, stated)
        except OSError:  # a name too long for any file
            yield whole
        except DataError as error:
            refuse(error, skip)


def _named(
    facts: dict[str, Any], name: str, folder: Path
) -> Iterator[tuple[str, str, Path | None]]:
    """(split, entry, the folder or list that it may mean, None if there is none)."""
    value = facts.get(name)
    base = facts.get("path")
    base = base if isinstance(base, str) else ""
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, str) or entry in _NOTHING:
            continue
        candidates = [folder / base / entry, folder / entry]
        parts = [p for p in PureWindowsPath(entry).parts if p not in ("..", ".", "/", "\\")]
        candidates += [folder.joinpath(*parts[-k:]) for k in range(len(parts), 0, -1)]
        if PureWindowsPath(entry).is_absolute() or entry.startswith("/"):
            # The set may have been moved: below its folder it is nearer.
            candidates = [*candidates[2:], Path(entry)]
        yield name, entry, next(filter(_exists, candidates), None)


def _lies_below(path: Path, folder: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no possible path
        return False


class Listing(NamedTuple):
    """A folder's sub-folders, and its .txt files by their name without ending."""

    folders: list[str]
    texts: NamesAlike[Path]


class Listings:
    """Contents of folders, each read once, whose names are compared however they are spelt."""

    def __init__(self) -> None:
        self._listings: dict[Path, Listing] = {}

    def of(self, folder: Path) -> Listing:
        """A folder's content; empty if it cannot be read."""
        if folder not in self._listings:
            folders, texts = [], []
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        stem, ending = os.path.splitext(entry.name)
                        if entry.is_dir():
                            folders.append(entry.name)
                        elif ending.lower() == ".txt":
                            texts.append((stem, folder / entry.name))
            except OSError:
                folders, texts = [], []
            # Of a.txt and a.TXT the first counts.
            texts.sort(key=lambda pair: str(pair[1]), reverse=True)
            self._listings[folder] = Listing(sorted(folders), NamesAlike(texts))
        return self._listings[folder]

    def folders(self, parent: Path, name: str) -> list[Path]:
        """Sub-folders of a name, the one that is written like that first."""
        names = [other for other in self.of(parent).folders if folded(other) == folded(name)]
        return [parent / other for other in sorted(names, key=lambda other: other != name)]


class LabelFiles:
    """Label files of photos: in ``labels/`` in the place of ``images/``, or beside the photo.

    Args:
        photos: of the set.
    """

    def __init__(self, photos: Sequence[Path]) -> None:
        self._photos = photos
        self._listings = Listings()
        self._visited: set[Path] = set()
        files = [self._find(photo, exact=True) for photo in photos]
        self._used = {file for file in files if file is not None}
        # Another spelling counts where the file is no other photo's to the letter.
        for number, photo in enumerate(photos):
            file = self._find(photo, exact=False) if files[number] is None else None
            if file is not None and file not in self._used:
                files[number] = file
                self._used.add(file)
        #: A file for each photo, None where it has none.
        self.files = files

    def _find(self, photo: Path, exact: bool) -> Path | None:
        for folder in self._folders(photo):
            self._visited.add(folder)
            texts = self._listings.of(folder).texts
            files = texts.exact(photo.stem) if exact else texts.find(photo.stem)
            if files:
                return files[0]
        return None

    def _folders(self, photo: Path) -> Iterator[Path]:
        parts = photo.parts
        for i in range(len(parts) - 2, -1, -1):
            if parts[i].lower() == "images":
                for folder in self._listings.folders(Path(*parts[:i]), "labels"):
                    yield from self._below(folder, parts[i + 1 : -1])
        yield photo.parent
        yield from self._listings.folders(photo.parent.parent, "labels")

    def _below(self, folder: Path, names: Sequence[str]) -> Iterator[Path]:
        if not names:
            yield folder
        else:
            for inner in self._listings.folders(folder, names[0]):
                yield from self._below(inner, names[1:])

    def check(self, folder: Path, skip: bool) -> None:
        """Name photos without labels where label files without a photo show that some were meant.

        Without such files they are pictures of background.

        Args:
            folder: of the set.
            skip: warn where no photo has labels, instead of raising.

        Raises:
            DataError: if no photo at all has a label file, but there are label files.
        """
        unlabelled = [p for p, file in zip(self._photos, self.files, strict=True) if file is None]
        if not unlabelled:
            return
        texts = [entry for visited in self._visited for entry in visited.glob("*.[tT][xX][tT]")]
        if not self._used:
            stray = next(filter(_holds_rows, self._unused([*files_below(folder), *texts])), None)
            if stray is not None:
                text = (
                    f"No photo of {folder} has a label file, but there are some such as {stray}; "
                    "put them beside the photos, or into labels/ in the place of images/, each "
                    "with its photo's name."
                )
                error = DataError(text, kind="missing annotation", path=folder)
                refuse(error, skip, "the photos have no objects")
            return
        stray = next(filter(_holds_rows, self._unused(texts)), None)
        if stray is not None:
            text = (
                f"{len(unlabelled)} photos of {folder} have no label file, such as "
                f"{unlabelled[0]}, and label files such as {stray} belong to no photo; give both "
                "the same name if they belong together."
            )
            warnings.warn(DataWarning(text, "missing annotation"), stacklevel=4)

    def _unused(self, files: Any) -> list[Path]:
        return sorted(
            file for file in files if file.suffix.lower() == ".txt" and file not in self._used
        )


def _holds_rows(file: Path) -> bool:
    """Whether a text file begins like labels: five numbers or more in a line."""
    try:
        with open(file, encoding="utf-8-sig") as content:
            words = next((line.split() for line in content if line.strip()), [])
        return len(words) >= 5 and all(float(word) >= 0 for word in words)
    except (OSError, ValueError):
        return False
