"""YOLO: a text file for each photo, a line for each object, in shares of the photo's size.

``class cx cy w h`` is a box, ``class x1 y1 x2 y2 x3 y3 ...`` an outline; where the .yaml has a
``kpt_shape``, a box is followed by keypoints, which are not read. Class names come from
``data.yaml`` (or another .yaml with ``names``), or from LabelImg's ``classes.txt``.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.outlines import bridged, polygons_of
from maskdet.data.formats.photo_files import write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import nothing_at
from maskdet.data.formats.text_file import read_text
from maskdet.data.formats.yolo_files import (
    SPLITS,
    LabelFiles,
    class_names,
    facts_of,
    has_names,
    names_file,
    names_files,
    photos_of,
)
from maskdet.data.formats.yolo_parts import yaml_of_parts
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, UsageError
from maskdet.files import write_whole

NAME = "YOLO"
LOOKS_FOR = "a .yaml with names, or classes.txt, and .txt files of numbers"
HOLDS = frozenset({"boxes", "masks"})


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder (or its .yaml) holds a YOLO set."""
    root = Path(path)
    if root.is_file():
        return has_names(root)
    return root.is_dir() and bool(names_files(root))


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    split: str | None = None,
) -> AnnotatedDataset:
    """A prepared data set from a YOLO folder or its .yaml.

    Photos are those of the splits that the .yaml names (stale paths of other machines are looked
    for by their last folders), else all below the folder. A photo's labels lie in ``labels/`` in
    the place of ``images/``, or beside it; without a label file it has no objects.

    Args:
        classes: names in the order of their ids; by default the .yaml's order.
        split: "train", "val" or "test" alone.

    Raises:
        DataError: for what cannot be used; names file and line.
        UsageError: for another ``split``.
    """
    root = Path(path)
    folder = root if root.is_dir() else root.parent
    source = root if root.is_file() else names_file(folder)
    if source is None:
        raise nothing_at(path, "YOLO set", LOOKS_FOR)
    if split not in (None, *SPLITS):
        raise UsageError(f"split must be one of {', '.join(SPLITS)}, but is {split!r}.")
    skip = on_error == "skip"
    facts = facts_of(source)
    rows = _Rows(class_names(facts, source), _keypoint_numbers(facts, source))
    photos = list(photos_of(facts, source, folder, split, skip))
    if not photos:
        part = f" for {split}" if split else ""
        raise DataError(
            f"There are no photos in {folder}{part}; check the paths in {source}.",
            kind="no images",
            path=folder,
        )
    labels = LabelFiles(photos)
    if split is None:
        labels.check(folder, skip)
    pictures = [
        _picture(photo, file, folder, rows, skip)
        for photo, file in zip(photos, labels.files, strict=True)
    ]
    ids = {name: number for number, name in enumerate(rows.names)}
    if classes is not None:
        ids = {name: ids.get(name, -1) for name in classes}
    return build_dataset(pictures, "yolo", classes, on_error, ids)


class _Rows(NamedTuple):
    """How the rows of a set's label files are read.

    Attributes:
        names: classes in the order of their numbers.
        keypoints: numbers that follow a box's four in a set of poses; 0 in any other.
    """

    names: list[str]
    keypoints: int


def _keypoint_numbers(facts: dict[str, Any], source: Path) -> int:
    """Numbers of a row's keypoints, from ``kpt_shape: [count, 2 or 3]``."""
    shape = facts.get("kpt_shape")
    if shape is None:
        return 0
    try:
        count, numbers = (int(side) for side in shape)
        if count < 1 or numbers not in (2, 3):
            raise ValueError
    except (TypeError, ValueError):
        raise DataError(
            f"kpt_shape of {source} is {str(shape)[:60]!r}; write [keypoints, 2 or 3].",
            kind="wrong value",
            path=source,
        ) from None
    return count * numbers


