"""An object of a photo, enlarged and with a ruler, to draw its outline by eye."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Pixels: the picture's longer side, and the ruler's breadth around it.
LONG_SIDE, RULER = 1160, 34
GRID, LINE, CORNER, BOX = (255, 255, 255, 70), (255, 0, 200), (255, 255, 0), (0, 255, 255)


def window_around(box, image_shape, margin=0.15):
    """The part of a photo to show, y1, x1, y2, x2: a box with a margin, within the photo."""
    height, width = box[2:] - box[:2]
    room = margin * np.array([height, width, height, width]) * (-1, -1, 1, 1)
    low = np.floor(np.maximum((box + room)[:2], 0))
    high = np.ceil(np.minimum((box + room)[2:], image_shape[:2]))
    return np.concatenate([low, high]).astype(int)


def picture_of(image, box, window, polygons=(), numbered=True):
    """The window of a photo with ruler, grid, box and outlines, as a Pillow picture.

    Args:
        image: uint8 (H, W, 3).
        box, window: y1, x1, y2, x2 in pixels of the photo.
        polygons: (K, 2) each, corners y, x in pixels of the photo.
        numbered: whether corners carry their numbers, which count through all polygons.
    """
    y1, x1, y2, x2 = (int(side) for side in window)
    scale = LONG_SIDE / max(y2 - y1, x2 - x1)
    size = round((x2 - x1) * scale), round((y2 - y1) * scale)
    part = Image.fromarray(image[y1:y2, x1:x2]).resize(size, Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (size[0] + 2 * RULER, size[1] + 2 * RULER), "black")
    picture.paste(part, (RULER, RULER))

    def at(corner):
        # Of y, x in the photo: x, y in the picture, as Pillow wants it.
        return RULER + (corner[1] - x1) * scale, RULER + (corner[0] - y1) * scale

    _draw_grid(picture, window, at, 10 if max(y2 - y1, x2 - x1) <= 320 else 20)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((*at(box[:2]), *at(box[2:])), outline=BOX)
    first = 0
    for polygon in polygons:
        _draw_polygon(pen, [at(corner) for corner in polygon], first if numbered else None)
        first += len(polygon)
    return picture


def _draw_grid(picture, window, at, step):
    """Lines each ``step`` pixels of the photo, their coordinates along all four sides."""
    y1, x1, y2, x2 = (int(side) for side in window)
    pen, font = ImageDraw.Draw(picture, "RGBA"), ImageFont.load_default(12)
    right, bottom = picture.width - RULER, picture.height - RULER
    for y in range(-(-y1 // step) * step, y2 + 1, step):
        _, row = at((y, x1))
        pen.line((RULER, row, right, row), fill=GRID)
        for column, anchor in ((RULER - 3, "rm"), (right + 3, "lm")):
            pen.text((column, row), str(y), fill="white", font=font, anchor=anchor)
    for x in range(-(-x1 // step) * step, x2 + 1, step):
        column, _ = at((y1, x))
        pen.line((column, RULER, column, bottom), fill=GRID)
        for row, anchor in ((RULER - 3, "ms"), (bottom + 3, "mt")):
            pen.text((column, row), str(x), fill="white", font=font, anchor=anchor)


def _draw_polygon(pen, corners, first):
    """A closed line; from ``first`` on its corners are numbered, with None they are not."""
    pen.line([*corners, corners[0]], fill=LINE, width=2)
    if first is None:
        return
    font = ImageFont.load_default(12)
    for number, (x, y) in enumerate(corners, first):
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=CORNER)
        pen.text((x + 4, y - 4), str(number), fill=CORNER, font=font, stroke_width=1, stroke_fill=0)
