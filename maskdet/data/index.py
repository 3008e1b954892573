"""Large data sets opened again in seconds and constant memory: what was read is kept as an index.

An index lies in the cache folder under the data set's path and a fingerprint of its files (names,
sizes, times of change), so a changed folder is read anew. Images are parsed from it one by one when
somebody asks.
"""

import hashlib
import json
import logging
import mmap
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.annotated import AnnotatedDataset, Shape
from maskdet.data.dataset import Dataset
from maskdet.data.formats.imagenet_folders import folders_above
from maskdet.data.formats.synsets import mapping_files
from maskdet.data.formats.voc import VOCDataset
from maskdet.errors import DataError, DataWarning, MaskdetWarning, SkippedData, UsageError
from maskdet.files import cache_folder
from maskdet.version import __version__

Array = NDArray[Any]
log = logging.getLogger("maskdet")

# Folders with fewer files are read each time.
INDEX_FROM = 5000
# What can be kept: their images are described by image_info alone.
KINDS: dict[str, type[Dataset]] = {
    "AnnotatedDataset": AnnotatedDataset,
    "VOCDataset": VOCDataset,
}
_LINES, _OFFSETS, _FACTS = "images.jsonl", "offsets.npy", "facts.json"


def load_indexed(
    path: str | os.PathLike[str],
    read: Callable[[], Dataset],
    options: Mapping[str, Any],
    index: str | bool = "auto",
) -> Dataset:
    """The data set of a folder, from its index if there is a valid one.

    Args:
        read: reads the folder itself.
        options: what else decides the result.
        index: True, False, or "auto" for folders with INDEX_FROM files or more.

    Raises:
        UsageError: for another ``index``; and what ``read`` raises.
    """
    if index not in (True, False, "auto"):
        raise UsageError(f"index must be True, False or 'auto', but is {index!r}.")
    if index is False or not Path(path).is_dir():
        return read()
    mark, files = fingerprint(path)
    if index == "auto" and files < INDEX_FROM:
        return read()
    key = [__version__, mark, sorted((k, repr(v)) for k, v in options.items())]
    key += _outside(Path(path))
    index_folder = _folder_of(path) / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
    if (index_folder / _FACTS).is_file():
        log.info("%s is opened by its index in %s.", path, index_folder)
        return _open(index_folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MaskdetWarning)
        dataset = read()
    met = [entry.message for entry in caught if isinstance(entry.message, MaskdetWarning)]
    if type(dataset).__name__ in KINDS and type(dataset) is KINDS[type(dataset).__name__]:
        _save(dataset, index_folder, met)
        return _open(index_folder)
    _warn(met)
    return dataset


def fingerprint(folder: str | os.PathLike[str]) -> tuple[str, int]:
    """A sum over the names, sizes and times of all files below a folder, and their number."""
    total, count = 0, 0
    seen: set[str] = set()
    waiting = [os.fspath(folder)]
    while waiting:
        current = waiting.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        with os.scandir(current) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                    continue
                try:
                    facts = entry.stat()
                    text = f"{entry.path}\0{facts.st_size}\0{facts.st_mtime_ns}"
                except OSError:  # a link to nowhere; reading will name it
                    text = f"{entry.path}\0gone"
                # A sum does not depend on the order in which a folder lists its files.
                one = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
                total = (total + int.from_bytes(one)) % 2**256
                count += 1
    return f"{total:064x}", count


def _outside(folder: Path) -> list[str]:
    """Facts of the files outside a folder that decide what its classes are called."""
    files = mapping_files(folders_above(folder))
    return [f"{file}\0{file.stat().st_size}\0{file.stat().st_mtime_ns}" for file in files]


def _folder_of(path: str | os.PathLike[str]) -> Path:
    name = hashlib.sha256(os.path.abspath(path).encode(errors="surrogateescape")).hexdigest()[:16]
    return cache_folder() / "index" / name


def _warn(met: Iterable[MaskdetWarning]) -> None:
    for warning in met:
        warnings.warn(warning, stacklevel=5)


