"""CVAT for images 1.1: one XML file for many photos, with boxes, polygons, masks and more.

Outlines of one group and label are one object. Points, polylines, cuboids and tags cover nothing
(or say nothing of where) and are left out with a warning. Videos (tracks) are refused.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import as_name, as_number, as_size
from maskdet.data.formats.outlines import bridged, polygons_of
from maskdet.data.formats.photo_files import PhotoFinder, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import files_at, is_empty, read_with, warn_of_flat, with_damaged
from maskdet.data.formats.tool_shapes import Groups, turned_box
from maskdet.data.formats.via import ellipse
from maskdet.data.formats.writing import write_over
from maskdet.data.formats.xml_file import xml_root
from maskdet.data.refusal import each_usable, refuse
from maskdet.errors import DataError
from maskdet.geometry.rle import encode_rle_at

NAME = "CVAT XML"
LOOKS_FOR = "*.xml with <annotations> and <image>"
HOLDS = frozenset({"boxes", "masks"})
FILE_NAME = "annotations.xml"
_FLAT = ("points", "polyline", "tag", "cuboid", "skeleton")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds CVAT annotations."""
    return bool(_files(Path(path), most=20))


def _files(path: Path, most: int | None = None) -> list[Path]:
    files = files_at(path, ".xml")[:most]
    return with_damaged(files, lambda file: b"<annotations" in _head(file), is_empty)


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(2000)
    except OSError:
        return b""


def read(
    path: str | os.PathLike[str], classes: Sequence[str] | None = None, on_error: str = "raise"
) -> AnnotatedDataset:
    """A prepared data set from one CVAT file, or from all in a folder.

    Args:
        classes: names in the order of their ids; by default all that occur, sorted.

    Raises:
        DataError: for what cannot be used; names file and line.
    """
    files = _files(Path(path))
    pictures = read_with(_pictures, files, path, on_error, ("CVAT file", LOOKS_FOR))
    return build_dataset(pictures, "cvat", classes, on_error)


def _root(file: Path) -> Any:
    root = xml_root(file)
    if root.tag != "annotations":
        raise DataError(
            f"{file} is no CVAT file: its root is <{root.tag}>, not <annotations>.",
            kind="unknown format",
            path=file,
        )
    return root


def _pictures(file: Path, finder: PhotoFinder, skip: bool) -> Iterator[Picture]:
    left_out: Counter[str] = Counter()
    root = _root(file)
    if root.find("track") is not None:
        error = DataError(
            f"{file} describes a video by tracks, whose photos it does not name; export it from "
            "CVAT as 'CVAT for images'.",
            kind="unknown format",
            path=file,
        )
        refuse(error, skip, "its tracks are left out")

    def picture(_: int, element: Any) -> Picture:
        location = f"{file}, line {element.sourceline}"
        name = as_name(element.get("name"), "The name of an image", location)
        size = as_size(element.get("height"), element.get("width"))
        photo = finder.find(file, name)
        shapes = [child for child in element if child.tag not in _FLAT]
        left_out.update(str(child.tag) for child in element if child.tag in _FLAT)
        groups = Groups(size)

        def part(_: int, child: Any) -> None:
            item = _item(child, f"{child.tag} in {file}, line {child.sourceline}", size)
            item.occluded = child.get("occluded") == "1"
            groups.add(item, _group(child))

        list(each_usable(part, shapes, skip))
        return Picture(name, photo, f"image {name} in {location}", groups.items, size)

    yield from each_usable(picture, root.iter("image"), skip)
    claim = f"{file} holds what has no area and cannot be detected"
    warn_of_flat(left_out, claim, "it is left out")


def _group(element: Any) -> str | None:
    """The group of an outline; boxes in one group are objects that belong together."""
    group = (element.get("group_id") or "0").strip()
    return None if element.tag == "box" or group == "0" else group


