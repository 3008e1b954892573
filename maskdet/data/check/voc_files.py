"""Defects of VOC XML files that a reader cannot tell apart or passes over, with file and line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskdet.data.box_rules import leaves_image
from maskdet.data.check.finding import Finding
from maskdet.data.formats.photo_files import files_below
from maskdet.data.formats.voc_xml import is_deleted, parse_xml
from maskdet.errors import DataError

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def check_voc_files(root: Path) -> tuple[list[Finding], dict[str, int]]:
    """Findings in all VOC files below a folder, and how often each class name occurs as written."""
    findings: list[Finding] = []
    names: dict[str, int] = {}
    files = [root] if root.is_file() else files_below(root)
    for path in files:
        if path.suffix.lower() == ".xml":
            try:
                element = parse_xml(path)
            except DataError as error:
                findings.append(Finding("broken XML", "error", str(error)))
                continue
            findings += _of_file(path, element, names)
    return findings, names


def _of_file(path: Path, root: Any, names: dict[str, int]) -> Iterator[Finding]:
    size = {tag: _number(root.findtext(f"size/{tag}")) for tag in ("width", "height")}
    if not all(size.values()):
        text = f"{path} states the size {root.findtext('size/width')} x "
        text += f"{root.findtext('size/height')}; the photo's own is used."
        yield Finding("size of zero", "warning", text)
    objects = root.findall("object")
    if not objects:
        yield Finding("annotation without objects", "note", f"{path} holds no object.")
    seen: set[tuple[Any, ...]] = set()
    floats = 0
    for number, element in enumerate(objects, start=1):
        if is_deleted(element):
            continue
        raw = element.findtext("name") or ""
        name = raw.strip()
        location = f"object {number} ({name or 'no name'}), {path}, line {element.sourceline}"
        names[name] = names.get(name, 0) + 1
        if not name:
            yield Finding("object without a name", "error", f"There is no <name> in {location}.")
        elif raw != name:
            yield Finding("blanks around a class name", "warning", f"{raw!r} is {location}.")
        if element.find("bndbox") is None and element.find("polygon") is not None:
            continue  # its outline is its box; the reader says if it is none
        corners = [_number(element.findtext(f"bndbox/{side}")) for side in _SIDES]
        if any(value is None for value in corners):
            yield Finding("box without four numbers", "error", f"<bndbox> of {location}.")
            continue
        x1, y1, x2, y2 = (float(value or 0.0) for value in corners)
        floats += any(not value.is_integer() for value in (x1, y1, x2, y2))
        key = (name, x1, y1, x2, y2)
        if key in seen:
            yield Finding("duplicated box", "warning", f"The same box again: {location}.")
        seen.add(key)
        yield from _of_box((x1, y1, x2, y2), size, location)
    if floats:
        text = f"{path} holds {floats} boxes with fractions of pixels; they are kept."
        yield Finding("float coordinates", "note", text)


def _of_box(
    box: tuple[float, float, float, float], size: dict[str, float | None], location: str
) -> Iterator[Finding]:
    x1, y1, x2, y2 = box
    shown = f"xmin {x1:g}, ymin {y1:g}, xmax {x2:g}, ymax {y2:g}"
    if x2 < x1 or y2 < y1:
        yield Finding("swapped corners", "error", f"{shown} of {location}.")
    elif x2 == x1 or y2 == y1:
        yield Finding("box without area", "error", f"{shown} of {location}.")
    if min(box) < 0:
        yield Finding("negative coordinates", "warning", f"{shown} of {location}; it is cut.")
    width, height = size["width"], size["height"]
    upright = (min(y1, y2), min(x1, x2), max(y1, y2), max(x1, x2))
    if width and height and leaves_image(upright, (height, width)):
        text = f"{shown} of {location} leaves the {width:g} x {height:g} pixels of its image."
        yield Finding("box outside its image", "error", text)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None
