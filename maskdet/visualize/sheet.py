"""Many photos on one sheet; Pillow only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

_MARGIN = 8
_LINE = 18


def contact_sheet(
    pictures: Sequence[ArrayLike], titles: Sequence[str], columns: int = 4, side: int = 360
) -> NDArray[np.uint8]:
    """Photos in rows, each scaled into a square with its title below.

    Args:
        pictures: uint8 (H, W, 3) each, of any sizes; one at least.
        titles: one a picture; what does not fit below it is cut off.
        columns: photos in a row.
        side: of the squares, in pixels.

    Returns:
        uint8 (H, W, 3).
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    step = (side + _MARGIN, side + _LINE + _MARGIN)
    sheet = Image.new("RGB", (columns * step[0] + _MARGIN, rows * step[1] + _MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (pixels, title) in enumerate(zip(pictures, titles, strict=True)):
        left = _MARGIN + number % columns * step[0]
        top = _MARGIN + number // columns * step[1]
        picture = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
        scale = side / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        scaled = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        sheet.paste(scaled, (left + (side - size[0]) // 2, top + (side - size[1]) // 2))
        while title and pen.textlength(title, font=font) > side:
            title = title[1:]  # the end of a path tells more than its beginning
        pen.text((left, top + side + 2), title, fill="black", font=font)
    return np.asarray(sheet)
