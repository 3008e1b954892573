"""Boxes, masks and labels drawn into a photo; Pillow only, so also on a Pi."""

import colorsys
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

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
    masks: NDArray[Any] | None = None,
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
        masks: bool (H, W, N).
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
    if masks is not None:
        for i in order:
            _tint(canvas, masks[..., i], colours[i])
    picture = Image.fromarray(canvas)
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


def _tint(canvas: NDArray[np.uint8], mask: NDArray[Any], colour: Colour) -> None:
    window = _window(mask)
    if window is None:
        return
    inside = mask[window].astype(bool, copy=False)  # (h, w)
    core = inside.copy()  # what is left after the outermost pixel is taken off on each side
    core[1:] &= inside[:-1]
    core[:-1] &= inside[1:]
    core[:, 1:] &= inside[:, :-1]
    core[:, :-1] &= inside[:, 1:]
    rim = inside & ~core
    levels = np.arange(256, dtype=np.uint8)
    for channel, value in enumerate(colour):
        plane = canvas[window][..., channel]  # (h, w), a view
        mixed = ((1 - MASK_OPACITY) * levels + MASK_OPACITY * value).astype(np.uint8)  # (256,)
        np.copyto(plane, mixed[plane], where=inside)
        np.copyto(plane, value, where=rim)


def _window(mask: NDArray[Any]) -> tuple[slice, slice] | None:
    """Rows and columns of a mask (H, W) that hold all of it and, within the image, a pixel around
    it; None for an empty one."""
    used = np.flatnonzero(mask.any(axis=1))
    if not len(used):
        return None
    rows = slice(max(0, used[0] - 1), used[-1] + 2)
    used = np.flatnonzero(mask[rows].any(axis=0))
    return rows, slice(max(0, used[0] - 1), used[-1] + 2)


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
