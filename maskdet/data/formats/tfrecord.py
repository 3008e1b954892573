"""TFRecord files of the TF Object Detection API, with label_map.pbtxt; sharded or not.

Photos stay inside the records and are read from there when they are needed.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.example_proto import (
    Bytes,
    Feature,
    build_example,
    framed,
    is_record_file,
    parse_example,
    records,
)
from maskdet.data.formats.json_file import as_size
from maskdet.data.formats.label_map import classes_by_id, read_label_map, write_label_map
from maskdet.data.formats.photo_files import files_below
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import files_at, is_empty, nothing_at, pictures_of, with_damaged
from maskdet.data.formats.writing import write_over
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, UsageError
from maskdet.geometry.rle import encode_rle
from maskdet.images import bytes_header, photo_endings, png_bytes, read_bytes

NAME = "TFRecord"
LOOKS_FOR = "*.record or *.tfrecord files of the TF Object Detection API"
HOLDS = frozenset({"boxes", "masks", "crowds", "difficult", "photos"})
_NAME = re.compile(r"\.(tf)?records?(-\d+-of-\d+)?$|-\d+-of-\d+$", re.IGNORECASE)
LABEL_MAP = "label_map.pbtxt"
_SIDES = ("ymin", "xmin", "ymax", "xmax")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds TFRecord files, a folder no photos beside them.

    Where photos are, the records were made of them and of other annotations.
    """
    root, endings = Path(path), photo_endings()
    has_files = bool(_files(root))
    if not has_files or root.is_file():
        return has_files
    return not any(file.suffix.lower() in endings for file in files_below(root))


def _files(path: Path) -> list[Path]:
    named = [file for file in files_at(path) if _NAME.search(file.name)]
    # An empty shard is sound: there were fewer photos than shards.
    return with_damaged(named, is_record_file, lambda file: not is_empty(file))


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    label_map: str | os.PathLike[str] | None = None,
) -> AnnotatedDataset:
    """A prepared data set from one TFRecord file, or from all in a folder.

    Args:
        classes: names in the order of their ids; by default the label map's by id.
        label_map: a .pbtxt, whose classes the objects must be of; by default the only one at or
            below the path's folder, to which classes of the records are added.

    Raises:
        DataError: for what cannot be used; names file and record.
    """
    root = Path(path)
    files = _files(root)
    if not files:
        raise nothing_at(path, "TFRecord file", LOOKS_FOR)
    names = _label_map(root, label_map)
    if classes is None and label_map is not None:
        classes = classes_by_id(names)
    return read_files(files, names, classes, on_error)


