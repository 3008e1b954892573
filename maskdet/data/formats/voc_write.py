"""Any data set written as VOC XML, photos and masks included."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.data.dataset import Dataset
from maskdet.data.formats.photo_files import write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.voc_xml import VOCObject, build_xml
from maskdet.errors import MaskdetWarning
from maskdet.files import write_whole
from maskdet.images import save_picture, write_image

Array = NDArray[Any]
_MOST_IN_8_BIT = 254  # 255 is the border


def write(dataset: Dataset, path: str | os.PathLike[str], *, one_based: bool = False) -> None:
    """Write a data set as ``Annotations``, ``JPEGImages`` and, with masks, ``SegmentationObject``.

    Photos are copied as they are; made ones (``load_image`` overridden, or no path) are written as
    PNG. Boxes keep their fractions. In a mask picture the pixels of the k-th object have value k;
    where objects overlap the later one wins. Up to 254 objects it has 8 bits and VOC's palette, for
    more 16 bits. Crowds (negative class ids) are written as difficult objects of their class.
    Objects without area are left out with a warning. Existing files of the same names are
    replaced; every file is written whole.

    Args:
        one_based: write xmin and ymin one higher, as the original VOC counts.
    """
    folder = Path(path)
    for image_id, name in enumerate(file_names(dataset)):
        target = write_photo(dataset, image_id, folder / "JPEGImages", name)
        objects, masks = _objects(dataset, image_id, one_based)
        if masks is not None:
            write_masks(folder / "SegmentationObject" / f"{name}.png", masks)
        text = build_xml(
            target.name, "JPEGImages", dataset.image_shape(image_id), objects, masks is not None
        )
        write_whole(folder / "Annotations" / f"{name}.xml", text)


def _objects(
    dataset: Dataset, image_id: int, one_based: bool
) -> tuple[list[VOCObject], Array | None]:
    """An image's objects as they will stand in the file, and their masks in the same order."""
    info = dataset.image_info[image_id]
    boxes, class_ids, masks = dataset.load_instances(image_id)
    difficult = np.asarray(dataset.load_difficult(image_id), dtype=bool) | (class_ids < 0)
    count = len(class_ids)

    def kept_with_image(key: str, default: Any) -> Any:
        values = info.get(key)
        return values if values is not None and len(values) == count else [default] * count

    truncated, occluded = (kept_with_image(key, False) for key in ("truncated", "occluded"))
    poses = kept_with_image("pose", "")
    objects, written = [], []
    for k, (y1, x1, y2, x2) in enumerate(boxes.tolist()):
        name = str(dataset.class_info[abs(int(class_ids[k]))]["name"])
        if y2 <= y1 or x2 <= x1:
            warnings.warn(
                f"Object {k + 1} ({name}) of {dataset.image_label(image_id)} has no area and is "
                "not written.",
                MaskdetWarning,
                stacklevel=3,
            )
            continue
        written.append(k)
        shift = 1.0 if one_based else 0.0
        objects.append(
            VOCObject(
                name,
                (y1 + shift, x1 + shift, y2, x2),
                difficult=bool(difficult[k]),
                truncated=bool(truncated[k]),
                occluded=bool(occluded[k]),
                pose=str(poses[k]),
                location="",
            )
        )
    return objects, None if masks is None else masks[:, :, written]


def write_masks(path: Path, masks: Array) -> None:
    """Masks (H, W, N) as one picture of object numbers."""
    count = masks.shape[2]
    small = count <= _MOST_IN_8_BIT
    plane = np.zeros(masks.shape[:2], dtype=np.uint8 if small else np.uint16)
    for k in range(count):
        plane[masks[:, :, k]] = k + 1
    if not small:
        write_image(path, plane)
        return
    picture = Image.fromarray(plane)
    picture.putpalette(_palette())  # turns the mode from L into P, values unchanged
    save_picture(path, picture)


def _palette() -> bytes:
    """VOC's 256 colours: bit 3j + c of a number is bit 7 - j of channel c."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for channel in range(3):
        for j in range(8):
            bit = (numbers >> (3 * j + channel)) & 1
            colours[:, channel] |= (bit << (7 - j)).astype(np.uint8)
    return colours.tobytes()