def _picture(photo: Path, file: Path | None, folder: Path, rows: _Rows, skip: bool) -> Picture:
    name = photo.relative_to(folder) if photo.is_relative_to(folder) else photo
    picture = Picture(name.with_suffix("").as_posix(), photo, str(file or photo), relative=True)
    if file is None:
        return picture
    try:
        lines = read_text(file).splitlines()
    except DataError as error:
        refuse(error, skip)
        return picture
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                picture.items.append(_item(line.split(), rows, f"{file}, line {number}"))
            except DataError as error:
                refuse(error, skip)
    return picture


def _item(words: list[str], rows: _Rows, location: str) -> Item:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise DataError(
            f"{location} is no line of numbers ({' '.join(words)[:60]!r}).", kind="wrong value"
        ) from None
    kind, names = values[0], rows.names
    if not kind.is_integer() or not 0 <= kind < len(names):
        raise DataError(
            f"Class {words[0]} of {location} is unknown; there are {len(names)} names.",
            kind="unknown class",
        )
    name, shares = names[int(kind)], np.array(values[1:], dtype=np.float64)
    location = f"{location} ({name})"
    if not np.isfinite(shares).all():
        raise DataError(
            f"{location} holds a number that is not finite; correct it.", kind="wrong value"
        )
    beyond = len(shares) - 4 - (rows.keypoints if len(shares) > 5 else 0)
    if rows.keypoints and beyond not in (0, 1):
        raise DataError(
            f"{location} has {len(shares)} numbers after the class; by kpt_shape a box with its "
            f"keypoints has {4 + rows.keypoints}.",
            kind="wrong value",
        )
    if beyond in (0, 1):  # one more is a detector's score
        x, y, w, h = shares[:4]
        return Item(name, location, (y - h / 2, x - w / 2, y + h / 2, x + w / 2))
    if len(shares) < 6 or len(shares) % 2:
        raise DataError(
            f"{location} has {len(shares)} numbers after the class; a box has 4, an outline an "
            "even number from 6 on"
            + ("; a box with keypoints needs kpt_shape in the .yaml." if len(shares) > 6 else "."),
            kind="unusable outline",
        )
    return Item(name, location, None, Shape(polygons=(shares.reshape(-1, 2)[:, ::-1].copy(),)))


def write(dataset: Dataset, path: str | os.PathLike[str], *, split: str = "train") -> None:
    """Write ``data.yaml``, ``images/<split>`` and ``labels/<split>``.

    Parts that ``data.yaml`` names already stay in it, so that a set may be written part by part.
    Outlines where the set has masks, else boxes. An outline of several parts becomes one, its parts
    joined by lines of no width, so that the mask stays the same; its box is then that of the
    outline. What YOLO cannot say: crowds (left out), ``difficult``.

    Raises:
        UsageError: where such parts number other classes.
    """
    folder = Path(path)
    names = [str(info["name"]) for info in dataset.class_info[1:]]
    content = yaml_of_parts(folder / "data.yaml", names, split)
    for image_id, name in enumerate(file_names(dataset)):
        write_photo(dataset, image_id, folder / "images" / split, name)
        height, width = dataset.image_shape(image_id)
        boxes, class_ids = dataset.load_boxes(image_id)
        lines = []
        for box, class_id, polygons in zip(
            boxes, class_ids, polygons_of(dataset, image_id), strict=True
        ):
            if class_id < 0:
                continue
            if polygons:
                shares = (bridged(polygons)[:, ::-1] / (width, height)).ravel()
            else:
                y1, x1, y2, x2 = (float(side) for side in box)
                shares = np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])
                shares /= (width, height, width, height)
            numbers = " ".join(f"{share:.10g}" for share in shares)
            lines.append(f"{int(class_id) - 1} {numbers}\n")
        write_whole(folder / "labels" / split / f"{name}.txt", "".join(lines))
    write_whole(folder / "data.yaml", content)
