"""Boxes, masks and labels drawn into a photo; Pillow only, so also on a Pi."""

import colorsys
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from maskdet.geometry.masks import crops_from_masks
from maskdet.geometry.runs import MaskCrop

Colour = tuple[int, int, int]
#: Full-size masks bool (H, W, N), or what each has inside its box.
Masks = NDArray[Any] | Sequence[MaskCrop]

MASK_OPACITY = 0.42


@functools.lru_cache(maxsize=16)
def _font(size: int) -> Any:
    # Pillow unpacks its own anew at each call.
    return ImageFont.load_default(size)


def palette(count: int) -> list[Colour]:
    """Colours (R, G, B) that differ well from their neighbours in the list."""
    # Steps of the golden ratio never fall on a hue that was just used.
    hues = (0.02 + i * 0.618034 for i in range(count))
    return [
        tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue % 1.0, 0.85, 1.0))  # type: ignore[misc]
        for hue in hues
    ]


def draw_instances(
    image: ArrayLike,
    boxes: ArrayLike,
    class_ids: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    scores: ArrayLike | None = None,
    masks: Masks | None = None,
    colors: Sequence[Colour] | None = None,
    width: int | None = None,
) -> NDArray[np.uint8]:
    """A copy of a photo with its objects.

    Args:
        image: uint8 (H, W, 3), left as it is.
        boxes: (N, 4) y1, x1, y2, x2 in pixels.
        class_ids: (N,), for labels.
        class_names: by class id.
        scores: (N,) 0..1, for labels.
        masks: bool (H, W, N), or cut out by boxes as :meth:`Detections.crops` gives them.
        colors: one an object; by default one an object from :func:`palette`.
        width: of the frames in pixels; by default one that suits the photo's size.

    Returns:
        uint8 (H, W, 3).
    """
    canvas = np.array(image, dtype=np.uint8)[..., :3]
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    colours = list(colors) if colors is not None else palette(len(rows))
    # The weakest first, so that the best are on top.
    order = range(len(rows)) if scores is None else np.argsort(np.asarray(scores), kind="stable")
    picture = Image.fromarray(canvas)
    if masks is not None:
        crops = crops_from_masks(masks) if isinstance(masks, np.ndarray) else masks
        for i in order:
            _tint(picture, crops[i], colours[i])
    pen = ImageDraw.Draw(picture)
    side = min(canvas.shape[:2])
    width = width or max(1, round(side / 200))
    font = _font(max(10, round(side / 28)))
    for i in order:
        y1, x1, y2, x2 = rows[i]
        pen.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colours[i], width=width)
    for i in order:
        text = _label(i, class_ids, class_names, scores)
        if text:
            _write(pen, text, rows[i], colours[i], font, picture.size)
    return np.asarray(picture)


def _tint(picture: Image.Image, crop: MaskCrop, colour: Colour) -> None:
    """Mixes a colour into a picture where a mask is, and outlines it."""
    height, width = crop.mask.shape
    if not crop.mask.any():
        return
    place = crop.x, crop.y, crop.x + width, crop.y + height
    mixed = picture.crop(place).point(_mixed_values(colour))
    picture.paste(mixed, place, Image.fromarray(crop.mask))
    picture.paste(colour, place, Image.fromarray(_edge(crop, (picture.height, picture.width))))


def _edge(crop: MaskCrop, size: tuple[int, int]) -> NDArray[Any]:
    """A mask's outermost pixel on each side, but not where the picture of ``size`` ends."""
    mask = crop.mask
    height, width = mask.shape
    core = mask.copy()
    core[1:] &= mask[:-1]
    core[:-1] &= mask[1:]
    core[:, 1:] &= mask[:, :-1]
    core[:, :-1] &= mask[:, 1:]
    core[:1] &= crop.y == 0
    core[-1:] &= crop.y + height == size[0]
    core[:, :1] &= crop.x == 0
    core[:, -1:] &= crop.x + width == size[1]
    return mask & ~core


def _mixed_values(colour: Colour) -> list[int]:
    """What each value becomes that a colour is mixed into, of red, then green, then blue."""
    values = (1 - MASK_OPACITY) * np.arange(256) + MASK_OPACITY * np.array(colour)[:, None]
    mixed: list[int] = values.astype(np.uint8).ravel().tolist()
    return mixed


def _label(
    i: int, class_ids: ArrayLike | None, names: Sequence[str] | None, scores: ArrayLike | None
) -> str:
    parts = []
    if class_ids is not None:
        kind = int(np.asarray(class_ids)[i])
        parts.append(names[kind] if names is not None else str(kind))
    if scores is not None:
        parts.append(f"{float(np.asarray(scores)[i]):.2f}")
    return " ".join(parts)


def _write(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: NDArray[Any],
    colour: Colour,
    font: Any,
    size: tuple[int, int],
) -> None:
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 6, bottom - top + 4
    x = min(max(0, float(box[1])), max(0, size[0] - width))
    y = float(box[0]) - height
    if y < 0:  # no room above: inside the box
        y = min(max(0.0, float(box[0])), max(0, size[1] - height))
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140
    pen.text((x + 3 - left, y + 2 - top), text, fill=(0, 0, 0) if bright else (255,) * 3, font=font)


def draw_lines(image: ArrayLike, lines: Sequence[str]) -> NDArray[np.uint8]:
    """A copy of a photo uint8 (H, W, 3) with lines of text in its upper left corner."""
    canvas = np.array(image, dtype=np.uint8)[..., :3]
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = _font(max(10, round(min(canvas.shape[:2]) / 18)))
    text = "\n".join(lines)
    left, top, right, bottom = pen.multiline_textbbox((4, 4), text, font=font)
    pen.rectangle((0, 0, right + 4, bottom + 4), fill=(0, 0, 0))
    pen.multiline_text((4, 4), text, fill=(255, 255, 255), font=font)
    return np.asarray(picture)
