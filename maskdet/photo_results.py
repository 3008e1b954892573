"""Photos that were asked for, and names for what is written about each.

A result's name is never a photo's and never another result's.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskdet.errors import DataError, UsageError
from maskdet.images import photo_endings


@dataclass(frozen=True)
class AskedPhoto:
    """A photo, and the name of its results: a path below their folder, without an ending."""

    path: Path
    name: Path


def asked_photos(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    deep: bool = True,
) -> list[AskedPhoto]:
    """Photos given as they are or by their folders, each once.

    Results keep the sub-folders of a folder. Photos that would have one name (a.jpg and a.png, or
    photos of two folders) get names of their own. Where ``out`` is a sub-folder, what lies there
    are results of an earlier run, not photos.

    Args:
        sources: photos and folders.
        out: folder for the results; None where nothing is written.
        deep: whether to look into sub-folders.

    Raises:
        UsageError: if a photo lies in or below ``out``, where results might take its place.
    """
    results = None if out is None else Path(out).resolve()
    names: dict[Path, Path] = {}
    for source in map(Path, sources):
        for path, name in _listed(source, results, deep):
            names.setdefault(path.resolve(), name)
            # A link counts where it stands and where it leads to.
            if results in {*path.resolve().parents, *(path.parent.resolve() / "x").parents}:
                raise UsageError(
                    f"The photo {path} lies in {out}, where the results are to go; give a folder "
                    "of its own for them with --out."
                )
    return list(_apart(names))


def no_photos(sources: Sequence[str | os.PathLike[str]], purpose: str = "") -> UsageError:
    """The error where :func:`asked_photos` gives none; ``purpose`` is said behind the places."""
    places = ", ".join(os.fspath(source) for source in sources) or "what was given"
    return UsageError(
        f"There are no photos in {places}{purpose}; give photos, or folders with some (.jpg, .png)."
    )


def _listed(source: Path, results: Path | None, deep: bool) -> Iterator[tuple[Path, Path]]:
    if not source.is_dir():
        yield source, Path(source.name)
        return
    endings = photo_endings()
    own_results = results if results and source.resolve() in results.parents else None
    for path in sorted(source.rglob("*") if deep else source.iterdir()):
        if path.suffix.lower() in endings and path.is_file():
            if own_results is None or own_results not in path.resolve().parents:
                yield path, path.relative_to(source)


def _apart(names: dict[Path, Path]) -> Iterator[AskedPhoto]:
    """Names without endings; photos that would share one keep the ending, or get a number."""

    # Some file systems take a.jpg and A.jpg for one.
    def key(name: Path) -> str:
        return name.as_posix().lower()

    counts = Counter(key(name.with_suffix("")) for name in names.values())
    taken: set[str] = set()
    for path, full in names.items():
        name = full.with_suffix("")
        if counts[key(name)] > 1:
            name = name.with_name(f"{name.name}_{full.suffix[1:]}")
        number = 2
        plain = name
        while key(name) in taken or (name is not plain and counts[key(name)]):
            name = plain.with_name(f"{plain.name}_{number}")
            number += 1
        taken.add(key(name))
        yield AskedPhoto(path, name)


def shown_path(path: str | os.PathLike[str]) -> str:
    """A path as people read it: from the present folder on, where it lies below that."""
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else os.fspath(path)


def make_results_folder(out: str | os.PathLike[str]) -> Path:
    """The folder for results, made if missing. Raises UsageError where that is not possible."""
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if Path(out).is_file() else error.strerror
        raise UsageError(
            f"Results cannot go to {out} ({reason}); give a folder with --out."
        ) from error
    return Path(out)


def only_failures(failures: Sequence[str]) -> DataError:
    """The error for photos of which none could be read."""
    if len(failures) == 1:
        return DataError(failures[0])
    return DataError(f"None of {len(failures)} photos is whole; the first: {failures[0]}")
