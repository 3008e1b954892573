"""Polygons: outlines of a mask along its pixels' edges, and back.

A corner is (y, x) in pixels; pixel (0, 0) covers 0..1 in both, so an outline encloses exactly the
pixels it came from. Several polygons make one mask together (their union, as in COCO files).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import DataError, UsageError

Array = NDArray[Any]
Point = tuple[int, int]


def mask_from_polygons(polygons: Iterable[ArrayLike], image_shape: Sequence[int]) -> Array:
    """The union of polygons, each (K, 2) as (y, x) in pixels: bool (H, W) of ``image_shape``.

    A pixel belongs to a polygon that goes round its centre an odd number of times. Polygons may
    leave the image. Raises DataError for fewer than three corners or numbers that are not finite.
    """
    height, width = int(image_shape[0]), int(image_shape[1])
    mask = np.zeros((height, width), dtype=bool)
    for number, polygon in enumerate(polygons):
        corners = np.asarray(polygon, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
            raise DataError(
                f"Polygon {number} must have three or more corners (y, x), but has shape "
                f"{corners.shape}; remove or repair it."
            )
        if not np.isfinite(corners).all():
            raise DataError(
                f"Polygon {number} has a corner that is not a finite number; remove or repair it."
            )
        mask |= _fill(corners, height, width)
    return mask


def _fill(corners: Array, height: int, width: int) -> Array:
    """Even-odd filling at pixel centres: every edge toggles what lies right of it, row by row."""
    following = np.roll(corners, -1, axis=0)
    upper = np.where((corners[:, 0] <= following[:, 0])[:, None], corners, following)
    lower = np.where((corners[:, 0] <= following[:, 0])[:, None], following, corners)
    # Rows r with upper_y <= r + 0.5 < lower_y.
    first = np.clip(np.ceil(upper[:, 0] - 0.5), 0, height).astype(np.int64)
    after = np.clip(np.ceil(lower[:, 0] - 0.5), 0, height).astype(np.int64)
    counts = after - first
    edge = np.repeat(np.arange(len(corners)), counts)
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    start, end = upper[edge], lower[edge]
    part = (rows + 0.5 - start[:, 0]) / (end[:, 0] - start[:, 0])
    crossing = start[:, 1] + part * (end[:, 1] - start[:, 1])
    columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
    toggles = np.bincount(rows * (width + 1) + columns, minlength=height * (width + 1))
    inside: Array = np.cumsum(toggles.reshape(height, width + 1), axis=1)[:, :width] % 2 == 1
    return inside


def cut_polygon(polygon: ArrayLike, image_shape: Sequence[int]) -> Array:
    """A polygon (K, 2) as (y, x) without what lies outside an image: (L, 2), perhaps (0, 2).

    Sides are cut at each edge of the image in turn (Sutherland and Hodgman, "Reentrant Polygon
    Clipping", 1974). Parts that come apart stay joined along the edge by lines of no width, so the
    polygon covers the same pixels of the image as before.
    """
    corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    for axis, edge in enumerate(image_shape[:2]):
        for limit, sign in ((0.0, 1.0), (float(edge), -1.0)):
            if len(corners):
                corners = _cut_at(corners, axis, limit, sign)
    return corners


def _cut_at(corners: Array, axis: int, limit: float, sign: float) -> Array:
    """The side of a line that ``sign`` says: where sign * (coordinate - limit) is not negative."""
    depth = sign * (corners[:, axis] - limit)
    following, following_depth = np.roll(corners, -1, axis=0), np.roll(depth, -1)
    cut: list[Array] = []
    for start, end, one, other in zip(corners, following, depth, following_depth, strict=True):
        if one >= 0:
            cut.append(start)
        if (one >= 0) != (other >= 0):
            crossing = start + (end - start) * (one / (one - other))
            crossing[axis] = limit
            cut.append(crossing)
    return np.array(cut, dtype=np.float64).reshape(-1, 2)


def polygons_from_mask(mask: ArrayLike) -> list[Array]:
    """Outlines of a mask (H, W): a list of float64 (K, 2) corners (y, x), one a connected part.

    Parts that touch only at a pixel's corner are apart. A hole is joined to its outline by a cut
    of no width, because COCO's polygons know no holes. :func:`mask_from_polygons` gives the mask
    back exactly. No pixels give an empty list.
    """
    plane = np.asarray(mask)
    if plane.ndim != 2:
        raise UsageError(
            f"Outlines are made of one mask of shape (height, width), but the shape is "
            f"{plane.shape}; give masks one by one."
        )
    # A frame of false pixels; corner (y, x) then lies between pixels y, y + 1 and x, x + 1 of it.
    framed = np.pad(plane.astype(bool, copy=False), 1)
    corners, along_row, along_column = _linked_corners(framed)
    outlines: list[list[Point]] = []
    holes: list[list[Point]] = []
    left = np.ones(len(corners), dtype=bool)
    points: list[Point] = [(int(y), int(x)) for y, x in corners]
    for start in range(len(points)):
        if not left[start]:
            continue
        ring, corner = [], start
        while left[corner]:
            row_end = along_row[corner]
            ring += [points[corner], points[row_end]]
            left[corner] = left[row_end] = False
            corner = along_column[row_end]
        # Corners come row by row, so a ring starts at its highest corner, of those the leftmost.
        (outlines if framed[ring[0][0] + 1, ring[0][1] + 1] else holes).append(ring)
    _cut_open(framed, outlines, holes)
    return [np.array(outline, dtype=np.float64) for outline in outlines]


def _linked_corners(framed: Array) -> tuple[Array, list[int], list[int]]:
    """Corners (K, 2) of all outlines, in row order, and each one's partner along row and column.

    On a grid line corners pair up in order, each pair the ends of an edge. Where two pixels meet
    at a point only, the corner stands twice: the first belongs to the edge on the left, the
    second to the one on the right, and the sides of one pixel are kept together.
    """
    nw, ne, sw, se = framed[:-1, :-1], framed[:-1, 1:], framed[1:, :-1], framed[1:, 1:]
    falling = nw & se & ~ne & ~sw
    rising = ne & sw & ~nw & ~se
    count = (nw ^ ne ^ sw ^ se).astype(np.int64) + 2 * (falling | rising)
    ys, xs = np.nonzero(count)
    times = count[ys, xs]
    y, x = np.repeat(ys, times), np.repeat(xs, times)
    second = np.zeros(len(y), dtype=np.int64)
    second[1:] = (y[1:] == y[:-1]) & (x[1:] == x[:-1])
    # In a column the upper edge comes first: that is the right-hand corner where pixels rise.
    turn = np.where(rising[y, x], 1 - second, second)
    row_order = np.arange(len(y))
    column_order = np.lexsort((turn, y, x))
    partners = []
    for order in (row_order, column_order):
        partner = np.empty(len(y), dtype=np.int64)
        partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
        partners.append(partner.tolist())
    return np.stack([y, x], axis=1), partners[0], partners[1]


def _cut_open(framed: Array, outlines: list[list[Point]], holes: list[list[Point]]) -> None:
    """Joins each hole to the ring above it, in place, by a cut straight up from its first corner.

    Holes come from top to bottom, so what lies above one is an outline or already joined to one.
    """
    for hole in sorted(holes):
        y, x = hole[0]
        column = framed[: y + 1, x + 1]
        top = int(np.flatnonzero(~column[: y + 1])[-1])
        for ring in outlines:
            index = _edge_over(ring, top, x)
            if index is not None:
                ring[index:index] = [(top, x), *hole, (y, x), (top, x)]
                break


def _edge_over(ring: list[Point], y: int, x: int) -> int | None:
    """Where in the ring a point of a horizontal edge over x .. x + 1 at height y would go."""
    for index, (y2, x2) in enumerate(ring):
        y1, x1 = ring[index - 1]
        if y1 == y2 == y and min(x1, x2) <= x < max(x1, x2):
            return index
    return None
