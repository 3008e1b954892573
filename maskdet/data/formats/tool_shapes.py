"""Shapes of annotation tools that are neither an upright box nor a single outline."""

import math
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from maskdet.data.annotated import Box, Item, Shape
from maskdet.errors import DataError
from maskdet.geometry.rle import encode_rle

Array = NDArray[np.float64]
# Corners that differ by less than this, in pixels, lie on one side of a box.
_UPRIGHT = 1e-2
# A stated size of more pixels than this is a mistake; no mask is made of it.
_MOST_PIXELS = 1 << 28


def box_corners(box: Box) -> Array:
    """The corners (4, 2) of a box as y, x, clockwise."""
    y1, x1, y2, x2 = box
    return np.array([[y1, x1], [y1, x2], [y2, x2], [y2, x1]], dtype=np.float64)


def turned_box(label: str, location: str, box: Box, degrees: float) -> Item:
    """The object of a box that is turned about its centre, clockwise on the picture.

    An outline, unless it is turned by quarters: then a box again.
    """
    corners = box_corners(box)
    centre = corners.mean(axis=0)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    y, x = (corners - centre).T
    turned = np.stack([x * sine + y * cosine, x * cosine - y * sine], axis=1) + centre
    return box_of_four(label, location, turned)


def box_of_four(label: str, location: str, corners: Array) -> Item:
    """The object of four corners (4, 2): a box where they are those of one, else an outline."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    distance = np.minimum(np.abs(corners - low), np.abs(corners - high))
    # Of an upright box each corner lies on two sides, and no two corners are one.
    if (
        distance.max() < _UPRIGHT
        and len({tuple(corner) for corner in (corners - low > high - corners).tolist()}) == 4
    ):
        return Item(label, location, (float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    return Item(label, location, None, Shape(polygons=(np.array(corners),)))


class Groups:
    """Objects of one photo that are drawn in several parts: parts of one group are one object.

    Args:
        size: (height, width) that the annotation states, None if it states none.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self._first: dict[Hashable, Item] = {}
        #: The objects so far, in the order of their first parts.
        self.items: list[Item] = []

    def add(self, item: Item, group: Hashable | None) -> None:
        """Add an object, or a part of one; parts have one class and one ``group``.

        Raises:
            DataError: for a part that cannot be joined with the others.
        """
        key = (item.name, group)
        if group is None or key not in self._first:
            self._first[key] = item
            self.items.append(item)
            return
        first = self._first[key]
        first.shape = self._union(_outline(first), _outline(item), item.location)
        first.box = None

    def _union(self, first: Shape, other: Shape, location: str) -> Shape:
        polygons = None
        if first.polygons is not None and other.polygons is not None:
            polygons = Shape(polygons=(*first.polygons, *other.polygons))
            # Formats with one outline for an object need parts that lie apart.
            if self._size is None or _lie_apart(first.polygons, other.polygons):
                return polygons
        if self._size is None:
            raise DataError(
                f"{location} is part of a group, but its file states no image size; state it.",
                kind="missing value",
            )
        if self._size[0] * self._size[1] > _MOST_PIXELS:
            raise DataError(
                f"The file of {location} states an image of {self._size[1]} x {self._size[0]} "
                "pixels (width x height); correct it.",
                kind="wrong value",
            )
        masks = [shape.mask(self._size, location) for shape in (first, other)]
        if polygons is not None and not (masks[0] & masks[1]).any():
            return polygons
        return Shape(rle=encode_rle(masks[0] | masks[1]))


def _outline(item: Item) -> Shape:
    if item.shape is not None:
        return item.shape
    assert item.box is not None
    return Shape(polygons=(box_corners(item.box),))


def _lie_apart(first: tuple[Array, ...], other: tuple[Array, ...]) -> bool:
    """Whether the boxes around two outlines have nothing in common."""
    one, two = np.concatenate(first), np.concatenate(other)
    return bool(((one.max(axis=0) <= two.min(axis=0)) | (two.max(axis=0) <= one.min(axis=0))).any())
