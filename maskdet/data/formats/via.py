"""VGG Image Annotator, versions 1 and 2: annotation exports and projects in JSON.

Polygons, rectangles, circles and ellipses are objects; points and lines cover nothing and are left
out with a warning. A region's class is one of its attributes.
"""

import json
import math
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import (
    as_dict,
    as_list,
    as_name,
    as_number,
    read_json,
)
from maskdet.data.formats.outlines import bridged, polygons_of
from maskdet.data.formats.photo_files import PhotoFinder, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import json_files, read_with, warn_of_flat
from maskdet.data.formats.writing import write_over
from maskdet.data.refusal import each_usable
from maskdet.errors import DataError, DataWarning

NAME = "VIA JSON"
LOOKS_FOR = "*.json with filename, regions and shape_attributes"
HOLDS = frozenset({"boxes", "masks"})
FILE_NAME = "via_region_data.json"
_FLAT = ("polyline", "point", "line")
_USUAL = ("class", "name", "label", "type", "category", "object")
# What VIA itself writes where nobody chose a value.
_UNSAID = ("", "not_defined", "undefined")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds VIA annotations."""
    return bool(_files(Path(path)))


def _files(path: Path) -> list[Path]:
    return json_files(path, _is_via)


def _is_via(content: Any) -> bool:
    if isinstance(content, str):
        return '"regions"' in content and '"filename"' in content
    if not isinstance(content, dict):
        return False
    entries = content.get("_via_img_metadata", content)
    return isinstance(entries, dict) and any(
        isinstance(entry, dict) and {"filename", "regions"} <= set(entry)
        for entry in entries.values()
    )


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    attribute: str | None = None,
    default_class: str = "object",
) -> AnnotatedDataset:
    """A prepared data set from one VIA file, or from all in a folder.

    Args:
        classes: names in the order of their ids; by default all that occur, sorted.
        attribute: the region attribute that holds the class; by default the one that is there, or
            the most usual of several that says something. A warning names the others that might
            be meant.
        default_class: class of regions without attributes.

    Raises:
        DataError: for what cannot be used; names file, photo and region.
    """

    def parse(file: Path, finder: PhotoFinder, skip: bool) -> Iterator[Picture]:
        return _pictures(file, finder, attribute, default_class, skip)

    files = _files(Path(path))
    pictures = read_with(parse, files, path, on_error, ("VIA file", LOOKS_FOR))
    return build_dataset(pictures, "via", classes, on_error)


@dataclass
class _Entry:
    """A photo and its regions, not parsed yet."""

    name: str
    location: str
    regions: list[Any]


def _pictures(
    file: Path, finder: PhotoFinder, attribute: str | None, default: str, skip: bool
) -> Iterator[Picture]:
    content = as_dict(read_json(file), "The content", str(file))
    metadata = as_dict(content.get("_via_img_metadata", content), "_via_img_metadata", str(file))

    def entry(_: int, key: str) -> _Entry:
        fields = as_dict(metadata[key], f"Entry {key[:60]!r}", str(file))
        name = as_name(fields.get("filename"), "filename", f"entry {key[:60]!r} of {file}")
        location = f"photo {name} in {file}"
        regions = fields.get("regions")
        if isinstance(regions, dict):  # version 1
            regions = list(regions.values())
        return _Entry(name, location, as_list(regions, "regions", location))

    entries = list(each_usable(entry, metadata, skip))
    class_attribute = attribute or _attribute(entries, file)
    left_out: Counter[str] = Counter()

    def item(number: int, value: Any, location: str) -> Item | None:
        spot = f"region {number} of {location}"
        region = as_dict(value, "It", spot)
        shape = as_dict(region.get("shape_attributes"), "shape_attributes", spot)
        if shape.get("name") in _FLAT:
            left_out[str(shape["name"])] += 1
            return None
        kind = _class_of(region, class_attribute, default, spot)
        box, outline = _outline(shape, spot)
        return Item(kind, f"{spot} ({kind})", box, outline)

    def picture(_: int, each: _Entry) -> Picture:
        photo = finder.find(file, each.name)
        items = each_usable(
            lambda number, value: item(number, value, each.location), each.regions, skip
        )
        listed = [one for one in items if one is not None]
        return Picture(each.name, photo, each.location, listed)

    yield from each_usable(picture, entries, skip)
    claim = f"{file} holds regions without area, which cannot be detected"
    warn_of_flat(left_out, claim, "they are left out")


def _attribute(entries: Sequence[_Entry], file: Path) -> str | None:
    """The region attribute that most regions have and that says something.

    Of several the most usual name; a warning where another one may be meant.
    """
    counts: Counter[str] = Counter()
    telling: Counter[str] = Counter()
    for region in (region for entry in entries for region in entry.regions):
        attributes = region.get("region_attributes") if isinstance(region, dict) else None
        if isinstance(attributes, dict):
            counts.update(str(key) for key in attributes)
            telling.update(str(key) for key, value in attributes.items() if _says_something(value))
    if not counts:
        return None
    frequent = _frequent(counts)
    candidates = [key for key in frequent if telling[key]] or _frequent(telling) or frequent
    usual = [key for word in _USUAL for key in candidates if key.lower() == word]
    choice = (usual or candidates)[0]
    silent = [key for key in frequent if key.lower() in _USUAL and not telling[key]]
    others = [key for key in usual or candidates if key != choice] + silent
    if others and choice not in silent:
        text = f"{file} gives regions several attributes; {choice!r} is taken for the class, not "
        text += f"{', '.join(map(repr, others))}; say attribute= if that is wrong."
        warnings.warn(DataWarning(text, "class in doubt"), stacklevel=5)
    elif counts[choice] > telling[choice]:
        text = f"{counts[choice] - telling[choice]} regions of {file} have no value for the class "
        text += f"attribute {choice!r}; choose one for each, or say attribute= if another is meant."
        warnings.warn(DataWarning(text, "class in doubt"), stacklevel=5)
    return choice


def _frequent(counts: Counter[str]) -> list[str]:
    return [key for key, count in counts.items() if count >= 0.9 * max(counts.values())]


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):  # a check box: {"cat": true}
        return sum(map(bool, value.values())) == 1
    return str(value).strip().lower() not in _UNSAID


def _class_of(region: dict[str, Any], attribute: str | None, default: str, location: str) -> str:
    attributes = region.get("region_attributes")
    if attribute is None or not isinstance(attributes, dict) or not attributes:
        return default
    value = attributes.get(attribute)
    if isinstance(value, dict):  # a check box: {"cat": true}
        ticked = [name for name, on in value.items() if on]
        value = ticked[0] if len(ticked) == 1 else None
    return as_name(value, f"The attribute {attribute!r}", location)


def _outline(shape: dict[str, Any], location: str) -> tuple[Any, Shape | None]:
    """Box (of rectangles) and outline (of everything else)."""

    def value(name: str) -> float:
        return as_number(shape.get(name), name, location)

    kind = shape.get("name")
    if kind == "rect":
        x, y = value("x"), value("y")
        return (y, x, y + value("height"), x + value("width")), None
    if kind == "polygon":
        xs, ys = (
            [as_number(v, "A corner", location) for v in as_list(shape.get(name), name, location)]
            for name in ("all_points_x", "all_points_y")
        )
        if len(xs) != len(ys) or len(xs) < 3:
            raise DataError(
                f"The polygon of {location} has {len(xs)} x and {len(ys)} y; correct it.",
                kind="unusable outline",
            )
        return None, Shape(polygons=(np.stack([ys, xs], axis=1).astype(np.float64),))
    if kind in ("circle", "ellipse"):
        rx, ry = (value("r"),) * 2 if kind == "circle" else (value("rx"), value("ry"))
        turn = as_number(shape.get("theta") or 0.0, "theta", location)
        return None, Shape(polygons=(ellipse(value("cy"), value("cx"), ry, rx, turn),))
    raise DataError(
        f"The shape {str(kind)[:40]!r} of {location} is unknown; draw it anew.",
        kind="unknown shape",
    )


def ellipse(
    centre_y: float, centre_x: float, radius_y: float, radius_x: float, turn: float = 0.0
) -> np.ndarray:
    """An ellipse as a polygon (K, 2) of y, x, off by less than a twentieth of a pixel.

    ``turn`` is clockwise on the picture, in radians.
    """
    largest = max(abs(radius_y), abs(radius_x), 1.0)
    corners = int(min(720, max(12, math.ceil(math.pi / math.acos(1 - min(0.5, 0.05 / largest))))))
    angle = np.arange(corners) * 2 * math.pi / corners
    x, y = radius_x * np.cos(angle), radius_y * np.sin(angle)
    turned_x = x * math.cos(turn) - y * math.sin(turn)
    turned_y = x * math.sin(turn) + y * math.cos(turn)
    return np.stack([centre_y + turned_y, centre_x + turned_x], axis=1)


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write photos and ``via_region_data.json`` (version 2), the class as the attribute "class".

    Outlines become polygons (parts joined by lines of no width), boxes rectangles. What VIA cannot
    say: crowds (left out), ``difficult``.
    """
    folder = Path(path)
    content = {}
    for image_id, name in enumerate(file_names(dataset)):
        photo = write_photo(dataset, image_id, folder, name)
        boxes, class_ids = dataset.load_boxes(image_id)
        regions = []
        for box, class_id, polygons in zip(
            boxes.tolist(), class_ids, polygons_of(dataset, image_id), strict=True
        ):
            if class_id < 0:
                continue
            kind = str(dataset.class_info[int(class_id)]["name"])
            regions.append(
                {"shape_attributes": _shape(box, polygons), "region_attributes": {"class": kind}}
            )
        size = photo.stat().st_size
        content[f"{photo.name}{size}"] = {
            "filename": photo.name,
            "size": size,
            "regions": regions,
            "file_attributes": {},
        }
    write_over(folder / FILE_NAME, json.dumps(content, ensure_ascii=False))


def _shape(box: Sequence[float], polygons: Any) -> dict[str, Any]:
    if polygons:
        corners = bridged(polygons)
        xs, ys = corners[:, 1].tolist(), corners[:, 0].tolist()
        return {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
    y1, x1, y2, x2 = box
    return {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
