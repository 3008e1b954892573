"""An object's outline as its file has it: polygons, run lengths or a mask picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.data.box_rules import Box
from maskdet.data.mask_pictures import object_pixels, read_mask_picture
from maskdet.errors import DataError
from maskdet.geometry.masks import boxes_from_masks
from maskdet.geometry.polygons import cut_polygon, mask_from_polygons
from maskdet.geometry.rle import counts_from_text, decode_rle, encode_rle
from maskdet.images import turn_boxes, turn_plane

Array = NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """An object's outline as its file has it; exactly one of the three is given.

    Attributes:
        polygons: parts (K, 2) of y, x; float64.
        rle: COCO run lengths: ``size`` [height, width] and ``counts`` (list or compressed text).
        picture: (path, value): the mask picture's pixels of this value, or all but 0 for None.
        orientation: EXIF orientation by which that picture is still to be turned.
    """

    polygons: tuple[Array, ...] | None = None
    rle: Mapping[str, Any] | None = None
    picture: tuple[str, int | None] | None = None
    orientation: int = 1

    def mask(self, shape: tuple[int, int], location: str = "") -> Array:
        """The mask, bool of ``shape`` (height, width).

        Raises:
            DataError: naming ``location``, if it cannot be read or has another size.
        """
        if self.polygons is not None:
            return mask_from_polygons(self.polygons, shape)
        if self.rle is not None:
            return _from_rle(self.rle, shape, location)
        assert self.picture is not None
        path, value = self.picture
        mask = object_pixels(path) if value is None else read_mask_picture(path).plane == value
        mask = turn_plane(mask, self.orientation)
        if mask.shape != shape:
            raise _other_size(mask.shape, shape, location, self.picture[0])
        return mask


def _from_rle(rle: Mapping[str, Any], shape: tuple[int, int], location: str) -> Array:
    try:
        size = tuple(int(side) for side in rle["size"])
        counts = rle["counts"]
        # A size of millions must not make a mask of them first.
        if size != shape:
            raise _other_size(size, shape, location)
        if isinstance(counts, str | bytes):
            counts = counts_from_text(counts)
        return decode_rle({"size": list(size), "counts": counts})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            error.kind = error.kind or "unusable run lengths"
            raise
        raise DataError(
            f"The run lengths of {location} cannot be read ({error}).", kind="unusable run lengths"
        ) from error


def _other_size(
    size: tuple[int, ...], shape: tuple[int, int], location: str, path: str | None = None
) -> DataError:
    return DataError(
        f"The mask of {location} is {'x'.join(map(str, size[::-1]))} pixels (width x height), but "
        f"its photo {shape[1]}x{shape[0]}; both must have one size.",
        kind="mask of another size",
        path=path,
    )


def turned_outline(
    outline: Shape, orientation: int, shape: tuple[int, int], location: str
) -> Shape:
    """An outline of a photo as stored, moved to the photo as turned.

    Polygons are always taken for such an outline. Run lengths and mask pictures are where they have
    the stored photo's size and not the turned one's; else they are given back as they are.

    Args:
        orientation: EXIF orientation 1..8 of the photo.
        shape: (height, width) of the photo as turned.
        location: where the object stands, for messages.

    Raises:
        DataError: for run lengths that cannot be read.
    """
    if outline.polygons is not None:
        return Shape(polygons=tuple(_turned(p, orientation, shape) for p in outline.polygons))
    if orientation < 5 or shape[0] == shape[1] or _stated_size(outline) != shape[::-1]:
        return outline
    if outline.picture is not None:
        return Shape(picture=outline.picture, orientation=orientation)
    mask = turn_plane(outline.mask((shape[1], shape[0]), location), orientation)
    return Shape(rle=encode_rle(mask))


def _turned(polygon: Array, orientation: int, shape: tuple[int, int]) -> Array:
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    turned: Array = turn_boxes(np.tile(points, (1, 2)), orientation, shape)[:, :2]
    return turned


def _stated_size(outline: Shape) -> tuple[int, ...]:
    """(height, width) of run lengths or a mask picture; () where it cannot be read."""
    try:
        if outline.rle is not None:
            return tuple(int(side) for side in outline.rle["size"])
        assert outline.picture is not None
        with Image.open(outline.picture[0]) as picture:
            return picture.size[::-1]
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, Image.DecompressionBombError):
        return ()  # reading the mask will say what is wrong


def cut_outline(outline: Shape, shape: tuple[int, int], location: str) -> tuple[Shape, Box]:
    """Polygons cut to their photo, and the box around the part that is left.

    Raises:
        DataError: if no pixel of the photo is in them.
    """
    assert outline.polygons is not None
    parts = tuple(cut_polygon(part, shape) for part in outline.polygons)
    cut = Shape(polygons=tuple(part for part in parts if len(part) >= 3))
    mask = mask_from_polygons(cut.polygons or (), shape)
    if not mask.any():
        raise DataError(
            f"The outline of {location} leaves the image, which is {shape[1]} x {shape[0]} pixels "
            "(width x height), wholly; correct or remove it.",
            kind="box outside its image",
        )
    # Along the photo's edge a cut polygon may have lines of no width, which are no part of the box.
    whole = boxes_from_masks(mask[..., None])[0].tolist()
    sides = outline_box(cut, shape, location)
    y1, x1, y2, x2 = (
        own if abs(own - pixel) <= 1 else float(pixel)
        for own, pixel in zip(sides, whole, strict=True)
    )
    return cut, (y1, x1, y2, x2)


def outline_area(outline: Shape, shape: tuple[int, int]) -> float:
    """Pixels of an outline, as COCO counts an object's area; of one that covers none what its
    corners enclose."""
    if outline.polygons is None:
        return float(outline.mask(shape).sum())
    corners = np.concatenate(outline.polygons)
    low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), low, shape).astype(int)
    moved = [np.asarray(part) - low for part in outline.polygons]
    height, width = (high - low).tolist()
    pixels = int(mask_from_polygons(moved, (height, width)).sum())
    return float(pixels or sum(_enclosed(part) for part in moved))


def _enclosed(polygon: Array) -> float:
    y, x = polygon.T
    return abs(float(np.dot(y, np.roll(x, -1)) - np.dot(x, np.roll(y, -1)))) / 2


def outline_box(outline: Shape | None, shape: tuple[int, int], location: str) -> Box:
    """The box around an outline, in pixels.

    Raises:
        DataError: if there is none, or it covers no pixel.
    """
    if outline is None:
        raise DataError(
            f"There is neither a box nor an outline for {location}; remove it.",
            kind="box without four numbers",
        )
    if outline.polygons is not None:
        corners = np.concatenate([np.asarray(part).reshape(-1, 2) for part in outline.polygons])
        if not len(corners):
            raise DataError(
                f"The outline of {location} has no corners; remove it.", kind="unusable outline"
            )
        low, high = corners.min(axis=0), corners.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])
    mask = outline.mask(shape, location)
    y1, x1, y2, x2 = (float(side) for side in boxes_from_masks(mask[..., None])[0])
    return y1, x1, y2, x2
