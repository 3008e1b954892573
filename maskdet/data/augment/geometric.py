"""One affine map moves pixels, masks and boxes: flip, zoom, stretch, shift and turn in one pass."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.data.augment.sample import Sample
from maskdet.geometry.masks import boxes_around

Array = NDArray[np.float64]

# An object of which less than this share is left counts as a crowd: too little to be taught, too
# much to be called background. Below the second share it is left out altogether.
VISIBLE = 0.3
FORGOTTEN = 0.1


@dataclass(frozen=True)
class Affine:
    """A map of points (y, x) of a source to points of a canvas.

    Attributes:
        matrix: (2, 3): canvas = matrix[:, :2] @ (y, x) + matrix[:, 2].
        canvas: (height, width) of the result.
    """

    matrix: Array
    canvas: tuple[int, int]

    def points(self, points: NDArray[Any]) -> Array:
        """Points (..., 2) as y, x, moved."""
        moved: Array = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved

    def hulls(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) around what the boxes hold after the map.

        A turned box's corners stick out of what is in it. An ellipse that fills the box is closer
        to most objects, and its hull is exact for flips, zoom and stretch.
        """
        centres = self.points((boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2)
        half = (boxes[:, 2:].astype(np.float64) - boxes[:, :2]) / 2
        reach = np.sqrt(half**2 @ (self.matrix[:, :2] ** 2).T)
        return np.concatenate([centres - reach, centres + reach], axis=1).astype(np.float32)

    def _coefficients(self) -> tuple[float, ...]:
        """Pillow's: from x, y of the canvas back to x, y of the source."""
        linear = np.linalg.inv(self.matrix[:, :2])
        shift = -linear @ self.matrix[:, 2]
        return (linear[1, 1], linear[1, 0], shift[1], linear[0, 1], linear[0, 0], shift[0])

    def warp(self, picture: Image.Image, fill: tuple[int, ...] | int) -> Image.Image:
        """A picture on the canvas; ``fill`` where the source has nothing."""
        return picture.transform(
            (self.canvas[1], self.canvas[0]),
            Image.Transform.AFFINE,
            self._coefficients(),
            Image.Resampling.BILINEAR,
            fillcolor=fill,
        )

    def pixels(self, image: NDArray[Any], fill: tuple[int, ...]) -> NDArray[Any]:
        """An image (H, W, C), uint8 or float32, on the canvas; ``fill`` is one number a channel."""
        if image.shape[2] == 3 and image.dtype == np.uint8:
            return np.asarray(self.warp(Image.fromarray(image), fill))
        planes = [
            Image.fromarray(np.ascontiguousarray(plane)) for plane in image.transpose(2, 0, 1)
        ]
        filled = [fill[i % len(fill)] for i in range(len(planes))]
        moved = [self.warp(plane, value) for plane, value in zip(planes, filled, strict=True)]
        return np.stack([np.asarray(plane) for plane in moved], axis=-1)

    def sample(self, sample: Sample, fill: tuple[int, int, int]) -> Sample:
        """Image, masks and boxes on the canvas; see :func:`cut` for what becomes of objects."""
        image = self.pixels(sample.image, fill)
        hulls = self.hulls(sample.boxes)
        masks = None
        if sample.masks is not None:
            masks = np.zeros((len(sample.masks), *self.canvas), dtype=bool)
            for i, mask in enumerate(sample.masks):
                picture = Image.fromarray(mask.astype(np.uint8) * 255)
                masks[i] = np.asarray(self.warp(picture, 0)) > 127
        moved = replace(sample, image=image, boxes=hulls, masks=masks)
        if masks is None:
            return cut(moved, _areas(hulls))
        scale = abs(float(np.linalg.det(self.matrix[:, :2])))
        whole = sample.masks.sum(axis=(1, 2)) * scale  # type: ignore[union-attr]
        return cut(moved, whole)


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    sides = np.maximum(boxes[:, 2:].astype(np.float64) - boxes[:, :2], 0)
    return sides.prod(axis=1)


def cut(sample: Sample, whole: NDArray[np.float64]) -> Sample:
    """Objects as they are inside the image.

    Boxes are clipped, or drawn anew around the masks that show an outline. ``whole`` (N,) says how
    much of each object there was, in pixels: with less than VISIBLE of it left an object becomes a
    crowd, with less than FORGOTTEN it goes.
    """
    height, width = sample.image.shape[:2]
    boxes = np.clip(sample.boxes, 0, [height, width, height, width]).astype(np.float32)
    if sample.masks is None:
        left = _areas(boxes)
    else:
        boxes = np.where(sample.has_outlines[:, None], boxes_around(sample.masks), boxes)
        left = sample.masks.sum(axis=(1, 2)).astype(np.float64)
    share = left / np.maximum(whole, 1e-6)
    ids = np.where(share >= VISIBLE, sample.class_ids, -np.abs(sample.class_ids))
    visible = (share >= FORGOTTEN) & (_areas(boxes) >= 1)
    return replace(sample, boxes=boxes, class_ids=ids.astype(np.int32)).subset(visible)


def compose(
    source: tuple[int, int],
    canvas: tuple[int, int],
    scale: tuple[float, float],
    centre: tuple[float, float],
    degrees: float = 0.0,
    flip: tuple[bool, bool] = (False, False),
    slant: Any = (0.0, 0.0),
) -> Affine:
    """The map that scales about the source's middle, turns, flips, and puts the middle somewhere.

    Args:
        source: (height, width).
        canvas: (height, width).
        scale: factors of height and width.
        centre: y, x on the canvas of the source's middle.
        degrees: of the turn, counter-clockwise.
        flip: upside down, left to right.
        slant: degrees by which columns lean, and rows.
    """
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    signs = np.array([-1.0 if side else 1.0 for side in flip])
    lean = [math.tan(math.radians(float(value))) for value in slant]
    turn = turn @ np.array([[1.0, lean[1]], [lean[0], 1.0]])
    linear = turn * (np.asarray(scale) * signs)
    middle = np.array(source, dtype=np.float64) / 2
    shift = np.array(centre) - linear @ middle
    return Affine(np.concatenate([linear, shift[:, None]], axis=1), canvas)
