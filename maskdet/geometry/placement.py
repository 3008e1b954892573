"""Placement: how an image was scaled and padded into the network's input, and the way back.

Only the arithmetic; pixels are moved elsewhere by what is written here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import ConfigError
from maskdet.geometry.boxes import as_boxes, clip_boxes, normalize_boxes

Array = NDArray[Any]
#: Modes in which nothing of an image is lost when it is looked at, and all of them.
WHOLE_MODES = ("square", "corner", "pad64", "none", "crop", "stretch")
MODES = (*WHOLE_MODES, "centre")
#: The grey around images in mode "corner", 0..255.
CORNER_FILL = 114
#: Sides that "pad64" pads to, and that a pyramid down to stride 64 can halve: one number for both.
SIDE_MULTIPLE = 64
# matterport's corners name the last pixel inside.
_LAST_INSIDE = np.array([0, 0, 1, 1])


@dataclass(frozen=True)
class Placement:
    """An image's place on the network's canvas.

    Attributes:
        image_shape: (height, width) of the image in its own pixels.
        canvas_shape: (height, width) of the network's input.
        scale: the factor that was chosen; the scaled size is rounded to whole pixels afterwards.
        window: y1, x1, y2, x2 of the image on the canvas, in canvas pixels; around it is padding.
        crop: y, x, height, width of the part of the scaled image that is on the canvas, in pixels
            of the scaled image; None for the whole.
        fill: value of all channels around the image, 0..255.
    """

    image_shape: tuple[int, int]
    canvas_shape: tuple[int, int]
    scale: float
    window: tuple[int, int, int, int]
    crop: tuple[int, int, int, int] | None = None
    fill: int = 0

    @property
    def scaled_shape(self) -> tuple[int, int]:
        """(height, width) of the whole scaled image in canvas pixels."""
        if self.crop is not None:
            return _rounded(self.image_shape, self.scale)
        return self.window[2] - self.window[0], self.window[3] - self.window[1]

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """((top, bottom), (left, right), (0, 0)) in canvas pixels, as numpy.pad takes it."""
        top, left, bottom, right = self.window
        height, width = self.canvas_shape
        return (top, height - bottom), (left, width - right), (0, 0)

    def _factors_and_shift(self) -> tuple[Array, Array]:
        # Height and width are rounded each for itself, so their true factors differ a little from
        # scale and from each other: these take the image's corners exactly to the window's.
        factors = np.array(self.scaled_shape * 2, dtype=np.float64) / (self.image_shape * 2)
        shift = np.array(self.window[:2] * 2, dtype=np.float64)
        if self.crop is not None:
            shift -= np.array(self.crop[:2] * 2)
        return factors, shift

    def forward_boxes(self, boxes: ArrayLike) -> Array:
        """Boxes (N, 4) from image pixels to canvas pixels; float32, not clipped."""
        factors, shift = self._factors_and_shift()
        moved: Array = (as_boxes(boxes) * factors + shift).astype(np.float32)
        return moved

    def inverse_boxes(self, boxes: ArrayLike) -> Array:
        """Boxes (N, 4) from canvas pixels to image pixels, clipped to the image; float32."""
        factors, shift = self._factors_and_shift()
        moved: Array = ((as_boxes(boxes) - shift) / factors).astype(np.float32)
        return clip_boxes(moved, (0, 0, *self.image_shape))


def boxes_in_image(boxes: ArrayLike, placement: Placement) -> Array:
    """A network's boxes (N, 4), normalised over its canvas, in the image's pixels; float32.

    From the window's frame to the image's, without rounding to whole pixels, and clipped to the
    image. Normalised is matterport's form, see :func:`maskdet.geometry.boxes.normalize_boxes`.
    """
    first, sides, scale = _window_frame(placement)
    moved = (as_boxes(boxes) - first) / sides
    moved = moved * scale + _LAST_INSIDE
    return clip_boxes(moved, (0, 0, *placement.image_shape)).astype(np.float32)


@lru_cache(maxsize=64)  # a camera's frames all lie alike
def _window_frame(placement: Placement) -> tuple[Array, Array, Array]:
    """A window's first corner and its sides, normalised, and the image's less one: (4,) each."""
    window = normalize_boxes(np.array([placement.window]), placement.canvas_shape)[0]
    sides = np.array([window[2] - window[0], window[3] - window[1]] * 2)
    frame = window[[0, 1, 0, 1]], sides, np.array(placement.image_shape * 2) - 1
    for part in frame:
        part.setflags(write=False)
    return frame


def divisible(shape: Sequence[int], multiple: int = SIDE_MULTIPLE) -> bool:
    """Whether ``multiple`` divides the height and the width of a shape (height, width, ...)."""
    return shape[0] % multiple == 0 and shape[1] % multiple == 0


def stretched(image_shape: Sequence[int], canvas_shape: Sequence[int]) -> Placement:
    """An image drawn out to fill the canvas, each side for itself; shapes (height, width, ...)."""
    height, width = int(canvas_shape[0]), int(canvas_shape[1])
    shape = int(image_shape[0]), int(image_shape[1])
    return Placement(shape, (height, width), height / shape[0], (0, 0, height, width))


def _middle(shape: tuple[int, int], min_dim: int, side: int) -> Placement:
    """The middle ``side`` x ``side`` of an image scaled so that its shorter side has min_dim."""
    if min_dim < side:
        raise ConfigError(
            f"Resize mode 'centre' cuts {side} x {side} pixels out of an image whose shorter side "
            f"has {min_dim}; set IMAGE_MIN_DIM to {side} or more."
        )
    scale = min_dim / min(shape)
    height, width = _rounded(shape, scale)
    place_of = (height - side) // 2, (width - side) // 2
    return Placement(shape, (side, side), scale, (0, 0, side, side), (*place_of, side, side))


def _rounded(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    height, width = (max(1, round(side * scale)) for side in shape)
    return height, width


def _scale(shape: tuple[int, int], min_dim: int, limit: int | None, min_scale: float) -> float:
    """matterport's choice: enlarge to min_dim, never shrink for it, then stay within the limit."""
    scale = max(1.0, min_dim / min(shape)) if min_dim else 1.0
    scale = max(scale, min_scale or 0.0)
    if limit and round(max(shape) * scale) > limit:
        scale = limit / max(shape)
    return scale