# ---- writing and opening ---------------------------------------------------------------------
def _save(dataset: Dataset, index_folder: Path, met: Sequence[MaskdetWarning]) -> None:
    """Write the index beside older ones of this folder, which go; whole or not at all."""
    index_folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".part-", dir=index_folder.parent))
    try:
        offsets = [0]
        with open(made / _LINES, "wb") as file:
            for info in dataset.image_info:
                line = json.dumps(_packed(info)).encode() + b"\n"
                file.write(line)
                offsets.append(offsets[-1] + len(line))
        np.save(made / _OFFSETS, np.array(offsets, dtype=np.int64))
        facts = {
            "kind": type(dataset).__name__,
            "class_info": dataset.class_info,
            "masks_given": bool(getattr(dataset, "masks_given", False)),
            "warnings": [_packed_warning(warning) for warning in met],
        }
        (made / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        for old in index_folder.parent.iterdir():
            if old != made and not old.name.startswith(".part-"):
                shutil.rmtree(old, ignore_errors=True)
        os.replace(made, index_folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _open(index_folder: Path) -> Dataset:
    facts = json.loads((index_folder / _FACTS).read_text(encoding="utf-8"))
    _warn(map(_unpacked_warning, facts["warnings"]))
    dataset = KINDS[facts["kind"]]()
    dataset.class_info = facts["class_info"]
    dataset.masks_given = facts["masks_given"]  # type: ignore[attr-defined]
    dataset.image_info = LazyInfos(index_folder)  # type: ignore[assignment]
    dataset.prepare()
    return dataset


class LazyInfos(Sequence[dict[str, Any]]):
    """``image_info`` read from an index, an image at a time; each access gives a fresh dict.

    Args:
        index_folder: folder of the index.
        rows: which of its images, in which order; None for all.
    """

    def __init__(self, index_folder: Path, rows: Array | None = None) -> None:
        self._folder, self._rows = index_folder, rows
        self._offsets = np.load(index_folder / _OFFSETS, mmap_mode="r")
        self._file = open(index_folder / _LINES, "rb")
        self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._offsets) - 1 if self._rows is None else len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = int(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"image {number} of {len(self)}")
        row = range(len(self))[number] if self._rows is None else int(self._rows[number])
        line = self._bytes[int(self._offsets[row]) : int(self._offsets[row + 1])]
        info: dict[str, Any] = _unpacked(json.loads(line))
        return info

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def __del__(self) -> None:
        if hasattr(self, "_bytes"):
            self._bytes.close()
            self._file.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (LazyInfos, (self._folder, self._rows))

    def subset(self, numbers: Sequence[int]) -> "LazyInfos":
        """Some of these images, without reading them."""
        rows = np.asarray(numbers, dtype=np.int64)
        return LazyInfos(self._folder, rows if self._rows is None else self._rows[rows])


# ---- values as JSON and back -----------------------------------------------------------------
def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"_array": [str(value.dtype), list(value.shape), value.ravel().tolist()]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Shape):
        rle = None if value.rle is None else dict(value.rle)
        facts = (value.polygons, rle, value.picture, value.orientation)
        return {"_shape": [_packed(fact) for fact in facts]}
    if isinstance(value, tuple):
        return {"_tuple": [_packed(item) for item in value]}
    if isinstance(value, list):
        return [_packed(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _packed(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return {"_bytes": value.decode("latin-1")}
    if isinstance(value, Path):
        return str(value)
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "_array" in value:
        dtype, shape, items = value["_array"]
        return np.array(items, dtype=dtype).reshape(shape)
    if "_shape" in value:
        return Shape(*(_unpacked(item) for item in value["_shape"]))
    if "_tuple" in value:
        return tuple(_unpacked(item) for item in value["_tuple"])
    if "_bytes" in value:
        return value["_bytes"].encode("latin-1")
    return {key: _unpacked(item) for key, item in value.items()}


def _packed_warning(warning: MaskdetWarning) -> dict[str, Any]:
    facts: dict[str, Any] = {"text": str(warning)}
    if isinstance(warning, DataWarning):
        facts["kind"] = warning.kind
    if isinstance(warning, SkippedData):
        error = warning.error
        facts |= {"error": str(error), "consequence": warning.consequence, "line": error.line}
        facts["path"] = None if error.path is None else os.fspath(error.path)
        facts["photos"] = [os.fspath(photo) for photo in error.photos]
    return facts


def _unpacked_warning(facts: dict[str, Any] | str) -> MaskdetWarning:
    if isinstance(facts, str):  # as indexes were written before warnings had kinds
        return MaskdetWarning(facts)
    if "error" in facts:
        names = ("kind", "path", "line", "photos")
        error = DataError(facts["error"], **{name: facts[name] for name in names})
        return SkippedData(error, facts["consequence"])
    if "kind" in facts:
        return DataWarning(facts["text"], facts["kind"])
    return MaskdetWarning(facts["text"])
