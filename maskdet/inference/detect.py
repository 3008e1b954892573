"""Batches of images through an inference network."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from maskdet.config import Config
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.family import Family
from maskdet.geometry.placement import Placement, place

#: An image (H, W, C) -> the same on the network's canvas, and where it lies there.
Prepare = Callable[[np.ndarray], tuple[np.ndarray, Placement]]


def placement_rule(config: Config, detecting: bool = False) -> Callable[..., Placement]:
    """A function from an image's (height, width, ...) to its placement under this config.

    Args:
        detecting: nothing may be lost: "crop" then shows the whole image at the crop's scale.
    """
    mode = config.IMAGE_RESIZE_MODE
    if detecting and mode == "crop":
        mode = "pad64"

    def rule(image_shape: Sequence[int], choose: Callable[[int], int] | None = None) -> Placement:
        return place(
            tuple(image_shape[:2]),
            config.IMAGE_MIN_DIM,
            config.IMAGE_MAX_DIM,
            config.IMAGE_MIN_SCALE,
            mode,
            choose,
        )

    return rule


class Detector:
    """Runs a family's inference network on images of any size and number.

    Args:
        network: the inference network.
        family: its family.
        config: its settings; BATCH_SIZE images of one canvas go through at a time.
        class_names: index 0 is the background.
        with_masks: whether the network's masks mean anything (a set of boxes trains none).
        prepare: puts an image on the network's canvas.
    """

    def __init__(
        self,
        network: keras.Model,
        family: Family,
        config: Config,
        class_names: Sequence[str],
        with_masks: bool,
        prepare: Prepare,
    ) -> None:
        self.network, self.family, self.config = network, family, config
        self.class_names, self.with_masks = tuple(class_names), with_masks
        self.prepare = prepare

    def stream(self, images: Iterable[Any]) -> Iterator[Detections]:
        """Detections of each image (H, W, C), in order, batch by batch.

        Raises:
            UsageError: if one is no such image.
        """
        waiting: list[tuple[np.ndarray, Placement]] = []
        for number, image in enumerate(images):
            pixels, placed = self.prepare(checked_image(image, number, self.config))
            check_sides(pixels, number)
            # Images of one batch have one size; in the modes without a fixed one it may change.
            if waiting and waiting[0][0].shape != pixels.shape:
                yield from self._run(waiting)
                waiting = []
            waiting.append((pixels, placed))
            if len(waiting) == self.config.BATCH_SIZE:
                yield from self._run(waiting)
                waiting = []
        if waiting:
            yield from self._run(waiting)

    def _run(self, prepared: list[tuple[np.ndarray, Placement]]) -> list[Detections]:
        places = [placed for _, placed in prepared]
        pixels = np.stack([image for image, _ in prepared])
        inputs = self.family.detection_inputs(pixels, places, self.config)
        outputs = [np.asarray(out) for out in self.network.predict_on_batch(inputs)]
        return self.family.decode(outputs, places, self.config, self.class_names, self.with_masks)


def checked_image(image: Any, number: int, config: Config) -> np.ndarray:
    """The image as (H, W, C), uint8 or float32; grey is repeated and alpha dropped for RGB.

    Raises:
        UsageError: if it is none, or has another number of channels.
    """
    array = np.asarray(image)
    channels = int(config.IMAGE_CHANNEL_COUNT)
    if array.ndim == 2:
        array = np.repeat(array[..., None], channels if channels == 3 else 1, axis=2)
    if channels == 3 and array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    if array.ndim != 3 or array.shape[2] != channels or 0 in array.shape:
        kind = "H x W x 3 (RGB, 0..255)" if channels == 3 else f"H x W x {channels}"
        raise UsageError(f"Image {number} must be {kind}. Received: shape {array.shape}.")
    return array if array.dtype == np.uint8 else array.astype(np.float32)


def check_sides(pixels: np.ndarray, number: int) -> None:
    """Raises UsageError for a canvas whose sides are no multiples of 64 (mode "none")."""
    height, width = pixels.shape[:2]
    if height % 64 or width % 64:
        raise UsageError(
            f"Image {number} enters the network as {height} x {width} pixels, which 64 does not "
            "divide; set IMAGE_RESIZE_MODE to 'pad64' or 'square'."
        )
