"""Detections beside what was to be found, in colours that say what each of them is; Pillow only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from maskdet.visualize.draw import Colour, Masks, draw_instances

Array = NDArray[Any]


def draw_judged(
    image: ArrayLike,
    boxes: ArrayLike,
    colours: Sequence[Colour],
    tags: Sequence[str],
    true_boxes: ArrayLike,
    true_colours: Sequence[Colour],
    true_tags: Sequence[str],
    masks: Masks | None = None,
) -> NDArray[np.uint8]:
    """A copy of a photo: detections drawn through, with masks; true boxes dashed; tags at corners.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4) y1, x1, y2, x2 in pixels.
        colours: one a detection.
        tags: a letter or two each; empty for none.
        true_boxes: (M, 4), likewise ``true_colours`` and ``true_tags``.
        masks: bool (H, W, N), or a :class:`MaskCrop` each.

    Returns:
        uint8 (H, W, 3).
    """
    picture = Image.fromarray(draw_instances(image, boxes, masks=masks, colors=colours))
    pen = ImageDraw.Draw(picture)
    side = max(picture.size)
    font = ImageFont.load_default(size=max(13, round(side / 26)))
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    true_rows = np.asarray(true_boxes, dtype=np.float64).reshape(-1, 4)
    for box, colour in zip(true_rows, true_colours, strict=True):
        _dashed(pen, box, colour, max(1, round(side / 320)), max(4, side / 64))
    tagged = [*zip(rows, colours, tags, strict=True)]
    tagged += [*zip(true_rows, true_colours, true_tags, strict=True)]
    for box, colour, tag in tagged:
        if tag:
            _tag(pen, box, colour, tag, font, picture.size)
    return np.asarray(picture)


def _dashed(pen: ImageDraw.ImageDraw, box: Array, colour: Colour, width: int, dash: float) -> None:
    """A frame of dashes, with black between them, so that it shows on any ground."""
    y1, x1, y2, x2 = box
    y2, x2 = max(y1, y2 - 1), max(x1, x2 - 1)
    for (xa, ya), (xb, yb) in (
        ((x1, y1), (x2, y1)),
        ((x2, y1), (x2, y2)),
        ((x2, y2), (x1, y2)),
        ((x1, y2), (x1, y1)),
    ):
        pen.line((xa, ya, xb, yb), fill=(0, 0, 0), width=width)
        length = float(np.hypot(xb - xa, yb - ya))
        for start in np.arange(0, length, 2 * dash):
            a, b = start / length, min(1.0, (start + dash) / length)
            ends = (xa + a * (xb - xa), ya + a * (yb - ya), xa + b * (xb - xa), ya + b * (yb - ya))
            pen.line(ends, fill=colour, width=width)


def _tag(
    pen: ImageDraw.ImageDraw,
    box: Array,
    colour: Colour,
    text: str,
    font: Any,
    size: tuple[int, int],
) -> None:
    """A short text on a ground of the colour, above the box; below one at the upper edge."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 8, bottom - top + 8
    x = min(max(0.0, float(box[1])), max(0, size[0] - width))
    above = float(box[0]) - height
    y = above if above >= 0 else min(max(0.0, float(box[2])), max(0, size[1] - height))
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140
    ink = (0, 0, 0) if bright else (255, 255, 255)
    pen.text((x + 4 - left, y + 4 - top), text, fill=ink, font=font)
