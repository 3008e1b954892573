"""What reading has in common, whatever the format: which files, which photos, what is left out."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from maskdet.data.annotated import Picture
from maskdet.data.formats.json_file import Damaged, peek
from maskdet.data.formats.photo_files import PhotoFinder, files_below
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, DataWarning

#: Pictures of one file: parse(file, finder of its photos, whether bad objects are skipped).
Parse = Callable[[Path, PhotoFinder, bool], Iterable[Picture]]


def files_at(path: Path, *endings: str) -> list[Path]:
    """A file itself, or all below a folder, with one of these endings (lower case, with the dot).

    Nothing where the path does not exist; without endings every file counts.
    """
    files = [path] if path.is_file() else files_below(path) if path.is_dir() else []
    return [file for file in files if not endings or file.suffix.lower() in endings]


def json_files(path: Path, fits: Callable[[Any], bool], most: int | None = None) -> list[Path]:
    """JSON files of a format at a path, and beside them those that are damaged.

    What a damaged or empty file was meant for nobody can say; among files of a format it is taken
    for one of them, so that reading names it and nothing is passed over.

    Args:
        fits: whether a file's content, or text of it (see ``peek``), is the format's.
        most: look at the first so many files only.
    """
    contents = [(file, peek(file)) for file in files_at(path, ".json")[:most]]
    fitting = [fits(content) for _, content in contents]
    return [
        file
        for (file, content), fit in zip(contents, fitting, strict=True)
        if fit or (any(fitting) and isinstance(content, Damaged))
    ]


def with_damaged(
    files: Sequence[Path], fits: Callable[[Path], bool], damaged: Callable[[Path], bool]
) -> list[Path]:
    """The rule of :func:`json_files` for other files: those that fit, and beside them damaged ones.

    Args:
        files: to look at.
        fits: whether one is the format's.
        damaged: whether one that does not fit can be nothing sound.
    """
    fitting = [fits(file) for file in files]
    if not any(fitting):
        return []
    return [file for file, fit in zip(files, fitting, strict=True) if fit or damaged(file)]


def is_empty(path: Path) -> bool:
    """Whether a file holds nothing, or blanks alone."""
    try:
        return path.stat().st_size < 64 and not path.read_bytes().strip()
    except OSError:
        return False


def nothing_at(path: str | os.PathLike[str], what: str, looked_for: str) -> DataError:
    """The error for a path that holds no files of a format."""
    text = f"There is no {what} at {path}; looked for {looked_for}."
    return DataError(text, kind="unknown format", path=path)


def read_with(
    parse: Parse,
    files: Sequence[Path],
    path: str | os.PathLike[str],
    on_error: str,
    missing: tuple[str, str],
) -> list[Picture]:
    """The pictures of all files of a data set, their photos looked for below its folder.

    Args:
        parse: of one file; on_error "skip" makes its third argument true.
        files: of the data set, in order.
        path: that the user gave, a file or a folder.
        missing: what the format calls its files and what it looks for, for the message.

    Raises:
        DataError: if there are no files; and what ``parse`` raises.
    """
    if not files:
        raise nothing_at(path, *missing)
    root = Path(path)
    finder = PhotoFinder(root if root.is_dir() else root.parent)
    skip = on_error == "skip"
    return pictures_of(files, lambda file: parse(file, finder, skip), skip)


def pictures_of(
    files: Sequence[Path], parse: Callable[[Path], Iterable[Picture]], skip: bool
) -> list[Picture]:
    """The pictures of all files; with ``skip`` a file that cannot be parsed is warned of.

    Pictures that such a file gave before are kept.
    """
    pictures: list[Picture] = []
    for file in files:
        try:
            for picture in parse(file):
                pictures.append(picture)
        except DataError as error:
            refuse(error, skip, f"{file} or the rest of it is left out")
    return pictures


def warn_of_flat(left_out: Counter[str], claim: str, consequence: str) -> None:
    """Warn of shapes that cover nothing, if there are any: claim, counts by name, consequence."""
    if left_out:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(left_out.items()))
        text = f"{claim}: {counts}; {consequence}."
        warnings.warn(DataWarning(text, "shapes without area"), stacklevel=5)