def read_files(
    files: Sequence[Path],
    names: dict[int, str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
) -> AnnotatedDataset:
    """:func:`read` of these files, whatever they are called; ``names`` are the label map's."""
    skip = on_error == "skip"
    pictures = pictures_of(files, lambda file: _pictures(file, names, skip), skip)
    ids = {name: number for number, name in sorted(names.items())}
    return build_dataset(pictures, "tfrecord", classes, on_error, ids)


def _label_map(root: Path, path: str | os.PathLike[str] | None) -> dict[int, str]:
    if path is not None:
        return read_label_map(path)
    folder = root if root.is_dir() else root.parent
    label_maps = sorted(folder.rglob("*.pbtxt"))
    return read_label_map(label_maps[0]) if len(label_maps) == 1 else {}


def _pictures(file: Path, names: dict[int, str], skip: bool) -> Iterator[Picture]:
    number = 0
    try:
        for offset, data in records(file):
            location = f"record {number} of {file}"
            number += 1
            try:
                yield _picture(parse_example(data, offset, location), file, location, names, skip)
            except DataError as error:
                refuse(error, skip)
    except DataError as error:
        refuse(error, skip, "the rest of the file is left out")


def _picture(
    features: dict[str, Feature], file: Path, location: str, names: dict[int, str], skip: bool
) -> Picture:
    encoded = _bytes(features, "image/encoded")
    if not encoded:
        raise DataError(
            f"There is no image/encoded in {location}; write it again.", kind="broken record"
        )
    stated = _bytes(features, "image/filename") or _bytes(features, "image/source_id")
    name = stated[0].value.decode("utf-8", errors="replace") if stated else location
    where = (str(file), encoded[0].offset, len(encoded[0].value))
    size = [_numbers(features, f"image/{side}") for side in ("height", "width")]
    stated_size = as_size(*(side[0] if len(side) else None for side in size))
    picture = Picture(name, Path(name), location, [], stated_size, relative=True, embedded=where)
    sides = [_numbers(features, f"image/object/bbox/{side}") for side in _SIDES]
    texts = [
        t.value.decode("utf-8", errors="replace")
        for t in _bytes(features, "image/object/class/text")
    ]
    labels = _numbers(features, "image/object/class/label")
    crowds = _numbers(features, "image/object/is_crowd")
    difficult = _numbers(features, "image/object/difficult")
    truncated = _numbers(features, "image/object/truncated")
    masks = _bytes(features, "image/object/mask")
    count = len(sides[0])
    if any(len(side) != count for side in sides) or (texts and len(texts) != count):
        raise DataError(
            f"The boxes and classes of {location} differ in number; write it again.",
            kind="mismatched objects",
        )
    for index in range(count):
        spot = f"object {index} of {location}"
        try:
            kind = texts[index] if texts else _class_of(labels, index, names, spot)
            outline = _mask(masks[index], spot) if len(masks) == count else None
        except DataError as error:
            refuse(error, skip)
            continue
        y1, x1, y2, x2 = (float(side[index]) for side in sides)
        item = Item(kind, f"{spot} ({kind})", (y1, x1, y2, x2), outline)
        item.crowd = len(crowds) == count and bool(crowds[index])
        item.difficult = len(difficult) == count and bool(difficult[index])
        item.truncated = len(truncated) == count and bool(truncated[index])
        picture.items.append(item)
    return picture


def _bytes(features: dict[str, Feature], name: str) -> list[Bytes]:
    feature = features.get(name)
    return feature if isinstance(feature, list) else []


def _numbers(features: dict[str, Feature], name: str) -> Any:
    feature = features.get(name)
    return feature if isinstance(feature, np.ndarray) else np.zeros(0)


def _class_of(labels: Any, index: int, names: dict[int, str], location: str) -> str:
    number = int(labels[index]) if index < len(labels) else 0
    if number not in names:
        raise DataError(
            f"Class {number} of {location} is not in the label map; give its .pbtxt.",
            kind="unlisted class",
        )
    return names[number]


def _mask(data: Bytes, location: str) -> Shape:
    plane = read_bytes(data.value, f"the mask of {location}")
    return Shape(rle=encode_rle(plane[..., 0] > 0))


def write(
    dataset: Dataset, path: str | os.PathLike[str], *, name: str = "data.record", shards: int = 1
) -> None:
    """Write ``data.record`` (or ``data.record-00000-of-00010`` ...) and ``label_map.pbtxt``.

    Boxes are float32 shares of the photo's size; masks are PNGs in the records, exact. Photos are
    stored as they are, but those that EXIF turns as they are shown and as PNG: readers of such
    files do not turn them.

    Raises:
        UsageError: for fewer than one shard.
    """
    if shards < 1:
        raise UsageError(f"shards must be 1 or more, but is {shards}.")
    folder = Path(path)
    parts: list[list[bytes]] = [[] for _ in range(shards)]
    for image_id, file_name in enumerate(file_names(dataset)):
        parts[image_id % shards].append(framed(_example(dataset, image_id, file_name)))
    for number, part in enumerate(parts):
        target = name if shards == 1 else f"{name}-{number:05d}-of-{shards:05d}"
        write_over(folder / target, b"".join(part))
    names = {i: str(info["name"]) for i, info in enumerate(dataset.class_info) if i}
    write_label_map(folder / LABEL_MAP, names)


def _upright(dataset: Dataset, image_id: int) -> tuple[bytes, str]:
    """The photo as a file, content and ending, that looks the same without EXIF turning."""
    content, ending = dataset.encoded_image(image_id)
    if bytes_header(content, dataset.image_label(image_id))[1] == 1:
        return content, ending
    return png_bytes(dataset.load_image(image_id)), ".png"


def _example(dataset: Dataset, image_id: int, file_name: str) -> bytes:
    content, ending = _upright(dataset, image_id)
    height, width = dataset.image_shape(image_id)
    boxes, class_ids, masks = dataset.load_instances(image_id)
    shares = boxes.astype(np.float64) / (height, width, height, width)
    kinds = [str(dataset.class_info[abs(int(k))]["name"]).encode() for k in class_ids]
    stated = f"{file_name}{ending}".encode()
    features: dict[str, Any] = {
        "image/height": height,
        "image/width": width,
        "image/filename": stated,
        "image/source_id": stated,
        "image/encoded": content,
        "image/format": ending.lstrip(".").lower().replace("jpg", "jpeg").encode(),
        "image/object/class/text": kinds,
        "image/object/class/label": np.abs(class_ids).astype(np.int64),
        "image/object/is_crowd": (class_ids < 0).astype(np.int64),
        "image/object/difficult": np.asarray(dataset.load_difficult(image_id)).astype(np.int64),
    }
    truncated = dataset.image_info[image_id].get("truncated")
    if truncated is not None and np.shape(truncated) == class_ids.shape:
        features["image/object/truncated"] = np.asarray(truncated).astype(np.int64)
    for number, side in enumerate(_SIDES):
        features[f"image/object/bbox/{side}"] = shares[:, number].astype(np.float32)
    if masks is not None:
        planes = [png_bytes(masks[..., i].astype(np.uint8)) for i in range(len(class_ids))]
        features["image/object/mask"] = planes
    return build_example(features)
