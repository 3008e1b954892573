"""Many photos on one sheet; Pillow only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

_MARGIN = 8
_LINE = 18


def contact_sheet(
    pictures: Sequence[ArrayLike],
    titles: Sequence[str],
    columns: int = 4,
    side: int = 360,
    snug: bool = False,
) -> NDArray[np.uint8]:
    """Photos in rows, each scaled into a square with its title below.

    Args:
        pictures: uint8 (H, W, 3) each, of any sizes; one at least.
        titles: one a picture; what does not fit below it is cut off.
        columns: photos in a row.
        side: of the squares, in pixels.
        snug: rows are only as high as the highest photo in them, and photos stand on their titles.

    Returns:
        uint8 (H, W, 3).
    """
    columns = min(columns, len(pictures))
    sizes = [_scaled_size(pixels, side) for pixels in pictures]
    tops, bottom = [], _MARGIN
    for start in range(0, len(pictures), columns):
        tops.append(bottom)
        height = max(size[1] for size in sizes[start : start + columns]) if snug else side
        bottom += height + _LINE + _MARGIN
    sheet = Image.new("RGB", (columns * (side + _MARGIN) + _MARGIN, bottom), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (pixels, title) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(number, columns)
        left, top, size = _MARGIN + column * (side + _MARGIN), tops[row], sizes[number]
        line = (tops[row + 1] if row + 1 < len(tops) else bottom) - _LINE - _MARGIN
        picture = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
        scaled = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        above = line - top - size[1]
        sheet.paste(scaled, (left + (side - size[0]) // 2, top + (above if snug else above // 2)))
        while title and pen.textlength(title, font=font) > side:
            title = title[1:]  # the end of a path tells more than its beginning
        pen.text((left, line + 2), title, fill="black", font=font)
    return np.asarray(sheet)


def _scaled_size(pixels: ArrayLike, side: int) -> tuple[int, int]:
    """(width, height) of a picture whose longer side is ``side``."""
    height, width = np.shape(pixels)[:2]
    scale = side / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))
