"""One VOC annotation file: XML to objects and back."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from maskdet.data.box_rules import Box, checked_box
from maskdet.data.formats.xml_file import xml_root
from maskdet.errors import DataError

_SIDES = ("ymin", "xmin", "ymax", "xmax")
_YES = frozenset({"1", "1.0", "true", "yes"})
#: Corners y, x of one closed outline.
Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class VOCObject:
    """One <object>.

    Attributes:
        name: its class.
        box: y1, x1, y2, x2 in pixels, as the file has them; around the outline if it has none.
        difficult, truncated, occluded: its flags; empty or odd values count as no.
        pose: as the file has it, often "Unspecified" or empty.
        location: "object K (name), file, line L", for messages.
        polygons: the parts of its outline, as the file has them; none for a box alone.
    """

    name: str
    box: Box
    difficult: bool
    truncated: bool
    occluded: bool
    pose: str
    location: str
    polygons: tuple[Corners, ...] = ()

    def checked(self, shape: Sequence[int] | None = None) -> "VOCObject":
        """This object with its box cut to an image of ``shape`` (height, width), if given.

        Raises:
            DataError: if the box has no area or leaves the image by more than two pixels.
        """
        box = checked_box(self.box, shape, self.location, self._corners())
        return VOCObject(**{**self.__dict__, "box": box})

    def _corners(self) -> str:
        y1, x1, y2, x2 = (format_number(side) for side in self.box)
        return f"xmin {x1}, ymin {y1}, xmax {x2}, ymax {y2}"


@dataclass(frozen=True)
class VOCFile:
    """One annotation file, read but not checked against its photo.

    Attributes:
        path: of the XML file.
        filename: what it says its photo is called, without folders; may be wrong or empty.
        size: (height, width) that it states, or None if it states none.
        objects: its objects in order; a DataError in the place of one that cannot be read. Those
            marked as deleted (by LabelMe's web page) are left out.
    """

    path: Path
    filename: str
    size: tuple[int, int] | None
    objects: list[VOCObject | DataError]


def parse_xml(path: str | os.PathLike[str]) -> Any:
    """The root element <annotation> of a VOC file.

    Entities are not expanded and nothing is fetched.

    Raises:
        DataError: if the file does not parse (names file and line) or is something else.
    """
    root = xml_root(path)
    if root.tag != "annotation":
        raise DataError(
            f"{path} is not a VOC annotation: its root is <{root.tag}>, not <annotation>.",
            kind="unknown format",
            path=path,
        )
    return root


def parse_file(path: str | os.PathLike[str]) -> VOCFile:
    """A VOC annotation file. Raises DataError if the XML as a whole cannot be used."""
    root = parse_xml(path)
    objects: list[VOCObject | DataError] = []
    for number, element in enumerate(root.findall("object"), start=1):
        if is_deleted(element):
            continue
        try:
            objects.append(_parse_object(element, number, path))
        except DataError as error:
            objects.append(error)
    name = _text(root, "filename").replace("\\", "/").rsplit("/", 1)[-1]
    return VOCFile(Path(path), name, _stated_size(root), objects)


def read_objects(
    path: str | os.PathLike[str], image_shape: Sequence[int] | None = None
) -> list[VOCObject]:
    """The objects of one VOC annotation file, for data sets of your own.

    Args:
        image_shape: (height, width) of the photo; boxes are then cut to it, and refused if they
            leave it by more than two pixels.

    Raises:
        DataError: if the file does not parse, or an object's box is incomplete, has no area or
            leaves the image; names file and line.
    """
    objects = []
    for item in parse_file(path).objects:
        if isinstance(item, DataError):
            raise item
        objects.append(item.checked(image_shape))
    return objects


def is_deleted(element: Any) -> bool:
    """Whether an <object> is marked as deleted."""
    return _text(element, "deleted").lower() in _YES


def _text(element: Any, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _stated_size(root: Any) -> tuple[int, int] | None:
    """(height, width) of <size>; None where it is missing, zero or no number."""
    for tags in (("size/height", "size/width"), ("imagesize/nrows", "imagesize/ncols")):
        try:
            height, width = (int(float(_text(root, tag))) for tag in tags)
        except (ValueError, OverflowError):
            continue
        if height > 0 and width > 0:
            return height, width
    return None


def _parse_object(element: Any, number: int, path: str | os.PathLike[str]) -> VOCObject:
    # Only direct children count: <part> holds a name and a box of its own.
    name = _text(element, "name")
    location = f"object {number} ({name or 'no name'}), {path}, line {element.sourceline}"
    try:
        if not name:
            raise DataError(
                f"There is no <name> in {location}; give it a class or remove it.",
                kind="object without a name",
            )
        polygons = tuple(
            corners for part in element.findall("polygon") if (corners := _corners(part, location))
        )
        box = _box(element.find("bndbox"), polygons, location)
    except DataError as error:
        error.path, error.line = path, element.sourceline
        raise
    flags = {
        tag: _text(element, tag).lower() in _YES for tag in ("difficult", "truncated", "occluded")
    }
    pose = _text(element, "pose")
    return VOCObject(name, box, pose=pose, location=location, polygons=polygons, **flags)


def _box(element: Any, polygons: Sequence[Corners], location: str) -> Box:
    """The four sides of a <bndbox>; without one those of the outline."""
    if element is None and polygons:
        ys, xs = zip(*(corner for corners in polygons for corner in corners), strict=True)
        return min(ys), min(xs), max(ys), max(xs)
    if element is None:
        raise DataError(
            f"There is no <bndbox> in {location}; draw a box or remove the object.",
            kind="box without four numbers",
        )
    sides = {tag: _finite(element, tag) for tag in _SIDES}
    for tag, value in sides.items():
        if value is None:
            raise DataError(
                f"<{tag}> is {_text(element, tag)!r}, not a number, in {location}; correct it.",
                kind="box without four numbers",
            )
    y1, x1, y2, x2 = (value or 0.0 for value in sides.values())
    return y1, x1, y2, x2


def _corners(element: Any, location: str) -> Corners:
    """The corners of a <polygon>, written as <x1> <y1> <x2> ... or as <pt> with <x> and <y>.

    None of one or two, which cover nothing.
    """
    pairs = [(point, "y", "x") for point in element if point.tag in ("pt", "point")]
    if not pairs:
        tags = (re.fullmatch(r"[xy](\d+)", str(child.tag)) for child in element)
        numbers = sorted({int(tag[1]) for tag in tags if tag})
        pairs = [(element, f"y{number}", f"x{number}") for number in numbers]
    corners = []
    for parent, y_tag, x_tag in pairs:
        y, x = _finite(parent, y_tag), _finite(parent, x_tag)
        if y is None or x is None:
            raise DataError(
                f"A corner of the <polygon> of {location} is no pair of numbers <{x_tag}> and "
                f"<{y_tag}>; correct it.",
                kind="unusable outline",
            )
        corners.append((y, x))
    return tuple(corners) if len(corners) >= 3 else ()


def _finite(element: Any, tag: str) -> float | None:
    try:
        value = float(_text(element, tag))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def format_number(value: float) -> str:
    """``48`` for 48.0, else the shortest text that a float32 is read back from unchanged."""
    return str(int(value)) if float(value).is_integer() else f"{value:.9g}"


def build_xml(
    filename: str, folder: str, shape: Sequence[int], objects: Sequence[VOCObject], segmented: bool
) -> bytes:
    """The text of an annotation file, fields and order as LabelImg writes them; UTF-8.

    Args:
        shape: (height, width) of the photo.
        segmented: whether there is a mask picture beside it.
    """
    root = etree.Element("annotation")

    def add(parent: Any, tag: str, text: Any = None) -> Any:
        element = etree.SubElement(parent, tag)
        element.text = None if text is None else str(text)
        return element

    add(root, "folder", folder)
    add(root, "filename", filename)
    add(add(root, "source"), "database", "Unknown")
    size = add(root, "size")
    for tag, value in (("width", shape[1]), ("height", shape[0]), ("depth", 3)):
        add(size, tag, int(value))
    add(root, "segmented", int(segmented))
    for item in objects:
        element = add(root, "object")
        add(element, "name", item.name)
        add(element, "pose", item.pose or "Unspecified")
        add(element, "truncated", int(item.truncated))
        add(element, "difficult", int(item.difficult))
        if item.occluded:
            add(element, "occluded", 1)
        corners = dict(zip(_SIDES, item.box, strict=True))
        box = add(element, "bndbox")
        for tag in ("xmin", "ymin", "xmax", "ymax"):
            add(box, tag, format_number(corners[tag]))
    etree.indent(root, "\t")
    text: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=False) + b"\n"
    return text
