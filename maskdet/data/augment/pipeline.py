"""The pipeline: which changes, how strong, in which order."""

import dataclasses
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from maskdet.data.augment import colour, pixels
from maskdet.data.augment.geometric import Affine, compose
from maskdet.data.augment.mixing import blend, paste_objects
from maskdet.data.augment.perspective import apply as apply_homography
from maskdet.data.augment.perspective import random_homography
from maskdet.data.augment.sample import Sample, joined
from maskdet.errors import ConfigError
from maskdet.images import save_picture


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a training image and its objects; every field is a strength or a chance.

    Attributes:
        flip: chance of a flip left to right.
        flip_vertical: chance of a flip upside down.
        zoom: (smallest, largest) factor beside the placement's; below 1 leaves a margin.
        stretch: largest relative change of the aspect.
        degrees: largest turn with masks.
        degrees_boxes: largest turn of a set of boxes alone, whose hulls a turn makes inexact.
        brightness, contrast, saturation, tint: largest relative change.
        grey: chance of a picture without colour.
        cut_out: chance of a grey rectangle.
        mosaic: chance that four images share the canvas (Bochkovskiy et al. 2020).
        shift: largest shift beyond the image's place, as a share of the canvas.
        shear: largest slant in degrees.
        perspective: largest move of the canvas's corners, as a share of its sides.
        hue: largest turn of the colour circle, 0..0.5.
        blur: largest radius of a Gaussian blur, pixels of the canvas.
        noise: largest deviation of Gaussian noise, as a share of the range.
        jpeg: chance of JPEG's marks, at a quality of 20 to 80.
        copy_paste: chance that objects of another image are pasted in, for sets with masks.
        mixup: chance that another image shines through.
    """

    flip: float = 0.0
    flip_vertical: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    stretch: float = 0.0
    degrees: float = 0.0
    degrees_boxes: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    tint: float = 0.0
    grey: float = 0.0
    cut_out: float = 0.0
    mosaic: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    perspective: float = 0.0
    hue: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: float = 0.0
    copy_paste: float = 0.0
    mixup: float = 0.0

    @classmethod
    def preset(cls, name: str) -> "Augmentation":
        """ "none", "light", "default", "strong" or "parts".

        Raises:
            ConfigError: for another name.
        """
        if not isinstance(name, str) or name not in PRESETS:
            raise ConfigError(f"There is no augmentation {name!r}; use one of {list(PRESETS)}.")
        return PRESETS[name]

    def replace(self, **changes: Any) -> "Augmentation":
        """The same pipeline with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return self == Augmentation()

    def apply(
        self,
        sample: Sample,
        canvas: tuple[int, int],
        rng: np.random.Generator,
        other: Callable[[], Sample] | None = None,
        fit: float | None = None,
    ) -> Sample:
        """An augmented image of the canvas's size.

        Args:
            sample: the image at any size.
            canvas: (height, width) of the result.
            rng: decides everything.
            other: gives another image of the set, for mosaics; None: nothing is mixed.
            fit: scale at a zoom of 1; by default that at which the whole image is just inside.
        """
        if other is not None and rng.random() < self.mosaic:
            changed = self._mosaic([sample, other(), other(), other()], canvas, rng)
        else:
            changed = self._moved(sample, canvas, self.zoom, rng, fit)
        if other is not None:
            changed = self._mixed(changed, other, canvas, rng)
        return self._marked(self._coloured(changed, rng), rng)

    # A number is drawn only for what is switched on, so that a preset's pictures for a seed do not
    # change when another change is added to the pipeline.
    def _mixed(
        self,
        sample: Sample,
        other: Callable[[], Sample],
        canvas: tuple[int, int],
        rng: np.random.Generator,
    ) -> Sample:
        if self.copy_paste and rng.random() < self.copy_paste:
            sample = paste_objects(sample, self._moved(other(), canvas, self.zoom, rng), 0.5, rng)
        if self.mixup and rng.random() < self.mixup:
            second = self._moved(other(), canvas, self.zoom, rng)
            sample = blend(sample, second, float(rng.beta(8.0, 8.0)))
        return sample

    def _marked(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = sample.image
        if self.hue:
            image = pixels.turn_hue(image, rng.uniform(-self.hue, self.hue))
        if self.blur:
            image = pixels.blur(image, rng.uniform(0.0, self.blur))
        if self.noise:
            image = pixels.add_noise(image, rng.uniform(0.0, self.noise), rng)
        if self.jpeg and rng.random() < self.jpeg:
            image = pixels.as_jpeg(image, int(rng.integers(20, 81)))
        return replace(sample, image=image)

    def _moved(
        self,
        sample: Sample,
        canvas: tuple[int, int],
        zoom: tuple[float, float],
        rng: np.random.Generator,
        fit: float | None = None,
    ) -> Sample:
        fill = tuple(int(value) for value in rng.integers(80, 170, 3))
        affine = self._affine(sample, canvas, zoom, rng, fit)
        moved = affine.sample(sample, fill)  # type: ignore[arg-type]
        if self.perspective:
            matrix = random_homography(canvas, self.perspective, rng)
            moved = apply_homography(moved, matrix, fill)
        return moved

    def _affine(
        self,
        sample: Sample,
        canvas: tuple[int, int],
        zoom: tuple[float, float],
        rng: np.random.Generator,
        fit: float | None = None,
    ) -> Affine:
        source = (sample.image.shape[0], sample.image.shape[1])
        fit = min(canvas[0] / source[0], canvas[1] / source[1]) if fit is None else fit
        scale = fit * math.exp(rng.uniform(math.log(zoom[0]), math.log(zoom[1])))
        aspect = math.exp(rng.uniform(-self.stretch, self.stretch) / 2)
        # A turned box is looser than what it holds.
        outlined = sample.masks is not None and bool(sample.has_outlines.all())
        most = self.degrees if outlined else self.degrees_boxes
        degrees = rng.uniform(-most, most)
        flip = (bool(rng.random() < self.flip_vertical), bool(rng.random() < self.flip))
        slant = rng.uniform(-self.shear, self.shear, 2) if self.shear else np.zeros(2)
        for _ in range(8):  # until an object's middle is inside
            factors = (scale / aspect, scale * aspect)
            centre = tuple(
                _somewhere(side * factor, length, rng)
                for side, factor, length in zip(source, factors, canvas, strict=True)
            )
            if self.shift:
                away = rng.uniform(-self.shift, self.shift, 2) * canvas
                centre = (centre[0] + away[0], centre[1] + away[1])
            affine = compose(source, canvas, factors, centre, degrees, flip, slant)  # type: ignore[arg-type]
            middles = affine.points((sample.boxes[:, :2] + sample.boxes[:, 2:]) / 2.0)
            if not len(middles) or ((middles > 0) & (middles < canvas)).all(axis=1).any():
                break
        return affine

    def _mosaic(
        self, samples: list[Sample], canvas: tuple[int, int], rng: np.random.Generator
    ) -> Sample:
        height, width = canvas
        y, x = int(rng.uniform(0.35, 0.65) * height), int(rng.uniform(0.35, 0.65) * width)
        image = np.zeros((height, width, samples[0].image.shape[2]), dtype=samples[0].image.dtype)
        parts = []
        quarters = [(0, y, 0, x), (0, y, x, width), (y, height, 0, x), (y, height, x, width)]
        for sample, (top, bottom, left, right) in zip(samples, quarters, strict=True):
            part = self._moved(sample, (bottom - top, right - left), self._mosaic_zoom(), rng)
            image[top:bottom, left:right] = part.image
            boxes = part.boxes + np.array([top, left, top, left], dtype=np.float32)
            masks = None
            if part.masks is not None:
                masks = np.zeros((len(part.masks), height, width), dtype=bool)
                masks[:, top:bottom, left:right] = part.masks
            parts.append(replace(part, boxes=boxes, masks=masks))
        return joined(image, parts)

    def _mosaic_zoom(self) -> tuple[float, float]:
        # A quarter of the canvas: objects are to stay about as large as elsewhere.
        return max(self.zoom[0], 0.9), 2 * max(self.zoom[1], 1.0)

    def _coloured(self, sample: Sample, rng: np.random.Generator) -> Sample:
        factors = [
            1 + rng.uniform(-strength, strength)
            for strength in (self.brightness, self.contrast, self.saturation)
        ]
        if rng.random() < self.grey:
            factors[2] = 0.0
        tint = 1 + rng.uniform(-self.tint, self.tint, 3)
        image = sample.image
        brightness, contrast, saturation = factors
        if any(factor != 1 for factor in factors) or self.tint:
            image = colour.jitter(image, brightness, contrast, saturation, tint)
        if rng.random() < self.cut_out:
            image = colour.cut_out(image, 0.3, rng)
        return replace(sample, image=image)

    def preview(
        self,
        dataset: Any,
        image_id: int,
        path: str | os.PathLike[str],
        canvas: tuple[int, int] = (320, 320),
        count: int = 12,
        seed: int = 0,
    ) -> None:
        """Draw a sheet of ``count`` variants of one image with their boxes (crowds in grey)."""
        boxes, class_ids, masks = dataset.load_instances(image_id)
        planes = None if masks is None else np.moveaxis(masks, 2, 0)
        sample = Sample(dataset.load_image(image_id), boxes, class_ids, planes)
        columns = 4
        sheet = Image.new("RGB", (columns * canvas[1], -(-count // columns) * canvas[0]))
        for i in range(count):
            changed = self.apply(sample, canvas, np.random.default_rng((seed, i)), lambda: sample)
            picture = Image.fromarray(changed.image)
            pen = ImageDraw.Draw(picture)
            for box, kind in zip(changed.boxes, changed.class_ids, strict=True):
                y1, x1, y2, x2 = (float(value) for value in box)
                pen.rectangle((x1, y1, x2, y2), outline="lime" if kind > 0 else "grey", width=2)
            sheet.paste(picture, (i % columns * canvas[1], i // columns * canvas[0]))
        save_picture(path, sheet)


def _somewhere(length: float, room: float, rng: np.random.Generator) -> float:
    """Middle of a stretch of this length in the room, or covering it where it is longer."""
    slack = room - length
    return float(room / 2 + rng.uniform(-0.5, 0.5) * abs(slack))


PRESETS = {
    "none": Augmentation(),
    "light": Augmentation(flip=0.5, zoom=(0.8, 1.25), brightness=0.15, contrast=0.15),
    "default": Augmentation(
        flip=0.5,
        zoom=(0.6, 1.6),
        stretch=0.15,
        degrees=10.0,
        degrees_boxes=4.0,
        brightness=0.3,
        contrast=0.3,
        saturation=0.4,
        tint=0.08,
        grey=0.1,
    ),
    "strong": Augmentation(
        flip=0.5,
        zoom=(0.4, 2.0),
        stretch=0.25,
        degrees=15.0,
        degrees_boxes=5.0,
        brightness=0.4,
        contrast=0.4,
        saturation=0.5,
        tint=0.12,
        grey=0.1,
        cut_out=0.3,
        mosaic=0.4,
    ),
    # Parts of the photo, from nearly all of it to a third of its area, as classifiers are trained.
    "parts": Augmentation(
        flip=0.5,
        zoom=(0.95, 1.7),
        stretch=0.25,
        brightness=0.25,
        contrast=0.25,
        saturation=0.3,
        tint=0.05,
    ),
}
