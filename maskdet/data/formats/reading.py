"""What reading has in common, whatever the format: which files, which photos, what is left out."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from maskdet.data.annotated import Picture
from maskdet.data.formats.photo_files import PhotoFinder, files_below
from maskdet.errors import DataError, DataWarning

#: Pictures of one file: parse(file, finder of its photos, whether bad objects are skipped).
Parse = Callable[[Path, PhotoFinder, bool], Iterable[Picture]]


def files_at(path: Path, *endings: str) -> list[Path]:
    """A file itself, or all below a folder, with one of these endings (lower case, with the dot).

    Nothing where the path does not exist; without endings every file counts.
    """
    files = [path] if path.is_file() else files_below(path) if path.is_dir() else []
    return [file for file in files if not endings or file.suffix.lower() in endings]


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
    return [picture for file in files for picture in parse(file, finder, on_error == "skip")]


def warn_of_flat(left_out: Counter[str], claim: str, consequence: str) -> None:
    """Warn of shapes that cover nothing, if there are any: claim, counts by name, consequence."""
    if left_out:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(left_out.items()))
        text = f"{claim}: {counts}; {consequence}."
        warnings.warn(DataWarning(text, "shapes without area"), stacklevel=5)
