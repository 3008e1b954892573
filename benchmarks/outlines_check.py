"""The outlines that were drawn by hand, and what can be wrong with one of them.

The file, benchmarks/kangaroo_outlines.json, says by the photo's name which object of its XML file
was drawn and how:

    {"00150.jpg": {"object": 1, "polygons": [[[y, x], [y, x], ...], ...]}, ...}

Objects count from 1 in the order of the XML file. A corner is y, x in pixels of the photo; pixel
(0, 0) covers 0 to 1 in both, as in ``maskdet.geometry.polygons``. Polygons of one object make one
mask together. A gap that the animal encloses, between legs or arms, is left out by a slit less than
a pixel wide that leads there; gaps of a few pixels are not.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import FOLDER

from maskdet.data.formats.voc import read_objects
from maskdet.errors import DataError
from maskdet.geometry.polygons import mask_from_polygons
from maskdet.images import image_size

OUTLINES = FOLDER / "kangaroo_outlines.json"
SIDES = ("top", "left", "bottom", "right")
# How far an outline may stay off its box's side or cross it, as a share of the box's height or
# width, and in any case: many boxes of the set are drawn loosely, a few cut off a tail.
SIDE_SHARE, SIDE_PIXELS = 0.1, 4.0
# What a kangaroo covers of its box: less is a part of one, more is the box. A leaping one, its tail
# stretched out, covers a quarter.
AREA_SHARES = (0.2, 0.95)


@dataclass
class Outline:
    """One object's outline.

    Attributes:
        photo: the file's name.
        number: of the object in the photo's XML file, from 1.
        polygons: float64 (K, 2) each, corners y, x in pixels of the photo.
    """

    photo: str
    number: int
    polygons: list[np.ndarray]

    def mask(self, image_shape):
        """Bool (H, W): the pixels inside."""
        return mask_from_polygons(self.polygons, image_shape)


def read_outlines(path=OUTLINES):
    """All outlines of a file, by the photo's name.

    Raises:
        DataError: if the file is absent or holds something else.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        return {
            photo: Outline(photo, int(entry["object"]), [_polygon(p) for p in entry["polygons"]])
            for photo, entry in sorted(entries.items())
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{path} must hold the object and the polygons of each photo, but reading it gives: "
            f"{error!r}; repair it."
        ) from error


def _polygon(corners):
    polygon = np.array(corners, dtype=np.float64)
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3:
        raise ValueError(f"a polygon of shape {polygon.shape} instead of (K, 2), K from 3 on")
    return polygon


def object_of(folder, photo, number):
    """A photo's size (height, width) and the box y1, x1, y2, x2 of its object, counted from 1.

    Args:
        folder: of the set, with images/ and annots/.
        photo: the file's name.

    Raises:
        DataError: if there is no such photo or object.
    """
    path = Path(folder) / "annots" / f"{Path(photo).stem}.xml"
    objects = read_objects(path)
    if not 1 <= number <= len(objects):
        raise DataError(f"{path} has objects 1 to {len(objects)}, but {number} is asked for.")
    return image_size(Path(folder) / "images" / photo), np.array(objects[number - 1].box)


def side_distances(outline, box):
    """How far the outline crosses its box's sides, in pixels: (4,) top, left, bottom, right.

    Negative where it stays inside.
    """
    corners = np.concatenate(outline.polygons)
    return np.concatenate([box[:2] - corners.min(axis=0), corners.max(axis=0) - box[2:]])


def area_share(outline, image_shape, box):
    """The outline's pixels as a share of its box's area."""
    height, width = box[2:] - box[:2]
    return outline.mask(image_shape).sum() / (height * width)


def faults(outline, image_shape, box):
    """What is wrong with an outline, a sentence each.

    Args:
        image_shape: the photo's (height, width).
        box: its object's y1, x1, y2, x2.
    """
    where = f"{outline.photo}, object {outline.number}"
    sentences = []
    for polygon in outline.polygons:
        if (polygon < 0).any() or (polygon > image_shape[:2]).any():
            sentences.append(f"{where}: a polygon leaves its photo.")
        sentences += [
            f"{where}: edges {i} and {j} of a polygon cross or touch."
            for i, j in crossings(polygon)
        ]
    height, width = box[2:] - box[:2]
    distances = side_distances(outline, box)
    for side, distance, length in zip(SIDES, distances, (height, width) * 2, strict=True):
        allowed = max(SIDE_PIXELS, SIDE_SHARE * length)
        if abs(distance) > allowed:
            what = "beyond" if distance > 0 else "short of"
            sentences.append(
                f"{where}: it ends {abs(distance):.1f} px {what} its box's {side} side; "
                f"{allowed:.1f} are allowed."
            )
    share, (least, most) = area_share(outline, image_shape, box), AREA_SHARES
    if not least <= share <= most:
        sentences.append(
            f"{where}: it covers {share:.2f} of its box; {least} to {most} are allowed."
        )
    return sentences


def crossings(polygon):
    """Pairs of a polygon's edges that meet without being neighbours; edge i starts at corner i."""
    start, end = polygon, np.roll(polygon, -1, axis=0)  # (K, 2)
    low, high = np.minimum(start, end), np.maximum(start, end)
    close = (low[:, None] <= high[None]).all(axis=2)  # (K, K)
    from_start = _turn(start[:, None], end[:, None], start[None])  # (K, K): of edge i, corner j
    from_end = np.roll(from_start, -1, axis=1)
    apart = from_start * from_end <= 0
    meet = close & close.T & apart & apart.T
    first, second = np.nonzero(np.triu(meet, 2))
    last = len(polygon) - 1
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return [pair for pair in pairs if pair != (0, last)]


def _turn(start, end, corner):
    """-1, 0 or 1: on which side of a line a corner lies."""
    along, across = end - start, corner - start
    return np.sign(along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0])
