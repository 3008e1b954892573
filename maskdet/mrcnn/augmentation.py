"""Augmenters of imgaug where it is installed, and the library's own, behind one function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.augment import Augmentation, Sample
from maskdet.errors import UsageError
from maskdet.geometry.masks import boxes_around, fill_boxes

Array = NDArray[Any]

# imgaug's augmenters that move pixels alone and keep masks masks; others leave masks untouched.
MASK_AUGMENTERS = (
    "Sequential",
    "SomeOf",
    "OneOf",
    "Sometimes",
    "Fliplr",
    "Flipud",
    "CropAndPad",
    "Affine",
    "PiecewiseAffine",
)


def augment_image_and_masks(augmentation: Any, image: Array, masks: Array) -> tuple[Array, Array]:
    """An image (H, W, C) and its masks (H, W, N) changed together, sizes kept.

    Args:
        augmentation: an imgaug augmenter or :class:`maskdet.Augmentation`.

    Raises:
        UsageError: if it is neither, or changes the size.
    """
    if isinstance(augmentation, Augmentation):
        return _with_ours(augmentation, image, masks)
    if not hasattr(augmentation, "to_deterministic"):
        raise UsageError(
            f"augmentation must be an imgaug augmenter, a maskdet.Augmentation or the name of a "
            f"preset, but is a {type(augmentation).__name__}."
        )
    return _with_imgaug(augmentation, image, masks)


def _with_ours(augmentation: Augmentation, image: Array, masks: Array) -> tuple[Array, Array]:
    planes = np.moveaxis(np.asarray(masks).astype(bool), 2, 0)
    count = len(planes)
    # Class ids number the instances here, so that those that are left can be found again.
    boxes = np.zeros((count, 4), dtype=np.float32)
    sample = Sample(np.asarray(image), boxes, np.arange(1, count + 1, dtype=np.int32), planes)
    rng = np.random.default_rng(np.random.randint(2**31))
    shape = (image.shape[0], image.shape[1])
    moved = augmentation.replace(mosaic=0.0).apply(sample, shape, rng)
    result = np.zeros((count, *shape), dtype=bool)
    if moved.masks is not None:
        result[np.abs(moved.class_ids) - 1] = moved.masks
    return moved.image, np.moveaxis(result, 0, 2)


def _with_imgaug(augmentation: Any, image: Array, masks: Array) -> tuple[Array, Array]:
    import imgaug  # type: ignore[import-not-found]

    def moves_masks(images: Any, augmenter: Any, parents: Any, default: Any) -> bool:
        return augmenter.__class__.__name__ in MASK_AUGMENTERS

    # The same random choices for the image and for its masks.
    fixed = augmentation.to_deterministic()
    changed = fixed.augment_image(image)
    hooks = imgaug.HooksImages(activator=moves_masks)
    moved = fixed.augment_image(np.asarray(masks).astype(np.uint8), hooks=hooks)
    if changed.shape != image.shape or moved.shape != masks.shape:
        raise UsageError(
            f"The augmentation changed the size from {image.shape} to {changed.shape}; use "
            "augmenters that keep it."
        )
    return changed, moved.astype(bool)


@dataclass(frozen=True)
class ImgaugAugmentation(Augmentation):
    """An imgaug augmenter in the place of the library's own pipeline.

    The image is put on the canvas first, whole, as the library's own augmentation leaves it to
    itself where nothing is zoomed; then the augmenter changes image and masks (boxes are drawn
    around what is left of the masks; a set of boxes alone has filled boxes for masks).
    """

    augmenter: Any = None

    def apply(
        self,
        sample: Sample,
        canvas: tuple[int, int],
        rng: np.random.Generator,
        other: Callable[[], Sample] | None = None,
        fit: float | None = None,
    ) -> Sample:
        placed = super().apply(sample, canvas, rng, None, fit)
        masks = placed.masks
        planes = fill_boxes(placed.boxes, canvas) if masks is None else np.moveaxis(masks, 0, 2)
        image, moved = _with_imgaug(self.augmenter, placed.image, planes)
        planes = np.moveaxis(moved, 2, 0)
        changed = Sample(image, boxes_around(planes), placed.class_ids, planes)
        changed = changed.subset(np.flatnonzero(planes.any(axis=(1, 2))))
        if masks is None:
            changed.masks = None
        return changed
