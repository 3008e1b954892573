"""LabelMe: a JSON file for each photo, with polygons, rectangles, circles and mask pictures.

Shapes with one ``group_id`` and label are one object, whatever their shapes. Points and lines cover
nothing and are left out with a warning. Where the photo is missing, the copy inside the file
(``imageData``) is used.
"""

import base64
import binascii
import io
import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import (
    as_dict,
    as_list,
    as_name,
    as_number,
    as_size,
    has_keys,
    read_json,
)
from maskdet.data.formats.outlines import polygons_of
from maskdet.data.formats.photo_files import PhotoFinder, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import json_files, read_with, warn_of_flat
from maskdet.data.formats.tool_shapes import Groups, box_of_four
from maskdet.data.formats.via import ellipse
from maskdet.data.mask_pictures import mask_values
from maskdet.data.refusal import refuse
from maskdet.errors import DataError
from maskdet.files import write_whole
from maskdet.geometry.rle import encode_rle_at

NAME = "LabelMe JSON"
LOOKS_FOR = "*.json with shapes and imagePath"
HOLDS = frozenset({"boxes", "masks"})
IGNORED = ("__ignore__", "_background_")
# Rectangles that may be turned, as forks of LabelMe write them: all four corners.
_FOUR = ("rotation", "oriented_rectangle", "quadrilateral")
_FLAT = ("point", "points", "line", "linestrip", "lines")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds LabelMe annotations (the first twenty JSON files count)."""
    return bool(_files(Path(path), most=20))


def _files(path: Path, most: int | None = None) -> list[Path]:
    return json_files(path, _is_labelme, most)


def _is_labelme(content: Any) -> bool:
    return has_keys(content, "shapes", "imagePath")


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    ignore: Sequence[str] = IGNORED,
) -> AnnotatedDataset:
    """A prepared data set from one LabelMe file, or from all in a folder.

    Args:
        classes: names in the order of their ids; by default all that occur, sorted.
        ignore: labels that are no objects.

    Raises:
        DataError: for what cannot be used; names file and shape.
    """
    left_out: Counter[str] = Counter()

    def parse(file: Path, finder: PhotoFinder, skip: bool) -> list[Picture]:
        return [_picture(file, finder, set(ignore), skip, left_out)]

    files = _files(Path(path))
    pictures = read_with(parse, files, path, on_error, ("LabelMe file", LOOKS_FOR))
    claim = f"{path} holds shapes without area, which cannot be detected"
    warn_of_flat(left_out, claim, "they are left out")
    return build_dataset(pictures, "labelme", classes, on_error, one_file_each=True)


def _picture(
    file: Path, finder: PhotoFinder, ignore: set[str], skip: bool, left_out: Counter[str]
) -> Picture:
    content = as_dict(read_json(file), "The content", str(file))
    stated = as_name(content.get("imagePath"), "imagePath", str(file))
    photo = finder.find(file, stated)
    size = as_size(content.get("imageHeight"), content.get("imageWidth"))
    picture = Picture(file.stem, photo, str(file), size=size)
    data = content.get("imageData")
    if not photo.is_file() and isinstance(data, str) and data:
        offset = file.read_bytes().find(data[:200].encode())
        if offset >= 0:
            picture.embedded = (str(file), offset, len(data))
    groups = Groups(size)
    for number, value in enumerate(as_list(content.get("shapes"), "shapes", str(file))):
        spot = f"shape {number} of {file}"
        try:
            shape = as_dict(value, "It", spot)
            label = as_name(shape.get("label"), "label", spot)
            if label in ignore:
                continue
            kind = str(shape.get("shape_type") or "polygon")
            if kind in _FLAT:
                left_out[kind] += 1
                continue
            group = shape.get("group_id")
            item = _item(shape, kind, label, f"{spot} ({label})", size)
            groups.add(item, None if group in (None, "") else str(group))
        except DataError as error:
            refuse(error, skip)
    picture.items = groups.items
    return picture


def _item(
    shape: dict[str, Any], kind: str, label: str, location: str, size: tuple[int, int] | None
) -> Item:
    pairs = [
        [as_number(v, "A corner", location) for v in as_list(point, "A point", location)]
        for point in as_list(shape.get("points"), "points", location)
    ]
    if any(len(pair) != 2 for pair in pairs):
        raise DataError(
            f"The points of {location} are no pairs of x and y; correct them.",
            kind="unusable outline",
        )
    points = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    corners = points[:, ::-1]
    if kind == "polygon":
        if len(corners) < 3:
            raise DataError(
                f"The polygon of {location} has {len(corners)} corners; draw it anew.",
                kind="unusable outline",
            )
        return Item(label, location, None, Shape(polygons=(corners.copy(),)))
    if kind in _FOUR or (kind == "rectangle" and len(corners) != 2):
        if len(corners) != 4:
            raise DataError(
                f"The {kind} of {location} has {len(corners)} corners; draw it anew.",
                kind="unusable outline",
            )
        return box_of_four(label, location, corners)
    if len(corners) < 2:
        raise DataError(
            f"The {kind} of {location} needs two points; draw it anew.", kind="unusable outline"
        )
    (y1, x1), (y2, x2) = np.minimum(*corners[:2]), np.maximum(*corners[:2])
    if kind == "rectangle":
        return Item(label, location, (float(y1), float(x1), float(y2), float(x2)))
    if kind == "circle":
        (cy, cx), (ey, ex) = corners[:2]
        radius = math.hypot(ey - cy, ex - cx)
        return Item(label, location, None, Shape(polygons=(ellipse(cy, cx, radius, radius),)))
    if kind == "mask":
        outline = _mask(shape.get("mask"), (int(y1), int(x1)), size, location)
        return Item(label, location, None, outline)
    raise DataError(
        f"The shape {kind[:40]!r} of {location} is unknown; draw it anew.", kind="unknown shape"
    )


def _mask(data: Any, corner: tuple[int, int], size: tuple[int, int] | None, location: str) -> Shape:
    """A mask picture in base64, laid at its corner, as run lengths."""
    if not isinstance(data, str) or size is None:
        raise DataError(
            f"The mask of {location} has no picture or no image size; draw it anew.",
            kind="wrong value",
        )
    try:
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as picture:
            plane = mask_values(picture).plane != 0
    except (binascii.Error, UnidentifiedImageError) as error:
        text = f"The mask of {location} cannot be read ({error}); draw it anew."
        raise DataError(text, kind="unreadable mask") from None
    except (OSError, SyntaxError, ValueError) as error:
        text = f"The mask of {location} cannot be read ({error}); draw it anew."
        raise DataError(text, kind="damaged mask") from None
    y, x = max(corner[0], 0), max(corner[1], 0)
    part = plane[y - corner[0] : size[0] - corner[0], x - corner[1] : size[1] - corner[1]]
    if y >= size[0] or x >= size[1] or not part.size:
        text = f"The mask of {location} lies outside the image; draw it anew."
        raise DataError(text, kind="mask outside its image")
    return Shape(rle=encode_rle_at(part, (y, x), size))


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write each photo and a JSON file of its name beside it.

    Outlines become polygons, the parts of one object with a common ``group_id``; boxes become
    rectangles. What LabelMe cannot say: crowds (left out), ``difficult``.
    """
    folder = Path(path)
    for image_id, name in enumerate(file_names(dataset)):
        photo = write_photo(dataset, image_id, folder, name)
        write_whole(folder / f"{name}.json", text_of(dataset, image_id, photo.name))


def text_of(dataset: Dataset, image_id: int, image_path: str) -> str:
    """The JSON file of one image.

    Args:
        image_path: the photo's path from the file on.
    """
    height, width = dataset.image_shape(image_id)
    boxes, class_ids = dataset.load_boxes(image_id)
    shapes: list[dict[str, Any]] = []
    for number, (box, class_id, polygons) in enumerate(
        zip(boxes.tolist(), class_ids, polygons_of(dataset, image_id), strict=True)
    ):
        if class_id < 0:
            continue
        label = str(dataset.class_info[int(class_id)]["name"])
        y1, x1, y2, x2 = box
        parts = polygons or (np.array([[y1, x1], [y2, x2]]),)
        for part in parts:
            shapes.append(
                {
                    "label": label,
                    "points": np.asarray(part)[:, ::-1].tolist(),
                    "group_id": number if len(parts) > 1 else None,
                    "shape_type": "polygon" if polygons else "rectangle",
                    "flags": {},
                }
            )
    content: dict[str, Any] = {
        "version": "5.0.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    return json.dumps(content, ensure_ascii=False, indent=1)
