"""Levels of a feature pyramid and the anchors over them, for any anchor-based detector.

Everything here takes plain keyword arguments; a family turns its Config into them.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.geometry.anchors import backbone_shapes, generate_pyramid_anchors
from maskdet.geometry.boxes import normalize_boxes
from maskdet.layers.fpn import feature_pyramid

#: (height, width, ...), pixels.
Shape = Sequence[int] | NDArray[Any]
# Input sizes whose anchors stay in memory; those of 1024 x 1024 pixels take 4 MB.
CACHED_SHAPES = 32
_cache: dict[Any, NDArray[np.float32]] = {}


class StageBuilder(Protocol):
    """What :func:`features` needs of a backbone."""

    def build(self, input_tensor: Any, train_bn: bool | None = False) -> list[Any]:
        """C1 .. C5, each (B, H, W, C), of an image (B, H, W, 3)."""
        ...


def pixel_anchors(
    image_shape: Shape,
    *,
    scales: Sequence[float],
    ratios: Sequence[float],
    strides: Sequence[float],
    anchor_stride: int = 1,
    level_shapes: ArrayLike | None = None,
    dtype: Any = np.float32,
) -> NDArray[Any]:
    """All anchors (A, 4) as y1, x1, y2, x2 in pixels of the network's input, finest level first.

    Args:
        image_shape: (height, width, ...) of the network's input, pixels.
        scales: side of the square anchor, pixels, one a level.
        ratios: width / height of each shape.
        strides: pixels a cell, one a level.
        anchor_stride: cells between anchors.
        level_shapes: (levels, 2) cells of each level; None: the sides divided by the strides,
            rounded up.
        dtype: of the result.
    """
    if level_shapes is None:
        level_shapes = backbone_shapes([int(side) for side in image_shape], strides)
    anchors = generate_pyramid_anchors(
        scales, ratios, np.asarray(level_shapes), strides, anchor_stride
    )
    return np.asarray(anchors, dtype=dtype)


def normalised_anchors(
    image_shape: Shape,
    *,
    scales: Sequence[float],
    ratios: Sequence[float],
    strides: Sequence[float],
    anchor_stride: int = 1,
    level_shapes: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """:func:`pixel_anchors` in matterport's 0..1 form, float32 (A, 4).

    Each detection needs them, so they stay in memory: they must not be written to.
    """
    sides = tuple(int(side) for side in image_shape[:2])
    cells = None if level_shapes is None else np.asarray(level_shapes)
    key = (
        sides,
        tuple(scales),
        tuple(ratios),
        tuple(strides),
        anchor_stride,
        None if cells is None else cells.tobytes(),
    )
    if key not in _cache:
        if len(_cache) >= CACHED_SHAPES:
            _cache.clear()
        anchors = pixel_anchors(
            sides,
            scales=scales,
            ratios=ratios,
            strides=strides,
            anchor_stride=anchor_stride,
            level_shapes=cells,
            dtype=np.float64,
        )
        _cache[key] = normalize_boxes(anchors, sides)
    return _cache[key]


def fixed_shape(image_shape: Shape, *, resize_mode: str) -> tuple[int, int] | None:
    """(height, width) of every input; None where the resize mode lets it differ in inference."""
    height, width = (int(side) for side in image_shape[:2])
    return (height, width) if resize_mode in ("square", "corner") else None


def features(
    image: Any,
    *,
    backbone: StageBuilder,
    strides: Sequence[int],
    channels: int,
    separable: bool = False,
    train_bn: bool | None = False,
    **kwargs: Any,
) -> list[Any]:
    """Pyramid levels of an image, finest first, each (B, H / stride, W / stride, channels).

    Args:
        image: (B, H, W, C), pixels scaled as the backbone wants them.
        backbone: maker of the stages C1 .. C5.
        strides, channels, separable: see :func:`maskdet.layers.fpn.feature_pyramid`, to which
            ``kwargs`` go too.
        train_bn: False freezes the statistics of the backbone's batch norms.
    """
    stages = backbone.build(image, train_bn=train_bn)
    return feature_pyramid(stages, list(strides), channels, separable, **kwargs)
