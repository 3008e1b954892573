"""CreateML JSON: a list of photos, each object a box by its centre and size in pixels."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import as_dict, as_list, as_name, as_number, peek, read_json
from maskdet.data.formats.photo_files import PhotoFinder, file_names, write_photo
from maskdet.data.formats.reading import files_at, read_with
from maskdet.data.refusal import refuse
from maskdet.errors import DataError
from maskdet.files import write_whole

NAME = "CreateML JSON"
LOOKS_FOR = "*.json with a list of image and annotations"
FILE_NAME = "_annotations.createml.json"
_SIDES = ("x", "y", "width", "height")
_PHOTO_KEYS = ("image", "imagefilename", "filename")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds CreateML annotations."""
    return bool(_files(Path(path)))


def _files(path: Path) -> list[Path]:
    return [file for file in files_at(path, ".json") if _is_createml(peek(file))]


def _is_createml(content: Any) -> bool:
    if isinstance(content, str):
        return content.lstrip().startswith("[") and '"coordinates"' in content
    return (
        isinstance(content, list)
        and bool(content)
        and isinstance(content[0], dict)
        and "annotations" in content[0]
        and any(key in content[0] for key in _PHOTO_KEYS)
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
    for number, value in enumerate(as_list(read_json(file), "The content", str(file))):
        entry = as_dict(value, f"Entry {number}", str(file))
        stated = next((entry[key] for key in _PHOTO_KEYS if key in entry), None)
        name = as_name(stated, "image", f"entry {number} of {file}")
        picture = Picture(name, finder.find(file, name), f"photo {name} in {file}")
        objects = as_list(entry.get("annotations"), "annotations", picture.location)
        for index, annotation in enumerate(objects):
            location = f"object {index} of {picture.location}"
            try:
                fields = as_dict(annotation, "It", location)
                label = as_name(fields.get("label"), "label", location)
                where = as_dict(fields.get("coordinates"), "coordinates", location)
                x, y, width, height = (as_number(where.get(k), k, location) for k in _SIDES)
            except DataError as error:
                refuse(error, skip)
                continue
            box = (y - height / 2, x - width / 2, y + height / 2, x + width / 2)
            picture.items.append(Item(label, f"{location} ({label})", box))
        yield picture


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
    write_whole(folder / FILE_NAME, json.dumps(content, ensure_ascii=False, indent=1))
