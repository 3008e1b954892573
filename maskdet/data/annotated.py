"""Annotations of any file format as one data set: what formats hand over, what becomes of it.

A format parses its files into :class:`Picture` and :class:`Item`; :func:`build_dataset` checks
them, numbers the classes and gives an :class:`AnnotatedDataset`. Boxes and corners are in pixels of
the photo as it is shown (EXIF turned) unless a picture says otherwise.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from maskdet.data.box_rules import Box, checked_box
from maskdet.data.class_rules import check_class
from maskdet.data.dataset import Dataset
from maskdet.data.outlines import Shape, outline_box
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, UsageError
from maskdet.geometry.masks import fill_boxes
from maskdet.images import checked_header, image_size, read_bytes

__all__ = [
    "AnnotatedDataset",
    "Box",
    "Item",
    "Picture",
    "Shape",
    "build_dataset",
]

Array = NDArray[Any]
# Images of which reading takes so long that a bar is shown.
MANY = 2000


@dataclass
class Item:
    """One object of a picture.

    Attributes:
        name: its class.
        location: where it stands, for messages: "object 3 (cat), labels/a.txt, line 3".
        box: y1, x1, y2, x2; None: taken from the shape.
        shape: its outline, None for a box alone.
        crowd: several objects as one (COCO's iscrowd): neither an object nor background.
        difficult: neither counted nor punished by an evaluation.
    """

    name: str
    location: str
    box: Box | None = None
    shape: Shape | None = None
    crowd: bool = False
    difficult: bool = False


@dataclass
class Picture:
    """One photo with its objects.

    Attributes:
        image_id: the source's own name for it.
        path: the photo; it may be missing.
        location: what describes it, for messages: "photo a.jpg in labels.json".
        items: its objects.
        size: (height, width) that the annotation states, None if it states none.
        relative: boxes and polygons are shares 0..1 of the photo's height and width.
        source: instead of the data set's one.
        embedded: (file, offset, length) where the photo lies inside a larger file; ``path`` is
            then only its name.
        extra: kept with the image in ``image_info``.
    """

    image_id: str
    path: Path
    location: str
    items: list[Item] = field(default_factory=list)
    size: tuple[int, int] | None = None
    relative: bool = False
    source: str | None = None
    embedded: tuple[str, int, int] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class AnnotatedDataset(Dataset):
    """What :func:`build_dataset` gives. ``image_info`` holds for each image, beside the usual:

    ``boxes`` float32 (N, 4), ``class_ids`` int32 (N,; negative for crowds), ``shapes`` list of
    :class:`Shape` or None, ``places`` list of str, ``difficult`` bool (N,), ``stated_size``
    ((height, width) or None), ``annotation`` (str).
    """

    gives_photos = True  # load_image reads them as they are, from wherever they lie
    masks_given = False

    @property
    def provides_masks(self) -> bool:
        """Whether any object has an outline; those without one then have their filled box."""
        return self.masks_given

    def image_reference(self, image_id: int) -> str:
        """The photo's path."""
        return str(self.image_info[image_id]["path"])

    def encoded_image(self, image_id: int) -> tuple[bytes, str]:
        """The photo's file content and ending; also where it lies inside a larger file."""
        info = self.image_info[image_id]
        if info["embedded"] is None:
            return super().encoded_image(image_id)
        return _embedded_bytes(info["embedded"]), Path(info["path"]).suffix or ".jpg"

    def load_image(self, image_id: int) -> Array:
        """The photo, uint8 H x W x 3, RGB, turned by its EXIF orientation."""
        info = self.image_info[image_id]
        if info["embedded"] is None:
            return super().load_image(image_id)
        name = f"{info['path']} in {info['embedded'][0]}"
        return read_bytes(_embedded_bytes(info["embedded"]), name)

    def image_shape(self, image_id: int) -> tuple[int, int]:
        """(height, width) in pixels, from the photo's header."""
        key = int(image_id)
        if key not in self._shapes:
            info = self.image_info[key]
            embedded = info["embedded"]
            shape = image_size(info["path"]) if embedded is None else _embedded_size(embedded)
            self._shapes[key] = shape
        return self._shapes[key]

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """Boxes float32 (N, 4) and class ids int32 (N,)."""
        info = self.image_info[image_id]
        return info["boxes"].copy(), info["class_ids"].copy()

    def load_shapes(self, image_id: int) -> list[Shape | None]:
        """Outlines as the files have them, one for each object; None for a box alone."""
        return list(self.image_info[image_id]["shapes"])

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool H x W x N and class ids int32 (N,).

        Raises:
            DataError: if a mask picture or run lengths cannot be read.
        """
        info = self.image_info[image_id]
        shape = self.image_shape(image_id)
        masks = np.zeros((len(info["boxes"]), *shape), dtype=bool)
        for i, outline in enumerate(info["shapes"]):
            if outline is None:
                masks[i] = fill_boxes(info["boxes"][i][None], shape)[..., 0]
            else:
                masks[i] = outline.mask(shape, info["places"][i])
        return np.moveaxis(masks, 0, -1), info["class_ids"].copy()


def _embedded_bytes(embedded: tuple[str, int, int]) -> bytes:
    path, offset, length = embedded
    with open(path, "rb") as file:
        file.seek(offset)
        content = file.read(length)
    # JSON holds photos as text.
    return base64.b64decode(content) if path.lower().endswith(".json") else content


def _embedded_size(embedded: tuple[str, int, int]) -> tuple[int, int]:
    name = f"at byte {embedded[1]} of {embedded[0]}"
    height, width = read_bytes(_embedded_bytes(embedded), name).shape[:2]
    return height, width


def build_dataset(
    pictures: Iterable[Picture],
    source: str,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    class_ids: Mapping[str, Any] | None = None,
) -> AnnotatedDataset:
    """A prepared data set of parsed annotations.

    Args:
        pictures: from a format's parser.
        source: name of the data set's source, such as "coco".
        classes: names in the order of their ids (from 1); None: all that occur, sorted.
        on_error: "raise", or "skip" to leave out bad objects and missing photos, each with a
            warning.
        class_ids: the source's own id of each class, where it has one; decides the order too if
            ``classes`` is None.

    Raises:
        DataError: for a missing photo, a box without area or outside its image, an unknown class;
            or if no image is left.
        UsageError: for another ``on_error``.
    """
    if on_error not in ("raise", "skip"):
        raise UsageError(f"on_error must be 'raise' or 'skip', but is {on_error!r}.")
    builder = _Builder(classes, on_error == "skip")
    listed = list(pictures)
    bar = tqdm(listed, f"reading {source}", disable=len(listed) < MANY, unit="image")
    entries = [entry for entry in map(builder.entry, bar) if entry is not None]
    if not entries:
        raise DataError(
            f"No image of this {source} data set can be used"
            + (f": {builder.first_error}" if builder.first_error else "; it describes none."),
            kind="no images",
        )
    names = classes
    if names is None and class_ids is not None:
        names = list(class_ids)
    if names is None:
        names = sorted({name for entry in entries for name in entry["names"]})
    dataset = AnnotatedDataset()
    numbers = {name: number for number, name in enumerate(names, start=1)}
    for name, number in numbers.items():
        dataset.add_class(source, (class_ids or numbers).get(name, number), name)
    for entry in entries:
        signs = np.where(entry.pop("crowd"), -1, 1)
        ids = np.array([numbers[name] for name in entry.pop("names")], dtype=np.int32)
        image_id, path = entry.pop("id"), entry.pop("path")
        origin = entry.pop("source") or source
        ids = (ids * signs).astype(np.int32)
        dataset.add_image(origin, image_id, path, class_ids=ids, **entry)
    dataset.masks_given = any(
        shape is not None for info in dataset.image_info for shape in info["shapes"]
    )
    dataset.prepare()
    return dataset


class _Builder:
    """Checks pictures one by one."""

    def __init__(self, classes: Sequence[str] | None, skip: bool) -> None:
        self.classes, self.skip = classes, skip
        self.first_error: DataError | None = None

    def entry(self, picture: Picture) -> dict[str, Any] | None:
        """What ``image_info`` will hold, or None for a picture that is left out."""
        try:
            shape = self._shape(picture)
        except DataError as error:
            self._refuse(error, f"{picture.location} is left out")
            return None
        checked_items: list[tuple[Item, Box, Shape | None]] = []
        for item in picture.items:
            try:
                checked_items.append((item, *self._checked(item, picture, shape)))
            except DataError as error:
                self._refuse(error, "it is left out")
        boxes = np.array([box for _, box, _ in checked_items], dtype=np.float32).reshape(-1, 4)
        return {
            "id": picture.image_id,
            "path": str(picture.path),
            "source": picture.source,
            "boxes": boxes,
            "names": [item.name for item, _, _ in checked_items],
            "shapes": [outline for _, _, outline in checked_items],
            "places": [item.location for item, _, _ in checked_items],
            "crowd": np.array([item.crowd for item, _, _ in checked_items], dtype=bool),
            "difficult": np.array([item.difficult for item, _, _ in checked_items], dtype=bool),
            "stated_size": picture.size,
            "annotation": picture.location,
            "embedded": picture.embedded,
            **picture.extra,
        }

    def _shape(self, picture: Picture) -> tuple[int, int]:
        """(height, width) of the photo, from its header."""
        if picture.embedded is not None:
            return _embedded_size(picture.embedded)
        if not picture.path.is_file():
            raise DataError(
                f"The photo {picture.path} of {picture.location} is missing; add it or remove what "
                "describes it.",
                kind="missing photo",
                path=picture.path,
            )
        return checked_header(picture.path)[0]

    def _checked(
        self, item: Item, picture: Picture, shape: tuple[int, int]
    ) -> tuple[Box, Shape | None]:
        """The object's box and outline in pixels, inside the image."""
        check_class(item.name, self.classes, item.location)
        outline, box = item.shape, item.box
        if picture.relative:
            scale = np.array(shape, dtype=np.float64)
            if outline is not None and outline.polygons is not None:
                outline = Shape(polygons=tuple(part * scale for part in outline.polygons))
            if box is not None:
                box = tuple((np.array(box) * np.tile(scale, 2)).tolist())
        if box is None:
            box = outline_box(outline, shape, item.location)
        return checked_box(box, shape, item.location), outline

    def _refuse(self, error: DataError, consequence: str) -> None:
        self.first_error = self.first_error or error
        refuse(error, self.skip, consequence, stacklevel=6)
