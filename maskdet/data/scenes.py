"""The embedded data set: made scenes of things on a ground, as VOC XML with masks.

For the demo and for tests: no download, every pixel's truth known. Things of five kinds overlap,
scale and turn freely under soft light; each picture is then blurred, made noisy and compressed as a
cheap camera would.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from maskdet.data.formats.voc_write import write_masks
from maskdet.data.formats.voc_xml import VOCObject, build_xml
from maskdet.data.scene_objects import DRAWERS, smooth_noise
from maskdet.files import write_whole
from maskdet.geometry.masks import boxes_around
from maskdet.images import write_image
from maskdet.progress import progress_bar

# Things are between these shares of the picture's side.
SMALLEST, LARGEST = 0.2, 0.55
# A thing is only laid down if every thing keeps this share of itself in sight.
LEAST_VISIBLE = 0.45
MOST_THINGS = 5

Light = NDArray[np.float32]


@dataclass
class Scene:
    """A picture and what is in it.

    Attributes:
        image: uint8 (H, W, 3).
        names: kind of each thing.
        masks: bool (N, H, W), the part in sight.
        truncated: bool (N,), whether the picture's border cuts it.
    """

    image: NDArray[np.uint8]
    names: list[str]
    masks: NDArray[np.bool_]
    truncated: NDArray[np.bool_]

    def objects(self) -> list[VOCObject]:
        """The things as annotations, boxes tight around what is in sight."""
        boxes = boxes_around(self.masks).tolist()
        return [
            VOCObject(
                name,
                tuple(box),
                difficult=False,
                truncated=bool(cut),
                occluded=False,
                pose="Unspecified",
                location="",
            )
            for name, box, cut in zip(self.names, boxes, self.truncated, strict=True)
        ]


def make_scene(size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """A scene of ``size`` (height, width), drawn from the generator alone."""
    ground = list(GROUNDS.values())[int(rng.integers(len(GROUNDS)))]
    image = ground(size, rng)
    names: list[str] = []
    masks = np.zeros((0, *size), bool)
    whole: list[float] = []
    wanted = int(rng.integers(1, MOST_THINGS + 1))
    for _ in range(4 * wanted):
        if len(names) == wanted:
            break
        name = list(DRAWERS)[int(rng.integers(len(DRAWERS)))]
        thing, alpha, area = _thing(name, size, rng)
        mask = alpha > 0.5
        left = np.concatenate([masks & ~mask, mask[None]])
        if (left.sum(axis=(1, 2)) < LEAST_VISIBLE * np.array([*whole, area])).any():
            continue
        shade = np.asarray(
            Image.fromarray((alpha * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(5)),
            dtype=np.float32,
        )
        cast = np.zeros_like(shade)  # the shadow falls a little down and to the right
        cast[4:, 5:] = shade[:-4, :-5] / 255
        image = image * (1 - 0.45 * cast[..., None])
        image = image * (1 - alpha[..., None]) + thing * alpha[..., None]
        names, masks, whole = [*names, name], left, [*whole, area]
    seen = masks.sum(axis=(1, 2))
    border = np.zeros(size, bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    truncated = (masks & border).any(axis=(1, 2)) & (seen < 0.98 * np.array(whole))
    return Scene(_photograph(image, rng), names, masks, truncated)


def _thing(
    name: str, size: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """A turned and scaled thing on an empty picture: colours, alpha 0..1, and its whole area."""
    drawn = DRAWERS[name](rng)
    picture = Image.fromarray(drawn.astype(np.uint8))
    side = max(12, round(rng.uniform(SMALLEST, LARGEST) * min(size)))
    aspect = rng.uniform(0.85, 1.15)
    picture = picture.resize((side, max(10, round(side * aspect))), Image.Resampling.BILINEAR)
    picture = picture.rotate(rng.uniform(0, 360), Image.Resampling.BICUBIC, expand=True)
    stamp = np.asarray(picture, dtype=np.float32)
    height, width = stamp.shape[:2]
    top = round(rng.uniform(0.05, 0.95) * size[0] - height / 2)
    left = round(rng.uniform(0.05, 0.95) * size[1] - width / 2)
    colours = np.zeros((*size, 3), np.float32)
    alpha = np.zeros(size, np.float32)
    y1, x1 = max(0, top), max(0, left)
    y2, x2 = min(size[0], top + height), min(size[1], left + width)
    part = stamp[y1 - top : y2 - top, x1 - left : x2 - left]
    colours[y1:y2, x1:x2], alpha[y1:y2, x1:x2] = part[..., :3], part[..., 3] / 255
    return colours, alpha, float((stamp[..., 3] > 127).sum())


def _photograph(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Uneven light, a colour cast, a little blur, sensor noise."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    ramp = (y / height - 0.5) * math.sin(angle) + (x / width - 0.5) * math.cos(angle)
    away = ((y / height - 0.5) ** 2 + (x / width - 0.5) ** 2) * 2
    light = rng.uniform(0.8, 1.12) * (1 + 0.3 * ramp - rng.uniform(0, 0.35) * away)
    cast = rng.uniform(0.92, 1.08, 3).astype(np.float32)
    lit = np.clip(image * light[..., None] * cast, 0, 255).astype(np.uint8)
    blurred = Image.fromarray(lit).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.9))))
    noise = rng.normal(0, rng.uniform(1, 6), (height, width, 1))
    return np.clip(np.asarray(blurred) + noise, 0, 255).astype(np.uint8)


# ---- grounds -------------------------------------------------------------------------------
def _tinted(pattern: Light, colour: tuple[float, float, float], depth: float) -> Light:
    base = np.array(colour, np.float32)
    return (base * (1 + depth * pattern[..., None])).astype(np.float32)


def wood(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Boards with a grain along them."""
    grain = 0.7 * smooth_noise(size, (size[0] // 2, 4), rng)
    grain = grain + 0.4 * smooth_noise(size, (size[0] // 8, 2), rng)
    boards = np.arange(size[0]) % max(20, size[0] // int(rng.integers(3, 6))) < 2
    picture = _tinted(
        grain, (rng.uniform(120, 190), rng.uniform(80, 125), rng.uniform(45, 80)), 0.22
    )
    picture[boards] *= 0.55
    return picture if rng.random() < 0.5 or size[0] != size[1] else picture.transpose(1, 0, 2)


def grass(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Short grass."""
    blades = smooth_noise(size, (size[0] // 5, size[1] // 2), rng)
    patches = smooth_noise(size, (6, 6), rng)
    return _tinted(0.6 * blades + 0.5 * patches, (rng.uniform(70, 110), 125, 55), 0.4)


def carpet(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Woven cloth in two colours."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    period = int(rng.integers(18, 40))
    checks = np.where(((y // period) + (x // period)) % 2 == 0, 0.35, -0.35)
    threads = smooth_noise(size, (size[0] // 2, size[1] // 2), rng)
    colour = tuple(rng.uniform(60, 190, 3))
    return _tinted((checks + 0.5 * threads).astype(np.float32), colour, 0.35)


def gravel(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Small stones, grey to brown."""
    stones = smooth_noise(size, (size[0] // 6, size[1] // 6), rng)
    fine = smooth_noise(size, (size[0] // 2, size[1] // 2), rng)
    warm = rng.uniform(0, 25)
    return _tinted(stones + 0.4 * fine, (140 + warm, 132 + warm / 2, 122), 0.3)


def table(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """A painted surface with faint clouds."""
    clouds = smooth_noise(size, (5, 5), rng) + 0.3 * smooth_noise(size, (40, 40), rng)
    return _tinted(clouds, tuple(rng.uniform(90, 230, 3)), 0.1)


GROUNDS: dict[str, Callable[[tuple[int, int], np.random.Generator], Light]] = {
    "wood": wood,
    "grass": grass,
    "carpet": carpet,
    "gravel": gravel,
    "table": table,
}


def write_scenes(
    path: str | os.PathLike[str],
    count: int,
    size: tuple[int, int] = (320, 320),
    seed: int = 0,
    progress: bool = True,
) -> None:
    """Write a VOC data set: JPEGImages, Annotations (LabelImg's fields), SegmentationObject.

    Args:
        path: folder, made if missing; files of the same names are replaced.
        count: pictures.
        size: (height, width) of each.
        seed: picture number n is the same whatever ``count`` is.
        progress: show a bar.
    """
    folder = Path(path)
    for number in progress_bar(range(count), "making scenes", unit="image", shown=progress):
        scene = make_scene(size, np.random.default_rng((seed, number)))
        name = f"scene_{number:05d}"
        quality = int(np.random.default_rng((seed, number, 1)).integers(70, 95))
        write_image(folder / "JPEGImages" / f"{name}.jpg", scene.image, quality=quality)
        write_masks(folder / "SegmentationObject" / f"{name}.png", np.moveaxis(scene.masks, 0, 2))
        text = build_xml(f"{name}.jpg", "JPEGImages", size, scene.objects(), True)
        write_whole(folder / "Annotations" / f"{name}.xml", text)
