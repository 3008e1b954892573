"""Batches of images through an inference network."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from maskdet.config import Config
from maskdet.data.images import resize_image
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.family import Family
from maskdet.geometry.placement import Placement, place


def placement_rule(config: Config) -> Any:
    """A function from an image's (height, width, ...) to its placement under this config."""

    def rule(image_shape: Sequence[int]) -> Placement:
        return place(
            tuple(image_shape[:2]),
            config.IMAGE_MIN_DIM,
            config.IMAGE_MAX_DIM,
            config.IMAGE_MIN_SCALE,
            config.IMAGE_RESIZE_MODE,
        )

    return rule


class Detector:
    """Runs a family's inference network on images of any size and number.

    Args:
        network: the inference network.
        family: its family.
        config: its settings; BATCH_SIZE images go through at a time.
        class_names: index 0 is the background.
        with_masks: whether the network's masks mean anything (a set of boxes trains none).
    """

    def __init__(
        self,
        network: keras.Model,
        family: Family,
        config: Config,
        class_names: Sequence[str],
        with_masks: bool,
    ) -> None:
        self.network, self.family, self.config = network, family, config
        self.class_names, self.with_masks = tuple(class_names), with_masks
        self._rule = placement_rule(config)

    def stream(self, images: Iterable[Any]) -> Iterator[Detections]:
        """Detections of each image (uint8 or float H x W x 3, RGB), in order, batch by batch."""
        waiting: list[np.ndarray] = []
        for image in images:
            waiting.append(checked_image(image, len(waiting)))
            if len(waiting) == self.config.BATCH_SIZE:
                yield from self._run(waiting)
                waiting = []
        if waiting:
            yield from self._run(waiting)

    def _run(self, images: list[np.ndarray]) -> list[Detections]:
        places = [self._rule(image.shape) for image in images]
        pixels = np.stack(
            [resize_image(image, place) for image, place in zip(images, places, strict=True)]
        )
        inputs = self.family.detection_inputs(pixels, places, self.config)
        outputs = [np.asarray(out) for out in self.network.predict_on_batch(inputs)]
        return self.family.decode(outputs, places, self.config, self.class_names, self.with_masks)


def checked_image(image: Any, number: int) -> np.ndarray:
    """The image as uint8 H x W x 3.

    Raises:
        UsageError: if it is none.
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise UsageError(
            f"Image {number} must be H x W x 3 (RGB, 0..255). Received: shape {array.shape}."
        )
    if array.dtype != np.uint8:
        array = np.clip(array, 0, 255).astype(np.uint8)
    return array[..., :3]
