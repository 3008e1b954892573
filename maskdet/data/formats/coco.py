"""COCO JSON: one file for many photos, with boxes, polygons of several parts and run lengths.

Category ids may begin at 0 and have gaps. Crowds (``iscrowd``) become negative class ids. Key
points and captions are left out.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import (
    Damaged,
    as_dict,
    as_list,
    as_name,
    as_number,
    as_size,
    has_keys,
    read_json,
)
from maskdet.data.formats.outlines import shapes_of
from maskdet.data.formats.photo_files import PhotoFinder, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import json_files, nothing_at, pictures_of
from maskdet.data.formats.writing import write_over
from maskdet.data.outlines import outline_area
from maskdet.data.refusal import refuse
from maskdet.errors import DataError

NAME = "COCO JSON"
LOOKS_FOR = "*.json with images, annotations and categories"
HOLDS = frozenset({"boxes", "masks", "crowds"})
#: What the file is called that is written.
FILE_NAME = "instances.json"
# Categories that annotation tools add and nobody annotates.
_EMPTY_NAMES = ("_background_", "background", "__ignore__")
_WHOLE_SETS = ("all", "object", "objects")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds COCO annotations."""
    return bool(_files(Path(path)))


def _files(path: Path) -> list[Path]:
    return json_files(path, _is_coco)


def _is_coco(content: Any) -> bool:
    keys = ("images", "annotations", "categories")
    if isinstance(content, Damaged):  # it may break off before the last of them
        return sum(has_keys(content, key) for key in keys) >= 2
    return has_keys(content, *keys)


def read(
    path: str | os.PathLike[str], classes: Sequence[str] | None = None, on_error: str = "raise"
) -> AnnotatedDataset:
    """A prepared data set from one COCO file, or from all in a folder.

    Photos are found at their ``file_name`` beside the file or the folder, else by their plain name
    anywhere below the folder (for a single file: below its folder, or the folder above it if the
    file's own holds none).

    Args:
        classes: names in the order of their ids; by default the categories by their id.
        on_error: "raise" or "skip".

    Raises:
        DataError: for what cannot be used; names file and annotation.
    """
    root = Path(path)
    files = _files(root)
    if not files:
        raise nothing_at(path, "COCO file", LOOKS_FOR)
    reader = _Reader(root, on_error == "skip")
    pictures = pictures_of(files, reader.pictures, reader.skip)
    return build_dataset(pictures, "coco", classes, on_error, reader.category_ids())


class _Reader:
    def __init__(self, root: Path, skip: bool) -> None:
        folder = root if root.is_dir() else root.parent
        if root.is_file() and folder.parent != folder and folder.name.lower() == "annotations":
            folder = folder.parent
        self.finder, self.skip = PhotoFinder(folder), skip
        self.categories: dict[str, Any] = {}
        self.used: set[str] = set()
        self.parents: set[str] = set()

    def category_ids(self) -> dict[str, Any]:
        """Ids by name, in the order of ids; categories that mean nothing left out.

        What a part of a set happens to use does not count, so that all parts number their classes
        alike; but no class is left out that has objects.
        """
        return {
            name: number
            for name, number in sorted(self.categories.items(), key=lambda pair: _order(pair[1]))
            if name in self.used or not self._means_nothing(name, number)
        }

    def _means_nothing(self, name: str, number: Any) -> bool:
        """Whether a category is one that tools add: the background, or the name of the whole set,
        which Roboflow gives the number 0 and all other categories as their parent."""
        whole = name in self.parents or name.lower() in _WHOLE_SETS
        return name.lower() in _EMPTY_NAMES or (number == 0 and whole and len(self.categories) > 1)

    def pictures(self, file: Path) -> Iterator[Picture]:
        content = as_dict(read_json(file), "The content", str(file))
        names = self._names(content, file)
        pictures_by_id = self._pictures_by_id(content, file)
        annotations = as_list(content.get("annotations"), "annotations", str(file))
        for number, annotation in enumerate(annotations):
            location = f"annotation {number} of {file}"
            try:
                entry = as_dict(annotation, "It", location)
                key = _key(entry.get("image_id"))
                if key not in pictures_by_id:
                    raise DataError(
                        f"{location} belongs to image {entry.get('image_id')!r}, which is not "
                        "listed; remove it or add the image.",
                        kind="image not listed",
                        path=file,
                    )
                picture = pictures_by_id[key]
                if picture is None:  # refused already, with all of its annotations
                    continue
                item = _item(entry, names, location)
            except DataError as error:
                refuse(error, self.skip)
                continue
            self.used.add(item.name)
            picture.items.append(item)
        yield from (picture for picture in pictures_by_id.values() if picture is not None)

    def _names(self, content: dict[str, Any], file: Path) -> dict[Any, str]:
        """Class names by category id; ids that two categories share left out."""
        names: dict[Any, str] = {}
        twice: set[Any] = set()
        for number, category in enumerate(
            as_list(content.get("categories"), "categories", str(file))
        ):
            try:
                entry = as_dict(category, f"Category {number}", str(file))
                name = as_name(entry.get("name"), "A category's name", str(file))
                key = _key(entry.get("id"))
                if names.setdefault(key, name) != name:
                    twice.add(key)
                    raise _id_twice("category", entry.get("id"), names[key], name, file)
            except DataError as error:
                refuse(error, self.skip, "objects of it are left out")
                continue
            self.categories.setdefault(name, entry.get("id"))
            parent = entry.get("supercategory")
            if isinstance(parent, str) and parent != name:
                self.parents.add(parent)
        return {key: name for key, name in names.items() if key not in twice}

    def _pictures_by_id(self, content: dict[str, Any], file: Path) -> dict[Any, Picture | None]:
        """Photos by image id; None for one that cannot be used, or whose id two photos share."""
        pictures: dict[Any, Picture | None] = {}
        for number, image in enumerate(as_list(content.get("images"), "images", str(file))):
            key: Any = None
            try:
                entry = as_dict(image, f"Image {number}", str(file))
                key = _key(entry.get("id"))
                picture = self._picture(entry, number, file)
                first = pictures.setdefault(key, picture)
                if first is not None and first.path != picture.path:
                    names = first.path.name, picture.path.name
                    raise _id_twice("image", entry.get("id"), *names, file)
            except DataError as error:
                pictures[key] = None
                refuse(error, self.skip, "it is left out with its objects")
        return pictures

    def _picture(self, entry: dict[str, Any], number: int, file: Path) -> Picture:
        location = f"image {number} of {file}"
        name = as_name(entry.get("file_name"), "file_name", location)
        return Picture(
            image_id=entry.get("id") if isinstance(entry.get("id"), int | str) else name,  # type: ignore[arg-type]
            path=self.finder.find(file, name),
            location=location,
            size=as_size(entry.get("height"), entry.get("width")),
        )


