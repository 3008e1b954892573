"""What formats hand over: photos with their objects, as the files describe them."""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskdet.data.box_rules import Box
from maskdet.data.outlines import Shape
from maskdet.errors import DataError

#: A file, and offset and length of the photo in it.
Embedded = tuple[str, int, int]


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
        truncated, occluded: cut off, or hidden in part.
    """

    name: str
    location: str
    box: Box | None = None
    shape: Shape | None = None
    crowd: bool = False
    difficult: bool = False
    truncated: bool = False
    occluded: bool = False


@dataclass
class Picture:
    """One photo with its objects.

    Attributes:
        image_id: the source's own name for it.
        path: the photo; it may be missing.
        location: what describes it, for messages: "photo a.jpg in labels.json".
        items: its objects.
        size: (height, width) that the annotation states, None if it states none. Where that is the
            size before EXIF turning, objects are turned with the photo.
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
    embedded: Embedded | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def embedded_bytes(embedded: Embedded) -> bytes:
    """The content of a photo that lies inside a larger file. Raises DataError for damaged text."""
    path, offset, length = embedded
    with open(path, "rb") as file:
        file.seek(offset)
        content = file.read(length)
    if not path.lower().endswith(".json"):
        return content
    try:  # JSON holds photos as text
        return base64.b64decode(content)
    except binascii.Error as error:
        raise DataError(
            f"The photo {embedded_name(embedded)} cannot be read ({error}); save the file again.",
            kind="unreadable photo",
            path=path,
        ) from None


def embedded_name(embedded: Embedded) -> str:
    """How messages name such a photo."""
    return f"at byte {embedded[1]} of {embedded[0]}"