def place(
    image_shape: Sequence[int],
    min_dim: int,
    max_dim: int | None = None,
    min_scale: float = 0.0,
    mode: str = "square",
    choose: Callable[[int], int] | None = None,
) -> Placement:
    """Where an image of ``image_shape`` (height, width, ...) goes on the network's canvas.

    Args:
        min_dim: the shorter side is enlarged to this many pixels; 0: left alone. Never shrinks.
        max_dim: side of the canvas in modes "square" and "corner"; the longer side is shrunk to it
            if needed. In "centre" the side of what is cut out.
        min_scale: enlarge at least by this factor, 0: no demand. ``max_dim`` has the last word.
        mode: "square" pads to max_dim x max_dim; "corner" does so with the image in the top left
            corner and CORNER_FILL around it, as YOLOX's networks were trained; "pad64" pads both
            sides up to multiples of 64; "none" leaves the image as it is; "crop" cuts min_dim x
            min_dim out of the scaled image; "stretch" draws it out to max_dim x max_dim; "centre"
            scales the shorter side to min_dim, down too, and cuts max_dim x max_dim out of the
            middle. Of an odd rest, the smaller half goes top and left.
        choose: where the crop begins: called with the largest possible row, then column, it gives
            one of 0 .. that; None takes the middle.

    Same arithmetic as matterport's resize_image (rounding half to even). Raises ConfigError for an
    unknown mode, for settings that a mode cannot use, and for an image without pixels.
    """
    shape = int(image_shape[0]), int(image_shape[1])
    if min(shape) < 1:
        raise ConfigError(
            f"An image of {shape[0]} x {shape[1]} pixels cannot be placed; remove it."
        )
    if mode == "none":
        return Placement(shape, shape, 1.0, (0, 0, *shape))
    if mode not in MODES:
        raise ConfigError(
            f"Unknown resize mode {mode!r}; set IMAGE_RESIZE_MODE to one of {', '.join(MODES)}."
        )
    if mode in ("square", "corner", "stretch", "centre") and not max_dim:
        raise ConfigError(f"Resize mode {mode!r} needs the side of the canvas; set IMAGE_MAX_DIM.")
    if mode == "stretch":
        return stretched(shape, (int(max_dim or 0), int(max_dim or 0)))
    if mode == "centre":
        return _middle(shape, min_dim, int(max_dim or 0))
    if mode == "pad64" and (not min_dim or min_dim % SIDE_MULTIPLE):
        raise ConfigError(
            f"Resize mode 'pad64' needs a minimum side that is a multiple of 64, but it is "
            f"{min_dim}; set IMAGE_MIN_DIM to 64, 128, 192, ..."
        )
    if mode == "crop" and not min_dim:
        raise ConfigError("Resize mode 'crop' needs the side of the crop; set IMAGE_MIN_DIM.")
    bounded = mode in ("square", "corner")
    scale = _scale(shape, min_dim, max_dim if bounded else None, min_scale)
    height, width = _rounded(shape, scale)
    if mode == "crop":
        where = choose or (lambda largest: largest // 2)
        y, x = where(height - min_dim), where(width - min_dim)
        whole = (0, 0, min_dim, min_dim)
        return Placement(shape, whole[2:], float(scale), whole, (y, x, min_dim, min_dim))
    if bounded:
        assert max_dim is not None
        canvas = max_dim, max_dim
    else:
        canvas = height + -height % SIDE_MULTIPLE, width + -width % SIDE_MULTIPLE
    if mode == "corner":
        return Placement(shape, canvas, float(scale), (0, 0, height, width), fill=CORNER_FILL)
    top, left = (canvas[0] - height) // 2, (canvas[1] - width) // 2
    return Placement(shape, canvas, float(scale), (top, left, top + height, left + width))


@dataclass(frozen=True)
class PlacementRule:
    """Where images of any size go: :func:`place` with its settings, from a Config or a file.

    Attributes:
        min_dim, max_dim, min_scale, mode: see :func:`place`.
    """

    min_dim: int
    max_dim: int
    min_scale: float = 0.0
    mode: str = "square"

    def __call__(
        self, image_shape: Sequence[int], choose: Callable[[int], int] | None = None
    ) -> Placement:
        """The placement of an image (height, width, ...); ``choose`` as for :func:`place`."""
        shape = tuple(image_shape[:2])
        return place(shape, self.min_dim, self.max_dim, self.min_scale, self.mode, choose)
