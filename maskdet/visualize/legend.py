"""Which colour means what, above a picture; Pillow only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from maskdet.visualize.draw import Colour

_MARGIN = 8
_LINE = 24
_SWATCH = 14
_GAP = 18


def with_legend(picture: ArrayLike, entries: Sequence[tuple[str, Colour]]) -> NDArray[np.uint8]:
    """A picture below lines of names, each with a square of its colour before it.

    Args:
        picture: uint8 (H, W, 3).
        entries: names and their colours; a name wider than the picture is cut off. None: the
            picture stays as it is.

    Returns:
        uint8 (H + lines, W, 3).
    """
    pixels = np.asarray(picture, dtype=np.uint8)
    if not entries:
        return pixels
    width = pixels.shape[1]
    font = ImageFont.load_default(14)
    places, x, y = [], _MARGIN, _MARGIN
    for name, _ in entries:
        length = _SWATCH + 6 + int(font.getlength(name)) + 1
        if x > _MARGIN and x + length > width - _MARGIN:
            x, y = _MARGIN, y + _LINE
        places.append((x, y))
        x += length + _GAP
    strip = Image.new("RGB", (width, y + _LINE), "white")
    pen = ImageDraw.Draw(strip)
    for (name, colour), (x, y) in zip(entries, places, strict=True):
        pen.rectangle((x, y, x + _SWATCH - 1, y + _SWATCH - 1), fill=colour)
        pen.text((x + _SWATCH + 6, y - 2), name, fill="black", font=font)
    return np.concatenate([np.asarray(strip), pixels])