def _id_twice(what: str, number: Any, first: str, second: str, file: Path) -> DataError:
    return DataError(
        f"The {what} id {number!r} stands for {first!r} and for {second!r} in {file}, so nobody "
        "can say what belongs to which; give each its own id.",
        kind="wrong value",
        path=file,
    )


def _key(value: Any) -> Any:
    return value if isinstance(value, int | str | float) else repr(value)


def _order(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _item(entry: dict[str, Any], names: dict[Any, str], location: str) -> Item:
    name = names.get(_key(entry.get("category_id")))
    if name is None:
        raise DataError(
            f"{location} has the unknown category {entry.get('category_id')!r}.",
            kind="unlisted class",
        )
    location = f"{location} ({name})"
    box = None
    if entry.get("bbox"):
        x, y, w, h = _four(entry["bbox"], location)
        box = (y, x, y + h, x + w)
    outline = _outline(entry.get("segmentation"), location)
    return Item(name, location, box, outline, crowd=entry.get("iscrowd") in (1, True))


def _four(values: Any, location: str) -> list[float]:
    sides = as_list(values, "bbox", location)
    numbers = [as_number(side, "A number of bbox", location) for side in sides]
    if len(numbers) != 4:
        raise DataError(
            f"bbox has {len(numbers)} numbers instead of 4 in {location}; correct it.",
            kind="box without four numbers",
        )
    return numbers


def _outline(value: Any, location: str) -> Shape | None:
    if isinstance(value, dict):
        size, counts = value.get("size"), value.get("counts")
        sizes = [as_number(v, "A side", location) for v in as_list(size, "size", location)]
        if not isinstance(counts, list | str) or len(sizes) != 2:
            raise DataError(
                f"The run lengths of {location} have no size or counts; correct them.",
                kind="unusable run lengths",
            )
        return Shape(rle={"size": [int(side) for side in sizes], "counts": counts})
    if not value:
        return None
    polygons = []
    for part in as_list(value, "segmentation", location):
        numbers = [as_number(v, "A corner", location) for v in as_list(part, "A polygon", location)]
        if len(numbers) < 6 or len(numbers) % 2:
            continue  # a part of one or two corners covers nothing
        polygons.append(np.array(numbers, dtype=np.float64).reshape(-1, 2)[:, ::-1].copy())
    return Shape(polygons=tuple(polygons)) if polygons else None


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write ``images/`` and ``instances.json``: boxes, and outlines where the set has masks.

    Polygons are kept as they are; other masks become run lengths, exactly. Crowds keep their mark.
    What COCO cannot say: ``difficult``.
    """
    folder = Path(path)
    photos = [
        write_photo(dataset, image_id, folder / "images", name)
        for image_id, name in enumerate(file_names(dataset))
    ]
    write_over(folder / FILE_NAME, text_of(dataset, [f"images/{photo.name}" for photo in photos]))


def text_of(dataset: Dataset, photo_names: Sequence[str]) -> str:
    """The JSON file of a data set.

    Args:
        photo_names: of each image its photo's path from the file on.
    """
    content: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": []}
    for number, info in enumerate(dataset.class_info[1:], start=1):
        content["categories"].append({"id": number, "name": str(info["name"])})
    for image_id, photo_name in enumerate(photo_names):
        height, width = shape = dataset.image_shape(image_id)
        image = {"id": image_id + 1, "file_name": photo_name}
        content["images"].append({**image, "height": height, "width": width})
        boxes, class_ids = dataset.load_boxes(image_id)
        outlines = shapes_of(dataset, image_id)
        for box, class_id, outline in zip(boxes.tolist(), class_ids, outlines, strict=True):
            y1, x1, y2, x2 = box
            content["annotations"].append(
                {
                    "id": len(content["annotations"]) + 1,
                    "image_id": image_id + 1,
                    "category_id": abs(int(class_id)),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (y2 - y1) * (x2 - x1)
                    if outline is None
                    else outline_area(outline, shape),
                    "iscrowd": int(class_id < 0),
                    "segmentation": _segmentation(outline),
                }
            )
    return json.dumps(content, ensure_ascii=False)


def _segmentation(outline: Shape | None) -> Any:
    if outline is None:
        return []
    if outline.polygons is not None:
        return [part[:, ::-1].ravel().tolist() for part in outline.polygons]
    assert outline.rle is not None
    counts = outline.rle["counts"]
    return {
        "size": [int(side) for side in outline.rle["size"]],
        "counts": counts.decode() if isinstance(counts, bytes) else counts,
    }
