"""CreateML JSON: a list of photos, each object a box by its centre and size in pixels."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import as_dict, as_list, as_name, as_number, read_json
from maskdet.data.formats.photo_files import PhotoFinder, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import json_files, read_with
from maskdet.data.formats.writing import write_over
from maskdet.data.refusal import each_usable

NAME = "CreateML JSON"
LOOKS_FOR = "*.json with a list of image and annotations"
HOLDS = frozenset({"boxes"})
FILE_NAME = "_annotations.createml.json"
_SIDES = ("x", "y", "width", "height")
# Apple's names of today and before.
_PHOTO_KEYS = ("image", "imagefilename", "filename")
_OBJECT_KEYS = ("annotations", "annotation")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds CreateML annotations."""
    return bool(_files(Path(path)))


def _files(path: Path) -> list[Path]:
    return json_files(path, _is_createml)


def _is_createml(content: Any) -> bool:
    if isinstance(content, str):
        return content.lstrip().startswith("[") and '"coordinates"' in content
    return isinstance(content, list) and any(map(_is_record, content))


def _is_record(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        any(key in entry for key in keys) for keys in (_PHOTO_KEYS, _OBJECT_KEYS)
    )


def read(
    path: str | os.PathLike[str], classes: Sequence[str] | None = None, on_error: str = "raise"
) -> AnnotatedDataset:
    """A prepared data set of boxes from one CreateML file, or from all in a folder.

    Args:
        classes: names in the order of their ids; by default all that occur, sorted.

    Raises:
        DataError: for what cannot be used; names file, photo and object.
    """
    files = _files(Path(path))
    pictures = read_with(_pictures, files, path, on_error, ("CreateML file", LOOKS_FOR))
    return build_dataset(pictures, "createml", classes, on_error)


def _pictures(file: Path, finder: PhotoFinder, skip: bool) -> Iterator[Picture]:
    def picture(number: int, value: Any) -> Picture:
        entry = as_dict(value, f"Entry {number}", str(file))
        name = as_name(_first(entry, _PHOTO_KEYS), "image", f"entry {number} of {file}")
        location = f"photo {name} in {file}"
        objects = as_list(_first(entry, _OBJECT_KEYS), "annotations", location)
        photo = finder.find(file, name)
        items = each_usable(lambda index, each: _item(index, each, location), objects, skip)
        return Picture(name, photo, location, list(items))

    entries = as_list(read_json(file), "The content", str(file))
    return each_usable(picture, entries, skip)


def _first(entry: dict[str, Any], keys: Sequence[str]) -> Any:
    return next((entry[key] for key in keys if key in entry), None)


def _item(number: int, annotation: Any, location: str) -> Item:
    spot = f"object {number} of {location}"
    fields = as_dict(annotation, "It", spot)
    label = as_name(fields.get("label"), "label", spot)
    where = as_dict(fields.get("coordinates"), "coordinates", spot)
    x, y, width, height = (as_number(where.get(side), side, spot) for side in _SIDES)
    box = (y - height / 2, x - width / 2, y + height / 2, x + width / 2)
    return Item(label, f"{spot} ({label})", box)


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write photos and ``_annotations.createml.json``.

    What CreateML cannot say: masks, crowds (left out), ``difficult``.
    """
    folder = Path(path)
    content = []
    for image_id, name in enumerate(file_names(dataset)):
        photo = write_photo(dataset, image_id, folder, name)
        boxes, class_ids = dataset.load_boxes(image_id)
        annotations = []
        for (y1, x1, y2, x2), class_id in zip(boxes.tolist(), class_ids, strict=True):
            if class_id > 0:
                label = str(dataset.class_info[int(class_id)]["name"])
                values = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
                where = dict(zip(_SIDES, values, strict=True))
                annotations.append({"label": label, "coordinates": where})
        content.append({"image": photo.name, "annotations": annotations})
    write_over(folder / FILE_NAME, json.dumps(content, ensure_ascii=False, indent=1))
