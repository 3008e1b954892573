"""Feature maps, heat and anchors as pictures; Pillow only."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Array = NDArray[Any]
#: Share of the heat's colour in a picture where it is strongest.
_HEAT_OPACITY = 0.6


def feature_mosaic(maps: ArrayLike, count: int = 16, side: int = 360) -> NDArray[np.uint8]:
    """The channels of a feature map that vary most, in a square of grey pictures.

    Args:
        maps: (h, w, C).
        count: channels at most.
        side: of the square in pixels, about.

    Returns:
        uint8 (H, W, 3): the liveliest channel in the upper left corner, each from its own smallest
        value (black) to its largest (white).
    """
    values = np.asarray(maps, dtype=np.float32)
    lively = np.argsort(-values.std(axis=(0, 1)), kind="stable")[:count]
    columns = math.ceil(math.sqrt(len(lively)))
    rows = -(-len(lively) // columns)
    cell = max(4, side // columns - 2)
    mosaic = np.full((rows * (cell + 2), columns * (cell + 2), 3), 255, dtype=np.uint8)
    for place, channel in enumerate(lively):
        plane = values[..., channel]
        low, high = float(plane.min()), float(plane.max())
        grey = ((plane - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
        picture = Image.fromarray(grey).resize((cell, cell), Image.Resampling.NEAREST)
        top, left = place // columns * (cell + 2), place % columns * (cell + 2)
        mosaic[top : top + cell, left : left + cell] = np.asarray(picture)[..., None]
    return mosaic


def heat_over(image: ArrayLike, heat: ArrayLike) -> NDArray[np.uint8]:
    """A copy of an image uint8 (H, W, 3), red where ``heat`` (h, w), 0..1, is high."""
    pixels = np.asarray(image, dtype=np.uint8)[..., :3]
    picture = Image.fromarray((np.clip(heat, 0, 1) * 255).astype(np.uint8))
    size = (pixels.shape[1], pixels.shape[0])
    share = np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    opacity = _HEAT_OPACITY * share[..., None]  # (H, W, 1)
    # What is left cold turns grey, so that red means heat alone.
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    mixed = (1 - opacity) * grey + opacity * np.array([255.0, 30.0, 0.0])
    return mixed.astype(np.uint8)


def boxes_over(
    image: ArrayLike, boxes: ArrayLike, colour: tuple[int, int, int] = (255, 60, 40)
) -> NDArray[np.uint8]:
    """A copy of an image uint8 (H, W, 3) with thin frames.

    Args:
        boxes: (N, 4) y1, x1, y2, x2 in pixels; what lies outside is cut off.
    """
    picture = Image.fromarray(np.array(image, dtype=np.uint8)[..., :3])
    pen = ImageDraw.Draw(picture)
    for y1, x1, y2, x2 in np.asarray(boxes, dtype=float).reshape(-1, 4):
        pen.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour)
    return np.asarray(picture)
