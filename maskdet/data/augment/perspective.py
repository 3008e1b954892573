"""A look from another side: a homography moves pixels, masks and boxes."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.data.augment.geometric import _areas, cut
from maskdet.data.augment.sample import Sample

Array = NDArray[np.float64]
# Points on each box's ellipse that are followed.
_POINTS = 24


def homography(source: Array, target: Array) -> Array:
    """The (3, 3) map that takes four points (4, 2) of y, x onto four others."""
    rows, wanted = [], []
    for (y, x), (v, u) in zip(source, target, strict=True):
        rows += [[y, x, 1, 0, 0, 0, -v * y, -v * x], [0, 0, 0, y, x, 1, -u * y, -u * x]]
        wanted += [v, u]
    solved = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(wanted))
    return np.append(solved, 1.0).reshape(3, 3)


def random_homography(shape: tuple[int, int], strength: float, rng: np.random.Generator) -> Array:
    """Corners of an image (height, width) moved by up to ``strength`` of its sides."""
    sides = np.array(shape, dtype=np.float64)
    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]) * sides
    return homography(corners, corners + rng.uniform(-strength, strength, (4, 2)) * sides)


def moved(points: Array, matrix: Array) -> Array:
    """Points (..., 2) of y, x after a homography."""
    ahead = points @ matrix[:, :2].T + matrix[:, 2]
    projected: Array = ahead[..., :2] / ahead[..., 2:]
    return projected


def apply(sample: Sample, matrix: Array, fill: tuple[int, ...]) -> Sample:
    """The sample seen through a homography, on a canvas of its own size."""
    back = np.linalg.inv(matrix)
    back = back / back[2, 2]
    # Pillow wants x before y, from the canvas back to the source.
    order = (4, 3, 5, 1, 0, 2, 7, 6)
    coefficients = tuple(float(back.ravel()[i]) for i in order)
    size = (sample.image.shape[1], sample.image.shape[0])

    def warped(plane: NDArray[Any], value: Any) -> NDArray[Any]:
        picture = Image.fromarray(np.ascontiguousarray(plane))
        return np.asarray(
            picture.transform(
                size,
                Image.Transform.PERSPECTIVE,
                coefficients,
                Image.Resampling.BILINEAR,
                fillcolor=value,
            )
        )

    if sample.image.shape[2] == 3 and sample.image.dtype == np.uint8:
        image = warped(sample.image, fill)
    else:
        planes = sample.image.transpose(2, 0, 1)
        image = np.stack([warped(p, fill[i % len(fill)]) for i, p in enumerate(planes)], axis=-1)
    angle = np.arange(_POINTS) * 2 * np.pi / _POINTS
    circle = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    centre = (sample.boxes[:, :2].astype(np.float64) + sample.boxes[:, 2:]) / 2
    half = (sample.boxes[:, 2:].astype(np.float64) - sample.boxes[:, :2]) / 2
    around = moved(centre[:, None] + circle[None] * half[:, None], matrix)
    hulls = np.concatenate([around.min(axis=1), around.max(axis=1)], axis=1).astype(np.float32)
    if sample.masks is None:
        return cut(replace(sample, image=image, boxes=hulls), _areas(hulls))
    masks = np.zeros_like(sample.masks)
    for i, mask in enumerate(sample.masks):
        masks[i] = warped(mask.astype(np.uint8) * 255, 0) > 127
    before = sample.masks.sum(axis=(1, 2)).astype(np.float64)
    # How a mask's size changes where nothing of it leaves the image.
    growth = _areas(hulls) / np.maximum(_areas(sample.boxes), 1e-6)
    return cut(replace(sample, image=image, boxes=hulls, masks=masks), before * growth)
