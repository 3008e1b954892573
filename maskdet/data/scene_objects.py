"""The things that lie about in the embedded scenes: shaded pictures with transparency.

Each drawer gets a random generator and returns (SIDE, SIDE, 4): RGB 0..255 and alpha 0..255 as
float32, the thing upright in the middle and filling most of the square.
"""

import colorsys
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Picture = NDArray[np.float32]
Colour = tuple[int, int, int]

SIDE = 192


def smooth_noise(
    shape: tuple[int, int], cells: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noise of -1..1 that changes over about height / cells and width / cells pixels."""
    coarse = rng.uniform(-1, 1, (max(2, cells[0]), max(2, cells[1]))).astype(np.float32)
    picture = Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _colour(rng: np.random.Generator, hues: tuple[float, float], value: float = 0.85) -> Colour:
    hue = rng.uniform(*hues) % 1.0
    rgb = colorsys.hsv_to_rgb(hue, rng.uniform(0.55, 0.95), value * rng.uniform(0.8, 1.1))
    return tuple(int(min(255, 255 * part)) for part in rgb)  # type: ignore[return-value]


def _canvas() -> tuple[Image.Image, ImageDraw.ImageDraw, Image.Image, ImageDraw.ImageDraw]:
    colour = Image.new("RGB", (SIDE, SIDE))
    alpha = Image.new("L", (SIDE, SIDE))
    return colour, ImageDraw.Draw(colour), alpha, ImageDraw.Draw(alpha)


def _finish(colour: Image.Image, alpha: Image.Image, light: NDArray[np.float32]) -> Picture:
    """Colour times light (SIDE, SIDE), soft edge."""
    edge = np.asarray(alpha.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    shaded = np.asarray(colour, dtype=np.float32) * light[..., None]
    return np.concatenate([np.clip(shaded, 0, 255), edge[..., None]], axis=2)


def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """y and x of each pixel, -1..1."""
    axis = (np.arange(SIDE, dtype=np.float32) + 0.5) * 2 / SIDE - 1
    return np.meshgrid(axis, axis, indexing="ij")


def ball(rng: np.random.Generator) -> Picture:
    """A ball with coloured segments and a highlight."""
    colour, pen, alpha, mask = _canvas()
    box = (6, 6, SIDE - 6, SIDE - 6)
    mask.ellipse(box, fill=255)
    first, second = _colour(rng, (0, 1)), (240, 240, 235)
    count = int(rng.choice([4, 6, 8]))
    for i in range(count):
        start = 360 * i / count
        pen.pieslice(box, start, start + 360 / count, fill=first if i % 2 else second)
    cap = SIDE * 0.09
    middle = SIDE / 2
    pen.ellipse((middle - cap, middle - cap, middle + cap, middle + cap), fill=first)
    y, x = _grid()
    height = np.sqrt(np.clip(1 - y**2 - x**2, 0, 1))
    light = 0.45 + 0.6 * np.clip(-0.5 * x - 0.6 * y + 0.65 * height, 0, 1)
    spot = np.exp(-((x + 0.35) ** 2 + (y + 0.4) ** 2) / 0.02)
    return _finish(colour, alpha, (light + 0.5 * spot).astype(np.float32))


def leaf(rng: np.random.Generator) -> Picture:
    """A leaf with a stalk and veins, green to autumn red."""
    colour, pen, alpha, mask = _canvas()
    width = rng.uniform(0.28, 0.42) * SIDE
    middle, top, bottom = SIDE / 2, 6.0, SIDE * 0.86
    steps = np.linspace(0, 1, 40)
    half = width * np.sin(np.pi * steps**0.8) ** 0.9
    half = half * (1 + 0.06 * np.sin(steps * math.pi * rng.integers(8, 16)))
    ys = top + (bottom - top) * steps
    outline = [(middle - h, y) for h, y in zip(half, ys, strict=True)]
    outline += [(middle + h, y) for h, y in zip(half[::-1], ys[::-1], strict=True)]
    base = _colour(rng, (0.02, 0.36), 0.7)
    vein = tuple(min(255, int(part * 1.35) + 12) for part in base)
    mask.polygon(outline, fill=255)
    mask.line((middle, bottom - 4, middle, SIDE - 6), fill=255, width=7)
    pen.rectangle((0, 0, SIDE, SIDE), fill=base)
    pen.line((middle, top, middle, SIDE), fill=vein, width=4)
    for t in np.linspace(0.15, 0.85, 7):
        y = top + (bottom - top) * t
        for side in (-1, 1):
            pen.line((middle, y + 14, middle + side * width, y - 14), fill=vein, width=2)
    _, x = _grid()
    light = 0.85 + 0.2 * np.abs(x) + 0.12 * smooth_noise((SIDE, SIDE), (9, 9), rng)
    return _finish(colour, alpha, light.astype(np.float32))


def book(rng: np.random.Generator) -> Picture:
    """A closed book seen from above: cover, spine, title, edge of the pages."""
    colour, pen, alpha, mask = _canvas()
    width = rng.uniform(0.58, 0.74) * SIDE
    left, right, top, bottom = (SIDE - width) / 2, (SIDE + width) / 2, 8, SIDE - 8
    cover = _colour(rng, (0.5, 1.08), 0.65)
    mask.rectangle((left, top, right, bottom), fill=255)
    pen.rectangle((left, top, right, bottom), fill=cover)
    pen.rectangle((right - 9, top + 3, right, bottom - 3), fill=(232, 226, 205))
    for x in np.arange(right - 8, right, 3):
        pen.line((x, top + 3, x, bottom - 3), fill=(190, 182, 160))
    dark = tuple(int(part * 0.6) for part in cover)
    pen.rectangle((left, top, left + 14, bottom), fill=dark)
    title = (235, 215, 140) if rng.random() < 0.6 else (240, 240, 240)
    for row in range(int(rng.integers(2, 4))):
        y = top + 26 + row * 20
        pen.rectangle((left + 28, y, right - 26 - rng.integers(0, 30), y + 8), fill=title)
    pen.rectangle((left + 34, bottom - 62, right - 34, bottom - 22), outline=title, width=4)
    rows, x = _grid()
    light = 0.95 - 0.18 * (x + rows) / 2 + 0.06 * smooth_noise((SIDE, SIDE), (30, 30), rng)
    return _finish(colour, alpha, light.astype(np.float32))


def mug(rng: np.random.Generator) -> Picture:
    """A mug from the side with a handle and coffee in it."""
    colour, pen, alpha, mask = _canvas()
    paint = _colour(rng, (0, 1), 0.9)
    left, right, top, bottom = 14, 136, 34, 180
    mask.rounded_rectangle((left, top, right, bottom), 16, fill=255)
    mask.ellipse((left, top - 18, right, top + 18), fill=255)
    mask.ellipse((right - 30, 62, SIDE - 8, 150), fill=255)
    mask.ellipse((right - 8, 82, SIDE - 28, 130), fill=0)
    mask.rectangle((left + 30, top, right - 2, bottom - 20), fill=255)
    pen.rectangle((0, 0, SIDE, SIDE), fill=paint)
    band = tuple(255 - part // 3 for part in paint)
    y = int(rng.integers(80, 130))
    pen.rectangle((left, y, right, y + int(rng.integers(10, 26))), fill=band)
    rim = tuple(min(255, part + 40) for part in paint)
    pen.ellipse((left, top - 18, right, top + 18), fill=rim)
    pen.ellipse((left + 7, top - 12, right - 7, top + 13), fill=(70, 42, 22))
    _, x = _grid()
    across = np.clip((x + 0.22) / 0.64, -1, 1)
    light = 0.55 + 0.5 * np.sqrt(np.clip(1 - (across + 0.3) ** 2, 0, 1))
    return _finish(colour, alpha, light.astype(np.float32))


def bottle(rng: np.random.Generator) -> Picture:
    """A bottle with neck, cap and label."""
    colour, pen, alpha, mask = _canvas()
    half = rng.uniform(26, 36)
    neck = half * rng.uniform(0.34, 0.46)
    middle = SIDE / 2
    shoulder = rng.uniform(64, 84)
    glass = _colour(rng, (0.2, 0.62), 0.6)
    mask.rounded_rectangle((middle - half, shoulder, middle + half, SIDE - 4), 12, fill=255)
    mask.ellipse((middle - half, shoulder - 26, middle + half, shoulder + 30), fill=255)
    mask.rectangle((middle - neck, 8, middle + neck, shoulder), fill=255)
    pen.rectangle((0, 0, SIDE, SIDE), fill=glass)
    pen.rectangle((middle - neck - 2, 0, middle + neck + 2, 24), fill=_colour(rng, (0, 0.12)))
    pen.rectangle((middle - half, 104, middle + half, 156), fill=(236, 230, 214))
    ink = _colour(rng, (0, 1), 0.6)
    pen.rectangle((middle - half, 112, middle + half, 120), fill=ink)
    pen.rectangle((middle - half * 0.6, 130, middle + half * 0.6, 138), fill=ink)
    _, x = _grid()
    across = np.clip(x * SIDE / (2 * half), -1, 1)
    light = 0.6 + 0.45 * np.sqrt(1 - across**2) + 0.45 * np.exp(-((across + 0.5) ** 2) / 0.01)
    return _finish(colour, alpha, light.astype(np.float32))


DRAWERS: dict[str, Callable[[np.random.Generator], Picture]] = {
    "ball": ball,
    "book": book,
    "bottle": bottle,
    "leaf": leaf,
    "mug": mug,
}
