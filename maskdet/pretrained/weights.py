"""Weight files by path or by name: looked for on this machine, fetched only on request."""

import os
from pathlib import Path

from maskdet.errors import WeightsError
from maskdet.files import cache_folder
from maskdet.pretrained.catalog import WeightSource, find_source
from maskdet.pretrained.download import fetch, has_checksum

#: Where people put weight files, seen from where they work.
LOCAL_FOLDER = Path("weights")


def find_weights(
    name_or_path: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None
) -> Path:
    """The path of a weight file that is on this machine; nothing is ever downloaded here.

    Args:
        name_or_path: a file, which is taken as it is; or a catalogued name, such as
            "mask_rcnn_coco" or "mask_rcnn_coco.h5", whose checksum is then verified.
        folder: where to look for a catalogued file; None: ``./weights``, then the cache folder.

    Raises:
        WeightsError: if there is no such file or name, or the file under a catalogued name is not
            the published one; the message says what to fetch, from where, and where to put it.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    source = _source(path)
    if path.name != os.fspath(path):  # a place was given, so it is looked for nowhere else
        folder = path.parent
    local_path = _search(source, folder)
    if local_path is None:
        location = LOCAL_FOLDER if folder is None else Path(folder)
        raise WeightsError(
            f"{source.file_name} is not on this machine; fetch {source.address}{source.size} "
            f"and put it into {location.absolute()}, or call "
            f"maskdet.pretrained.weights.fetch_weights('{source.name}') where there is a network."
        )
    return local_path


def fetch_weights(
    name: str, folder: str | os.PathLike[str] | None = None, progress: bool = True
) -> Path:
    """The path of a catalogued weight file, downloaded if it is not on this machine yet.

    Args:
        name: as for :func:`find_weights`, but no path.
        folder: where to look for the file and keep it; None: look where :func:`find_weights`
            looks, keep it in the cache folder.
        progress: show a bar while it is downloaded.

    Raises:
        WeightsError: if the name is not that of a file in the catalogue, the file cannot be
            downloaded, or what came or lies there is not the published one.
    """
    source = _source(Path(name))
    local_path = _search(source, folder)
    return fetch(source, folder, progress) if local_path is None else local_path


def _source(path: Path) -> WeightSource:
    name = path.name
    try:
        source = find_source(name)
    except WeightsError as error:
        if path.suffix or name != os.fspath(path):
            raise WeightsError(f"Weight file {path} does not exist; check the path.") from error
        raise
    if name not in (os.fspath(path), *source.names):  # "runs/resnet50" is no name
        raise WeightsError(f"Weight file {path} does not exist; check the path.")
    if source.file_name is None:
        raise WeightsError(
            f"'{name}' is no weight file of its own; give load_weights('imagenet') instead, which "
            "finds the backbone's weights."
        )
    return source


def local_weights(name: str) -> Path | None:
    """The path of a catalogued file in ``./weights`` or the cache folder; None if it is not there.

    Raises:
        WeightsError: if the name is not that of a file in the catalogue, or what lies there is not
            the published one.
    """
    return _search(_source(Path(name)), None)


def _search(source: WeightSource, folder: str | os.PathLike[str] | None) -> Path | None:
    folders = [LOCAL_FOLDER, cache_folder()] if folder is None else [Path(folder)]
    for path in (location / name for location in folders for name in source.names):
        if not path.is_file():
            continue
        if not _published(source, path):
            raise WeightsError(
                f"{path} is not the file published at {source.address} (its checksum is not "
                f"{source.checksum}); remove it and fetch it again, or give its path to use it "
                "as it is."
            )
        return path
    return None


def _published(source: WeightSource, path: Path) -> bool:
    if source.checksum is None:
        return True
    checksums = (source.checksum, *source.other_checksums)
    return any(has_checksum(path, checksum) for checksum in checksums)
