"""The files that detections are kept in: our own JSON, VOC XML, and COCO's results."""

import base64
import binascii
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import DataError
from maskdet.geometry.boxes import clip_boxes, convert_boxes
from maskdet.geometry.masks import whole_box

Array = NDArray[Any]
_FORMAT = "maskdet.detections"


def packed(fields: Mapping[str, Any], small_masks: Array | None) -> str:
    """JSON of plain fields and small masks float32 (N, h, w), exactly."""
    content: dict[str, Any] = {"format": _FORMAT, "version": 1, **fields, "small_masks": None}
    if small_masks is not None:
        data = zlib.compress(small_masks.astype("<f4").tobytes())
        content["small_masks"] = {
            "shape": list(small_masks.shape),
            "float32_zlib_base64": base64.b64encode(data).decode("ascii"),
        }
    return json.dumps(content)


def unpacked(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Array | None]:
    """Fields and small masks of a file that :func:`packed` made.

    Raises:
        DataError: for a file that is missing, is not ours, or is damaged.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"The detections in {os.fspath(path)} cannot be read ({error}); save them again."
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DataError(
            f"{os.fspath(path)} does not hold detections; give a file that Detections.save wrote."
        )
    try:
        return content, _masks(content["small_masks"])
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as error:
        raise damaged(path, error) from error


def damaged(path: str | os.PathLike[str], error: Exception) -> DataError:
    """The error for a file whose content makes no detections."""
    return DataError(f"The detections in {os.fspath(path)} are damaged ({error}); save them again.")


def _masks(content: Mapping[str, Any] | None) -> Array | None:
    """Small masks as :func:`packed` wrote them."""
    if content is None:
        return None
    count, height, width = (int(side) for side in content["shape"])
    size = 4 * count * height * width
    try:
        data = base64.b64decode(content["float32_zlib_base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"masks are no base64: {error}") from error
    # One byte more than expected is enough to notice; a bomb is never unpacked.
    raw = zlib.decompressobj().decompress(data, size + 1)
    if len(raw) != size:
        raise ValueError(f"masks hold {len(raw)} bytes instead of {size}")
    return np.frombuffer(raw, dtype="<f4").reshape(count, height, width)


def coco_entries(
    image_id: int,
    boxes: Array,
    categories: Sequence[int],
    scores: Array,
    runs: Sequence[Mapping[str, Any]] | None,
) -> list[dict[str, Any]]:
    """An image's detections as COCO has results, in plain numbers.

    Args:
        boxes: (N, 4) y1, x1, y2, x2 in pixels.
        categories: the data set's own numbers of the classes.
        scores: (N,).
        runs: the masks as uncompressed run lengths; None without masks.
    """
    rows = convert_boxes(boxes.astype(float), "yxyx", "xywh").tolist()
    segments = [{}] * len(boxes) if runs is None else [{"segmentation": run} for run in runs]
    return [
        {"image_id": image_id, "category_id": category, "bbox": box, "score": score, **segment}
        for category, box, score, segment in zip(
            categories, rows, scores.tolist(), segments, strict=True
        )
    ]


def voc_text(
    boxes: Array, names: Sequence[str], image_shape: tuple[int, int], filename: str
) -> str:
    """A VOC annotation as LabelImg writes it: corners counted from 0, the far ones exclusive.

    Args:
        boxes: (N, 4) y1, x1, y2, x2 in pixels; rounded to whole ones and cut to the image, those
            without area left out.
        names: class of each box.
        image_shape: (height, width) of the photo; ``filename``: its name.
    """
    height, width = image_shape
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "folder").text = Path(filename).parent.name
    ElementTree.SubElement(root, "filename").text = Path(filename).name
    size = ElementTree.SubElement(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        ElementTree.SubElement(size, tag).text = str(value)
    ElementTree.SubElement(root, "segmented").text = "0"
    for box, name in zip(clip_boxes(boxes, (0, 0, height, width)), names, strict=True):
        y1, x1, y2, x2 = whole_box(box)
        if y2 <= y1 or x2 <= x1:
            continue
        item = ElementTree.SubElement(root, "object")
        for tag, text in (("name", name), ("pose", "Unspecified")):
            ElementTree.SubElement(item, tag).text = text
        for tag in ("truncated", "difficult"):
            ElementTree.SubElement(item, tag).text = "0"
        corners = ElementTree.SubElement(item, "bndbox")
        for tag, value in (("xmin", x1), ("ymin", y1), ("xmax", x2), ("ymax", y2)):
            ElementTree.SubElement(corners, tag).text = str(value)
    ElementTree.indent(root, "\t")
    return ElementTree.tostring(root, encoding="unicode") + "\n"
