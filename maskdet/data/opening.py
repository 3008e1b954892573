"""A data set from files in any format: which one it is, is found out."""

import logging
import os
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.formats import FORMATS, image_folders
from maskdet.data.formats.reading import files_at
from maskdet.data.index import load_indexed
from maskdet.errors import DataError

_log = logging.getLogger("maskdet")
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst")


def open_dataset(
    path: str | os.PathLike[str], *, index: str | bool = "auto", **options: Any
) -> Dataset:
    """What :meth:`maskdet.data.dataset.Dataset.load` does; its arguments and errors are there.

    Formats are tried in the order of :data:`maskdet.data.formats.FORMATS`.
    """
    if not Path(path).exists():
        raise DataError(
            f"There is no {path}; check the path of the data set.", kind="missing path", path=path
        )
    return load_indexed(path, lambda: _read(path, options), options, index)


def _read(path: str | os.PathLike[str], options: dict[str, Any]) -> Dataset:
    if _is_archive(Path(path)):
        raise DataError(
            f"{path} is an archive; unpack it and give the folder that comes out.",
            kind="unknown format",
            path=path,
        )
    for form in FORMATS:
        if form.recognise(path):
            _log.info("%s is read as %s.", path, form.NAME)
            dataset: Dataset = form.read(path, **options)
            return dataset
    looked_for = "; ".join(f"{form.NAME} ({form.LOOKS_FOR})" for form in FORMATS)
    archive = next(iter(files_at(Path(path), *_ARCHIVES)), None)
    hint = f", but {archive}, which is an archive: unpack it first" if archive else ""
    lacks = "" if archive else image_folders.what_lacks(path)
    if lacks:
        hint = f" ({lacks})"
    raise DataError(
        f"{path} holds no data set in a known format{hint}; looked for {looked_for}.",
        kind="unknown format",
        path=path,
    )


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in _ARCHIVES and path.is_file()