def _item(element: Any, location: str, size: tuple[int, int] | None) -> Item:
    label = as_name(element.get("label"), "label", location)
    location = f"{location} ({label})"

    def value(name: str) -> float:
        return as_number(element.get(name), name, location)

    if element.tag == "box":
        y1, x1, y2, x2 = (value(name) for name in ("ytl", "xtl", "ybr", "xbr"))
        degrees = as_number(element.get("rotation") or 0, "rotation", location)
        if degrees % 180:
            return turned_box(label, location, (y1, x1, y2, x2), degrees)
        return Item(label, location, (y1, x1, y2, x2))
    if element.tag == "polygon":
        return Item(label, location, None, Shape(polygons=(_corners(element, location),)))
    if element.tag == "ellipse":
        turn = np.radians(as_number(element.get("rotation") or 0, "rotation", location))
        corners = ellipse(value("cy"), value("cx"), value("ry"), value("rx"), float(turn))
        return Item(label, location, None, Shape(polygons=(corners,)))
    if element.tag == "mask":
        corner = int(value("top")), int(value("left"))
        shape = int(value("height")), int(value("width"))
        return Item(label, location, None, _mask(element.get("rle"), corner, shape, size, location))
    raise DataError(
        f"<{str(element.tag)[:40]}> in {location} is no shape that is known; remove it.",
        kind="unusable outline",
    )


def _corners(element: Any, location: str) -> np.ndarray:
    pairs = [pair.split(",") for pair in (element.get("points") or "").split(";") if pair]
    if len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        raise DataError(
            f"The points of {location} are no corners x,y;x,y;...; correct them.",
            kind="unusable outline",
        )
    corners = [[as_number(y, "y", location), as_number(x, "x", location)] for x, y in pairs]
    return np.array(corners, dtype=np.float64)


def _mask(
    text: str | None,
    corner: tuple[int, int],
    shape: tuple[int, int],
    size: tuple[int, int] | None,
    location: str,
) -> Shape:
    """CVAT's run lengths (row by row within a box of the image) as COCO's of the whole image."""
    try:
        runs = np.array([int(word) for word in (text or "").split(",")], dtype=np.int64)
    except (ValueError, OverflowError):
        raise DataError(
            f"The rle of {location} is no list of numbers; draw it anew.",
            kind="unusable run lengths",
        ) from None
    y, x = corner
    inside = size is not None and 0 <= y and 0 <= x and max(shape) < 1 << 16
    if not inside or size is None or y + shape[0] > size[0] or x + shape[1] > size[1]:
        raise DataError(
            f"The mask of {location} leaves the image; draw it anew.", kind="mask outside its image"
        )
    if min(shape) < 1 or (runs < 0).any() or runs.sum() != shape[0] * shape[1]:
        raise DataError(
            f"The rle of {location} sums up to {int(runs.sum())} instead of {shape[0]} x "
            f"{shape[1]} pixels; draw it anew.",
            kind="unusable run lengths",
        )
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return Shape(rle=encode_rle_at(values.reshape(shape), corner, size))


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write ``images/`` and ``annotations.xml``.

    Outlines become polygons (parts joined by lines of no width). What CVAT cannot say: crowds (left
    out), ``difficult``.
    """
    folder = Path(path)
    root = etree.Element("annotations")
    etree.SubElement(root, "version").text = "1.1"
    for image_id, name in enumerate(file_names(dataset)):
        photo = write_photo(dataset, image_id, folder / "images", name)
        height, width = dataset.image_shape(image_id)
        facts = {"id": str(image_id), "name": photo.name, "width": str(width)}
        image = etree.SubElement(root, "image", {**facts, "height": str(height)})
        boxes, class_ids = dataset.load_boxes(image_id)
        for box, class_id, polygons in zip(
            boxes.tolist(), class_ids, polygons_of(dataset, image_id), strict=True
        ):
            if class_id < 0:
                continue
            label = {"label": str(dataset.class_info[int(class_id)]["name"]), "occluded": "0"}
            if polygons:
                corners = ";".join(f"{x:.9g},{y:.9g}" for y, x in bridged(polygons))
                etree.SubElement(image, "polygon", {**label, "points": corners})
            else:
                names = ("ytl", "xtl", "ybr", "xbr")
                sides = {n: f"{v:.9g}" for n, v in zip(names, box, strict=True)}
                etree.SubElement(image, "box", {**label, **sides})
    etree.indent(root)
    write_over(folder / FILE_NAME, etree.tostring(root, encoding="utf-8", xml_declaration=True))
