"""Anchors that fit boxes: scales and ratios found by what is to be covered.

Redmon and Farhadi ("YOLO9000: Better, Faster, Stronger", CVPR 2017) take the centres of a k-means
over boxes' heights and widths, with 1 - IoU as the distance. Here anchors are tied to each other: a
scale a level, the same ratios at each, and a coarse level puts them far apart. So scales and ratios
are moved one at a time, each as long as boxes' mean IoU with their nearest anchor grows.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]

# Distances of a box's centre from its cell's, as shares of the stride: the middles of both halves
# of 0 .. 1/2, which is as far as the nearest anchor can be.
_OFF_CENTRE = (0.125, 0.375)
# Every box counts at these sizes, as augmentation and photos to come will show its kind.
_SIZES = (0.8, 1.0, 1.25)
# Boxes that a fit looks at, drawn evenly over the sizes: more change nothing but the time.
_SAMPLE = 400
# Steps of the search, as factors; and what no anchor goes beyond.
_STEPS = (1.3, 1.12, 1.04, 1.015)
_SMALLEST, _STEEPEST = 4.0, 8.0
_ROUNDS = 60


def anchor_overlaps(
    sides: ArrayLike,
    scales: Sequence[float] | Array,
    ratios: Sequence[float] | Array,
    strides: Sequence[float] = (),
) -> Array:
    """IoU of boxes with each anchor shape: float64 (N, scales, ratios).

    Args:
        sides: heights and widths (N, 2) of the boxes, pixels.
        scales: sides in pixels of the square anchors, one a level.
        ratios: width / height of each shape.
        strides: pixels between anchors at each level; the IoU is the mean over where a box may lie
            between them. Without any, anchors are centred on the boxes.
    """
    boxes = np.asarray(sides, dtype=np.float64).reshape(-1, 2)
    roots = np.sqrt(np.asarray(ratios, dtype=np.float64))
    sizes = np.asarray(scales, dtype=np.float64)[:, None]
    shapes = np.stack([sizes / roots, sizes * roots])  # (2, scales, ratios)
    shared = _OFF_CENTRE if len(strides) else (0.0,)
    far = np.multiply.outer(np.asarray(strides if len(strides) else [0.0]), shared)
    rows, columns = (
        _shared_lengths(boxes[:, axis], shapes[axis], far) for axis in range(2)
    )  # (N, scales, ratios, offsets)
    inter = rows[..., :, None] * columns[..., None, :]
    union = boxes.prod(axis=1)[:, None, None] + shapes.prod(axis=0)
    overlaps = inter / np.maximum(union[..., None, None] - inter, 1e-9)
    mean: Array = overlaps.mean(axis=(-2, -1))
    return mean


def _shared_lengths(lengths: Array, anchors: Array, far: Array) -> Array:
    """What sides of boxes (N,) and anchors (S, R) share with centres ``far`` (S or 1, D) apart."""
    box, anchor = lengths[:, None, None, None], anchors[..., None]
    shared: Array = np.minimum(np.minimum(box, anchor), (box + anchor) / 2 - far[:, None, :])
    return np.maximum(shared, 0)


def best_overlaps(
    sides: ArrayLike,
    scales: Sequence[float] | Array,
    ratios: Sequence[float] | Array,
    strides: Sequence[float] = (),
) -> Array:
    """IoU (N,) of each box with its best anchor shape; arguments as :func:`anchor_overlaps`."""
    best: Array = anchor_overlaps(sides, scales, ratios, strides).max(axis=(1, 2))
    return best


def fit_shapes(
    sides: ArrayLike,
    levels: int,
    ratios: int = 3,
    strides: Sequence[float] = (),
    weights: ArrayLike | None = None,
) -> tuple[list[int], list[float]]:
    """Scales and ratios whose anchors cover boxes best; the same boxes give the same anchors.

    Args:
        sides: heights and widths (N, 2) of the boxes, pixels of the network's input; those without
            area are left out.
        levels: how many scales, finest level first.
        ratios: how many ratios.
        strides: pixels between anchors at each level, finest first. Without any, only shapes count.
        weights: how much each box counts (N,), above 0; None: all alike.

    Returns:
        Scales in whole pixels, ascending, and ratios (width / height) of two decimals, ascending.

    Raises:
        UsageError: if no box has an area.
    """
    boxes = np.asarray(sides, dtype=np.float64).reshape(-1, 2)
    counts = np.ones(len(boxes)) if weights is None else np.asarray(weights, dtype=np.float64)
    real = (boxes > 0).all(axis=1)
    if not real.any():
        raise UsageError("Anchors need boxes to fit, but there is none; give a set with objects.")
    boxes = _sample(boxes[real], counts[real])
    seen = np.concatenate([boxes * size for size in _SIZES])
    fits = [
        _climbed(seen, scales, shapes, strides)
        for scales, shapes in _starts(boxes, levels, ratios, strides)
    ]
    _, scales, shapes = max(fits, key=lambda fit: fit[0])
    return _ascending(scales), [round(float(ratio), 2) for ratio in np.sort(shapes)]


def _sample(boxes: Array, weights: Array) -> Array:
    """Boxes (_SAMPLE, 2) in the order of their areas, each as often as its weight says."""
    order = np.argsort(boxes.prod(axis=1), kind="stable")
    sums = np.cumsum(weights[order])
    places = (np.arange(_SAMPLE) + 0.5) / _SAMPLE * sums[-1]
    sample: Array = boxes[order[np.searchsorted(sums, places)]]
    return sample


def _starts(
    boxes: Array, levels: int, ratios: int, strides: Sequence[float]
) -> Iterator[tuple[Array, Array]]:
    """Where the search begins: quantiles of size, equal steps in size, and steps of the strides."""
    size, shape = np.sqrt(boxes.prod(axis=1)), boxes[:, 1] / boxes[:, 0]
    shapes = np.quantile(shape, (np.arange(ratios) + 0.5) / ratios)
    least, most = np.quantile(size, (0.05, 0.95))
    starts = [np.quantile(size, (np.arange(levels) + 0.5) / levels)]
    starts.append(np.geomspace(least, most, levels))
    if len(strides):
        steps = np.asarray(strides, dtype=np.float64)
        starts.append(steps * (np.median(size) / np.median(steps)))
    for scales in starts:
        yield np.maximum(scales, _SMALLEST), np.clip(shapes, 1 / _STEEPEST, _STEEPEST)


def _climbed(
    boxes: Array, scales: Array, ratios: Array, strides: Sequence[float]
) -> tuple[float, Array, Array]:
    """Scales and ratios moved one at a time while the mean best IoU grows, and that mean."""
    values, levels = np.concatenate([scales, ratios]), len(scales)
    overlaps = anchor_overlaps(boxes, scales, ratios, strides)
    best = float(overlaps.max(axis=(1, 2)).mean())
    for step in _STEPS:
        for _ in range(_ROUNDS):
            before = best
            for i in range(len(values)):
                for factor in (step, 1 / step):
                    moved = values.copy()
                    moved[i] *= factor
                    if not _allowed(moved[:levels], moved[levels:]):
                        continue
                    news = _moved_overlaps(overlaps, boxes, moved, i, strides)
                    mean = float(news.max(axis=(1, 2)).mean())
                    if mean > best:
                        best, values, overlaps = mean, moved, news
            if best <= before:
                break
    return best, values[:levels], values[levels:]


def _moved_overlaps(
    overlaps: Array, boxes: Array, values: Array, i: int, strides: Sequence[float]
) -> Array:
    """Overlaps (N, levels, ratios) after the i-th of the scales and ratios has moved."""
    levels, news = overlaps.shape[1], overlaps.copy()
    scales, ratios = values[:levels], values[levels:]
    if i < levels:
        level = slice(i, i + 1)
        news[:, level] = anchor_overlaps(boxes, scales[level], ratios, strides[level])
    else:
        shape = slice(i - levels, i - levels + 1)
        news[:, :, shape] = anchor_overlaps(boxes, scales, ratios[shape], strides)
    return news


def _allowed(scales: Array, ratios: Array) -> bool:
    """Whether no level has larger anchors than a coarser one, and none is extreme."""
    steep = np.maximum(ratios, 1 / ratios).max()
    return bool((np.diff(scales) >= 0).all() and scales[0] >= _SMALLEST and steep <= _STEEPEST)


def _ascending(scales: Array) -> list[int]:
    """Whole scales, each a pixel larger than the one before at least."""
    whole: list[int] = []
    for scale in scales:
        whole.append(max(round(float(scale)), whole[-1] + 1 if whole else 0))
    return whole
