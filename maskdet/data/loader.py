"""Batches for training: decoded once, augmented in threads, the same for one seed whatever runs."""

import logging
import math
import os
import warnings
from collections import deque
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from maskdet.data.augment import Augmentation, Sample
from maskdet.data.augment.geometric import Affine
from maskdet.data.dataset import Dataset
from maskdet.data.requirements import fitting_objects
from maskdet.data.targets import Targets
from maskdet.errors import DataError, MaskdetError, MaskdetWarning, UsageError
from maskdet.geometry.masks import shrink_mask
from maskdet.geometry.placement import Placement
from maskdet.images import checked_image, resize_image, scaled

log = logging.getLogger("maskdet")

# Sources are kept this much larger than the canvas, so that zooming in does not blur.
SOURCE_MARGIN = 1.3
# Share of the free memory that kept images may take.
MEMORY_SHARE = 0.25
# Batches prepared ahead.
AHEAD = 4


class Loader:
    """Endless batches of a data set.

    Args:
        dataset: prepared.
        canvas: (height, width) of the network's input.
        batch_size: images a batch; the last batch of a pass is filled from the next one.
        placement_rule: image shape -> placement on the canvas, for images that stay as they are.
            With ``crops`` it also takes ``choose``, see :func:`maskdet.geometry.placement.place`.
        max_instances: objects per image; of more, a random choice.
        mini_mask_shape: (height, width) of masks cut out by their box; None leaves masks out.
        targets: what each image teaches; by default the data set's objects.
        with_labels: whether batches say what each whole image shows.
        augment: None or a pipeline that changes nothing gives each image exactly as placed.
        shuffle: a new order each pass.
        seed: decides order, augmentation and choices, whatever the number of workers.
        workers: threads.
        cache: keep decoded images: True, False, or "auto" if they fit into memory.
        on_error: "raise" stops at an image that cannot be read; "skip" warns once and takes the
            next one.
        plain_sources: images of these sources are never augmented.
        crops: each image is a random crop, anew in each pass; augmentation works on the crop.
        channels: of every image.
        whole_masks: masks as large as the canvas instead of cut out and shrunk.
        fills: the placement rule lets images fill the canvas and cuts off what is beyond;
            augmentation starts from its scale.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        canvas: tuple[int, int],
        batch_size: int,
        placement_rule: Callable[..., Placement],
        max_instances: int,
        mini_mask_shape: tuple[int, int] | None,
        targets: Callable[[int], Targets] | None = None,
        with_labels: bool = False,
        augment: Augmentation | None = None,
        shuffle: bool = True,
        seed: int = 0,
        workers: int = 2,
        cache: str | bool = "auto",
        on_error: str = "raise",
        plain_sources: Collection[str] = (),
        crops: bool = False,
        channels: int = 3,
        whole_masks: bool = False,
        fills: bool = False,
    ) -> None:
        self.dataset, self.canvas, self.batch_size = dataset, tuple(canvas), batch_size
        self.placement_rule, self.max_instances = placement_rule, max_instances
        self.with_masks = bool(dataset.provides_masks) and mini_mask_shape is not None
        self.targets = targets or (lambda image_id: Targets(*dataset.load_instances(image_id)))
        self.with_labels = with_labels
        self.mini_mask_shape = (1, 1) if mini_mask_shape is None else mini_mask_shape
        self.augment = None if augment is None or augment.is_none else augment
        self.shuffle, self.seed, self.workers = shuffle, seed, max(1, workers)
        self.on_error = on_error
        self.plain_sources = frozenset(plain_sources)
        self.crops, self.channels, self.whole_masks = crops, channels, whole_masks
        self.fills = fills
        if whole_masks:
            self.mini_mask_shape = (canvas[0], canvas[1])
        self.images = len(dataset.image_ids)
        self.caching = self._fits_memory() if cache == "auto" else bool(cache)
        self._kept: dict[tuple[str, int], Any] = {}
        self._broken: set[int] = set()

    def __len__(self) -> int:
        """Batches in one pass over the data set."""
        return -(-self.images // self.batch_size)

    # ---- batches ---------------------------------------------------------------------------
    def batch(self, index: int) -> dict[str, np.ndarray]:
        """Batch number ``index``, counted through all passes.

        Returns:
            images (B, H, W, C) uint8, or float32 where the data set gives such images; boxes
            float32 (B, M, 4) in canvas pixels and class_ids int32 (B, M), zero padded, crowds
            negative; masks bool (B, M, h, w), each cut out by its box, or (B, M, H, W) with
            ``whole_masks`` (where the data set has masks); outlined bool (B, M): which of them show
            an object's outline; windows float32 (B, 4): the part of the
            canvas that is image; scales float32 (B,); image_shapes int32 (B, 3); image_ids int32
            (B,); with ``with_labels`` labels int32 (B,), class ids of whole images.

        Raises:
            DataError: naming an image that cannot be read.
        """
        size, most = self.batch_size, self.max_instances
        batch: dict[str, np.ndarray] = {
            "boxes": np.zeros((size, most, 4), np.float32),
            "class_ids": np.zeros((size, most), np.int32),
            "windows": np.zeros((size, 4), np.float32),
            "scales": np.ones(size, np.float32),
            "image_shapes": np.zeros((size, 3), np.int32),
            "image_ids": np.zeros(size, np.int32),
        }
        if self.with_masks:
            batch["masks"] = np.zeros((size, most, *self.mini_mask_shape), np.bool_)
            batch["outlined"] = np.zeros((size, most), np.bool_)
        if self.with_labels:
            batch["labels"] = np.zeros(size, np.int32)
        images = [self._fill(batch, row, index * size + row) for row in range(size)]
        return {"images": np.stack(images), **batch}

    def iterate(self, start: int = 0) -> Generator[dict[str, np.ndarray]]:
        """Batches from number ``start`` on, for ever, prepared ahead by threads.

        Close the iterator (or drop it) to stop the threads.
        """
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="maskdet-loader")
        waiting: deque[Future[dict[str, np.ndarray]]] = deque()
        index = start
        try:
            while True:
                while len(waiting) < AHEAD:
                    waiting.append(pool.submit(self.batch, index))
                    index += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            pool.shutdown(wait=True)

    def _image_at(self, position: int) -> int:
        """Which image stands at a position of the endless order."""
        number, offset = divmod(position, self.images)
        if not self.shuffle:
            return offset
        order = np.random.default_rng((self.seed, 1, number)).permutation(self.images)
        return int(order[offset])

    def _fill(self, batch: dict[str, np.ndarray], row: int, position: int) -> np.ndarray:
        """The image of a position; its objects are written into the batch's row."""
        rng = np.random.default_rng((self.seed, 2, position))
        for attempt in range(self.images):
            image_id = self._image_at(position + attempt)
            if image_id in self._broken:
                continue
            try:
                return self._write(batch, row, image_id, rng)
            except Exception as error:
                self._refuse(image_id, error)
        raise DataError("None of the data set's images can be read; look at the warnings above.")

    def _refuse(self, image_id: int, error: Exception) -> None:
        label = self.dataset.image_label(image_id)
        text = str(error) if isinstance(error, MaskdetError) else f"{type(error).__name__}: {error}"
        message = f"Image {image_id} ({label}) cannot be used: {text}"
        if self.on_error != "skip":
            raise DataError(message) from error
        self._broken.add(image_id)
        warnings.warn(f"{message} It is left out.", MaskdetWarning, stacklevel=2)

    def _write(
        self, batch: dict[str, np.ndarray], row: int, image_id: int, rng: np.random.Generator
    ) -> np.ndarray:
        plain = self.dataset.image_info[image_id]["source"] in self.plain_sources
        cut_out = False  # whether masks are mini masks already
        if self.crops or (self.augment is not None and not plain):
            sample, shape, batch["scales"][row] = self._changing(image_id, rng, plain)
            batch["windows"][row] = (0, 0, *self.canvas)
        else:
            sample, shape, placement = self._cached(image_id, self._placed)
            batch["windows"][row], batch["scales"][row] = placement.window, placement.scale
            cut_out = True
        batch["image_shapes"][row] = shape
        batch["image_ids"][row] = image_id
        if self.with_labels:
            batch["labels"][row] = self._cached(image_id, self._label)
        count = len(sample.boxes)
        indices = np.arange(count)
        if count > self.max_instances:
            indices = np.sort(rng.choice(count, self.max_instances, replace=False))
        outlined = sample.has_outlines
        for column, which in enumerate(indices):
            batch["boxes"][row, column] = sample.boxes[which]
            batch["class_ids"][row, column] = sample.class_ids[which]
            if self.with_masks and sample.masks is not None:
                mask = sample.masks[which]
                if not cut_out and not self.whole_masks:
                    mask = shrink_mask(mask, sample.boxes[which], self.mini_mask_shape)
                batch["masks"][row, column] = mask
                batch["outlined"][row, column] = outlined[which]
        return sample.image

    def _changing(
        self, image_id: int, rng: np.random.Generator, plain: bool
    ) -> tuple[Sample, tuple[int, ...], float]:
        """An image that is different each time: the sample, the image's shape, the crop's scale."""

        def source(number: int) -> tuple[Sample, tuple[int, ...], float]:
            sample, shape = self._cached(number, self._source)
            return self._cropped(sample, shape, rng) if self.crops else (sample, shape, 1.0)

        def other() -> Sample:
            number = int(rng.integers(self.images))
            return source(image_id if number in self._broken else number)[0]

        sample, shape, scale = source(image_id)
        if self.augment is not None and not plain:
            # What two photos show together has no class of its own.
            mixed = None if self.with_labels else other
            fit = {"fit": self.placement_rule(sample.image.shape).scale} if self.fills else {}
            sample = self.augment.apply(sample, self.canvas, rng, mixed, **fit)  # type: ignore[arg-type]
        return sample, shape, scale

    def _cropped(
        self, sample: Sample, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[Sample, tuple[int, ...], float]:
        placement = self.placement_rule(shape, choose=lambda most: int(rng.integers(most + 1)))
        height, width = placement.scaled_shape
        top, left = placement.crop[:2] if placement.crop is not None else (0, 0)
        matrix = np.array(
            [[height / shape[0], 0.0, -float(top)], [0.0, width / shape[1], -float(left)]]
        )
        moved = Affine(matrix, placement.canvas_shape).sample(sample, (0, 0, 0))
        return moved, shape, placement.scale

    # ---- images ----------------------------------------------------------------------------
    def _cached(self, image_id: int, make: Callable[[int], Any]) -> Any:
        key = (make.__name__, image_id)
        if key in self._kept:
            return self._kept[key]
        made = make(image_id)
        if self.caching:
            self._kept[key] = made
        return made

    def _label(self, image_id: int) -> int:
        return int(self.targets(image_id).label or 0)

    def _objects(self, image_id: int, shape: tuple[int, ...]) -> Targets:
        """What can be seen of an image's objects; masks None where none are asked for."""
        targets = self.targets(image_id)
        boxes, class_ids, masks = targets.boxes, targets.class_ids, targets.masks
        label = self.dataset.image_label(image_id)
        fitting_objects(class_ids, masks, shape, len(self.dataset.class_info), label)
        if not self.with_masks:
            masks = None
        drawn = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        if masks is None:
            return Targets(boxes[drawn], class_ids[drawn])
        drawn = drawn & masks.any(axis=(0, 1))  # hidden completely by others
        outlined = None if targets.outlined is None else targets.outlined[drawn]
        return Targets(boxes[drawn], class_ids[drawn], masks[..., drawn], outlined=outlined)

    def _image(self, image_id: int) -> np.ndarray:
        """The image as (H, W, C), uint8 or float32.

        Raises:
            DataError: if it has another number of channels.
        """
        image = np.asarray(self.dataset.load_image(image_id))
        try:
            return checked_image(image, self.channels)
        except UsageError as error:
            raise DataError(
                f"it has shape {image.shape}, but IMAGE_CHANNEL_COUNT is {self.channels}; let "
                f"load_image() give (height, width, {self.channels}), or change the setting."
            ) from error

    def _placed(self, image_id: int) -> tuple[Sample, tuple[int, ...], Placement]:
        image = self._image(image_id)
        placement = self.placement_rule(image.shape)
        if placement.canvas_shape != self.canvas:
            raise DataError(
                f"it becomes {placement.canvas_shape} pixels (height, width), but training needs "
                f"all images to become {self.canvas}; use IMAGE_RESIZE_MODE 'square' or 'crop'."
            )
        targets = self._objects(image_id, image.shape)
        boxes, masks = targets.boxes, targets.masks
        minis = None
        if masks is not None:
            minis = np.zeros((len(boxes), *self.mini_mask_shape), np.bool_)
            bare = replace(placement, fill=0)
            for i, box in enumerate(boxes):
                if self.whole_masks:
                    plane = masks[..., i, None].astype(np.uint8) * 255
                    minis[i] = resize_image(plane, bare)[..., 0] > 127
                else:
                    minis[i] = shrink_mask(masks[..., i], box, self.mini_mask_shape)
        sample = Sample(
            resize_image(image, placement),
            placement.forward_boxes(boxes),
            targets.class_ids.astype(np.int32),
            minis,
            targets.outlined,
        )
        return sample, image.shape, placement

    def _source(self, image_id: int) -> tuple[Sample, tuple[int, ...]]:
        """The image with its objects, shrunk to little more than the canvas."""
        image = self._image(image_id)
        targets = self._objects(image_id, image.shape)
        boxes, masks = targets.boxes, targets.masks
        height, width = image.shape[:2]
        # Crops keep the image's own scale.
        largest = math.inf if self.crops else SOURCE_MARGIN * max(self.canvas)
        longest = min(height, width) if self.fills else max(height, width)
        factor = min(1.0, largest / longest)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        planes = None
        if masks is not None:
            planes = np.zeros((len(boxes), size[1], size[0]), bool)
            for i in range(len(boxes)):
                plane = Image.fromarray(masks[..., i].astype(np.uint8) * 255)
                planes[i] = np.asarray(plane.resize(size, Image.Resampling.BILINEAR)) > 127
        if factor < 1:
            image = scaled(image, (size[1], size[0]))
        scale = np.array([size[1] / height, size[0] / width] * 2, dtype=np.float32)
        moved = (boxes * scale).astype(np.float32)
        ids = targets.class_ids.astype(np.int32)
        return Sample(image, moved, ids, planes, targets.outlined), (height, width, self.channels)

    def _fits_memory(self) -> bool:
        side = max(self.canvas) * (SOURCE_MARGIN if self.augment is not None else 1.0)
        needed = self.images * side * side * self.channels * (2 if self.with_masks else 1)
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        fits = needed < MEMORY_SHARE * free
        log.info(
            "%d images need about %.0f MB decoded; they are %s",
            self.images,
            needed / 1e6,
            "kept in memory" if fits else "decoded anew each pass",
        )
        return bool(fits)
