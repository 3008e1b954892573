"""Pictures checked one by one: photo there, objects in pixels of the photo as shown, inside it."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.box_rules import (
    OVERSHOOT,
    Box,
    checked_box,
    has_area,
    leaves_image,
    share_in_common,
)
from maskdet.data.class_rules import check_class
from maskdet.data.outlines import Shape, cut_outline, outline_box, turned_outline
from maskdet.data.pictures import Item, Picture, embedded_bytes, embedded_name
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, DataWarning
from maskdet.images import bytes_header, checked_header, turn_boxes

Array = NDArray[Any]
#: An object's box and outline overlap by less (IoU): one of the two is wrong.
AGREEING = 0.5
# What is odd but used, and the sentence about all of a data set's at once.
_ODD = {
    "size of another photo": "{count} photos have another size than their annotations state, the "
    "first is {first}; if photos were resized after the objects were drawn, boxes and outlines are "
    "wrong.",
    "outline over the edge": "{count} outlines leave their photo and are cut at its edge, the "
    "first is {first}; check that they were drawn on these photos.",
    "box and outline disagree": "{count} objects have a box that lies elsewhere than their "
    "outline, the first is {first}; their boxes may be corners in the place of width and height.",
}


@dataclass(frozen=True)
class _Photo:
    """A photo's header: (height, width) as shown, EXIF orientation, and whether the annotation
    describes it as stored, before turning."""

    shape: tuple[int, int]
    orientation: int
    unturned: bool

    @property
    def frame(self) -> tuple[int, int]:
        """(height, width) of the picture in whose pixels the annotation's numbers are."""
        return (self.shape[1], self.shape[0]) if self.unturned else self.shape


class PictureChecker:
    """Checks pictures one by one.

    Args:
        classes: names that count; None for all.
        skip: warn of what cannot be used and leave it out.
    """

    def __init__(self, classes: Sequence[str] | None, skip: bool) -> None:
        self.classes = None if classes is None else dict.fromkeys(classes).keys()
        self.skip = skip
        self.first_error: DataError | None = None
        self.odd: dict[str, list[str]] = {kind: [] for kind in _ODD}

    def entry(self, picture: Picture) -> dict[str, Any] | None:
        """What ``image_info`` will hold, or None for a picture that is left out."""
        try:
            photo = self._photo(picture)
        except DataError as error:
            self.refuse(error, f"{picture.location} is left out")
            return None
        checked_items: list[tuple[Item, Box, Shape | None]] = []
        for item in picture.items:
            try:
                checked_items.append((item, *self._checked(item, picture, photo)))
            except DataError as error:
                self.refuse(error, "it is left out")
        boxes = np.array([box for _, box, _ in checked_items], dtype=np.float32).reshape(-1, 4)
        return {
            "id": picture.image_id,
            "path": str(picture.path),
            "source": picture.source,
            "boxes": boxes,
            "names": [item.name for item, _, _ in checked_items],
            "shapes": [outline for _, _, outline in checked_items],
            "places": [item.location for item, _, _ in checked_items],
            **{
                flag: np.array([getattr(item, flag) for item, _, _ in checked_items], dtype=bool)
                for flag in ("crowd", "difficult", "truncated", "occluded")
            },
            "stated_size": picture.size,
            "annotation": picture.location,
            "embedded": picture.embedded,
            **picture.extra,
        }

    def refuse(self, error: DataError, consequence: str) -> None:
        """Raise, or warn of what is left out."""
        self.first_error = self.first_error or error
        refuse(error, self.skip, consequence, stacklevel=6)

    def report(self) -> None:
        """Warn of what is odd, a sentence for each kind."""
        for kind, locations in self.odd.items():
            if locations:
                text = _ODD[kind].format(count=len(locations), first=locations[0])
                warnings.warn(DataWarning(text, kind), stacklevel=5)

    def fitted(
        self, outline: Shape | None, box: Box | None, frame: tuple[int, int], location: str
    ) -> tuple[Shape | None, Box]:
        """Box and outline that fit together; an outline over the photo's edge is cut there."""
        if outline is None:
            return None, outline_box(None, frame, location) if box is None else box
        drawn = outline_box(outline, frame, location)
        whole = drawn
        if np.isfinite(drawn).all() and leaves_image(drawn, frame):
            outline, whole = cut_outline(outline, frame, location)
            self.odd["outline over the edge"].append(location)
        if box is None or not has_area(box):
            return outline, whole
        if whole is not drawn and np.abs(np.subtract(box, drawn)).max() <= OVERSHOOT:
            return outline, whole
        if has_area(whole) and share_in_common(box, whole) < AGREEING:
            self.odd["box and outline disagree"].append(location)
        return outline, box

    def _photo(self, picture: Picture) -> _Photo:
        if picture.embedded is not None:
            name = embedded_name(picture.embedded)
            shape, orientation = bytes_header(embedded_bytes(picture.embedded), name)
        elif os.path.isfile(picture.path):
            shape, orientation = checked_header(picture.path)
        else:
            raise DataError(
                f"The photo {picture.path} of {picture.location} is missing; add it or remove what "
                "describes it.",
                kind="missing photo",
                path=picture.path,
            )
        unturned = orientation >= 5 and picture.size == shape[::-1] != shape
        # Shares of a photo stay right when it is resized.
        if picture.size not in (None, shape) and not unturned and not picture.relative:
            assert picture.size is not None
            stated = f"{picture.size[1]} x {picture.size[0]} stated"
            size = f"{shape[1]} x {shape[0]} pixels, width x height"
            self.odd["size of another photo"].append(f"{picture.location} ({stated}, {size})")
        return _Photo(shape, orientation, unturned)

    def _checked(self, item: Item, picture: Picture, photo: _Photo) -> tuple[Box, Shape | None]:
        """The object's box and outline in pixels of the photo as shown, inside it."""
        check_class(item.name, self.classes, item.location)
        outline, box = _in_pixels(item, picture.relative, photo.frame)
        if outline is not None and outline.polygons is None:
            outline = turned_outline(outline, photo.orientation, photo.shape, item.location)
            if box is None or not has_area(box):
                whole = outline_box(outline, photo.shape, item.location)
                return checked_box(whole, photo.shape, item.location), outline
        else:
            outline, box = self.fitted(outline, box, photo.frame, item.location)
        box = checked_box(box, photo.frame, item.location)
        if photo.unturned:
            y1, x1, y2, x2 = turn_boxes([box], photo.orientation, photo.shape)[0].tolist()
            box = (y1, x1, y2, x2)
            if outline is not None and outline.polygons is not None:
                outline = turned_outline(outline, photo.orientation, photo.shape, item.location)
        return box, outline


def _in_pixels(
    item: Item, relative: bool, frame: tuple[int, int]
) -> tuple[Shape | None, Box | None]:
    """The item's outline and box; shares become pixels of a photo of ``frame`` (height, width)."""
    outline, box = item.shape, item.box
    if not relative:
        return outline, box
    scale = np.array(frame, dtype=np.float64)
    if outline is not None and outline.polygons is not None:
        outline = Shape(polygons=tuple(part * scale for part in outline.polygons))
    if box is not None:
        y1, x1, y2, x2 = (np.array(box) * np.tile(scale, 2)).tolist()
        box = (y1, x1, y2, x2)
    return outline, box
