"""A data set as it was meant: what can be mended is, the rest left out. Files are not touched."""

import warnings
from pathlib import Path

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Box, Item, Picture, Shape, build_dataset
from maskdet.data.check.contents import TWICE
from maskdet.data.dataset import Dataset
from maskdet.data.formats.voc import VOCDataset
from maskdet.data.formats.voc_xml import parse_file
from maskdet.errors import DataError, MaskdetWarning
from maskdet.geometry.boxes import pairwise_iou
from maskdet.geometry.rle import encode_rle
from maskdet.images import read_image


def repaired(dataset: Dataset) -> AnnotatedDataset:
    """A copy of the index with swapped corners put right, boxes cut to their images, empty and
    doubled boxes and unreadable photos left out, and class names that differ in case or blanks
    alone made one.

    Raises:
        DataError: if no image is left.
    """
    names = _spellings(dataset)
    pictures = []
    for image_id in range(len(dataset.image_info)):
        path = Path(str(dataset.image_info[image_id]["path"]))
        try:
            read_image(path)
        except DataError:
            continue
        items = _items(dataset, image_id, names)
        label = dataset.image_label(image_id)
        image = dataset.image_info[image_id]["id"]
        pictures.append(Picture(image, path, label, _unique(items)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)
        return build_dataset(pictures, "repaired", on_error="skip")


def _spellings(dataset: Dataset) -> dict[str, str]:
    """For each class name the most frequent of those that differ from it in case or blanks."""
    # By the names in full, which class_counts may show shortened.
    shown = dataset.class_counts()
    full = [str(info["name"]) for info in dataset.class_info[1:]]
    counts = dict(zip(full, shown.values(), strict=True))
    best: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: -counts[name]):
        best.setdefault(name.strip().casefold(), name.strip())
    return {name: best[name.strip().casefold()] for name in counts}


def _items(dataset: Dataset, image_id: int, names: dict[str, str]) -> list[Item]:
    boxes, class_ids, masks = dataset.load_instances(image_id)
    difficult = np.asarray(dataset.load_difficult(image_id), dtype=bool)
    items = []
    for number, class_id in enumerate(class_ids):
        kind = str(dataset.class_info[abs(int(class_id))]["name"])
        y1, x1, y2, x2 = (float(side) for side in boxes[number])
        shape = None if masks is None else Shape(rle=encode_rle(masks[..., number]))
        location = f"object {number + 1} ({kind}) of {dataset.image_label(image_id)}"
        item = Item(names.get(kind, kind), location, (y1, x1, y2, x2), shape)
        item.crowd, item.difficult = bool(class_id < 0), bool(difficult[number])
        items.append(item)
    if isinstance(dataset, VOCDataset) and masks is None:
        items += _turned_around(dataset, image_id, names)
    return items


def _turned_around(dataset: Dataset, image_id: int, names: dict[str, str]) -> list[Item]:
    """Objects of the XML file whose corners are swapped, put right."""
    items = []
    for item in parse_file(dataset.image_info[image_id]["annotation"]).objects:
        if isinstance(item, DataError):
            continue
        y1, x1, y2, x2 = item.box
        if (x2 < x1 or y2 < y1) and x1 != x2 and y1 != y2:
            box: Box = (min(y1, y2), min(x1, x2), max(y1, y2), max(x1, x2))
            items.append(Item(names.get(item.name, item.name), item.location, box))
    return items


def _unique(items: list[Item]) -> list[Item]:
    """Without boxes that repeat an earlier one of their class."""
    unique: list[Item] = []
    for item in items:
        others = [other.box for other in unique if other.name == item.name and not other.crowd]
        if others and item.box is not None and not item.crowd:
            if pairwise_iou(np.array([item.box]), np.array(others)).max() > TWICE:
                continue
        unique.append(item)
    return unique
