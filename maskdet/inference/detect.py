"""Batches of images through an inference network."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from typing import Any

import numpy as np

from maskdet.ahead import in_order
from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement, divisible
from maskdet.images import checked_image, resize_image
from maskdet.inference.compiled import compiled
from maskdet.trained import Trained

#: An image (H, W, C) -> the same on the network's canvas, and where it lies there.
Prepare = Callable[[np.ndarray], tuple[np.ndarray, Placement]]


@dataclass(frozen=True)
class _Batch:
    """Images on their way into the network.

    Attributes:
        inputs: the network's.
        placements: of the images on their canvases.
    """

    inputs: list[np.ndarray]
    placements: list[Placement]


def detect(
    trained: Trained, images: Iterable[Any], prepare: Prepare | None = None, ahead: int = 0
) -> Iterator[Any]:
    """The task's result for each image, in order, batch by batch; any number of any size.

    Args:
        trained: with an inference network; BATCH_SIZE images of one canvas go through at a time.
        images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, uint8 or floats; may be a
            generator, which is asked for the images of a batch when the one before is through.
        prepare: puts an image on the network's canvas; by default as the Config says.
        ahead: how many more images than that may be asked for, so that threads prepare them while
            the network works; a batch of them is then ready besides.

    Raises:
        UsageError: if one is no such image.
    """
    if isinstance(images, np.ndarray) and images.ndim in (2, 3):
        raise UsageError(
            f"A list of images is needed, but this is one image of shape {images.shape}; put it "
            "into a list: [image]."
        )
    return (
        result
        for batch in _batches(trained, images, prepare or prepare_of(trained), ahead)
        for result in _run(trained, trained.network, batch)[0]
    )


def detect_beside(
    trained: Trained, probe: Any, images: Iterable[Any], prepare: Prepare | None = None
) -> Iterator[tuple[Any, Placement, list[np.ndarray]]]:
    """:func:`detect`, with what more a network says of each image in the same pass.

    Args:
        probe: a Keras model on the network's inputs whose outputs begin with the network's own.

    Returns:
        For each image the task's result, its place on the canvas, and its row of each further
        output of ``probe``.
    """
    for batch in _batches(trained, images, prepare or prepare_of(trained)):
        results, more = _run(trained, probe, batch)
        for row, placement in enumerate(batch.placements):
            yield results[row], placement, [array[row] for array in more]


def prepare_of(trained: Trained) -> Prepare:
    """How images get onto the network's canvas as the Config says."""
    rule = trained.config.placement_rule(detecting=True)

    def on_canvas(image: np.ndarray) -> tuple[np.ndarray, Placement]:
        placement = rule(image.shape)
        return resize_image(image, placement), placement

    return on_canvas


#: Images on their canvases, all of one size, and where they lie there.
_Prepared = list[tuple[np.ndarray, Placement]]


def _batches(
    trained: Trained, images: Iterable[Any], prepare: Prepare, ahead: int = 0
) -> Iterator[_Batch]:
    config, multiple = trained.config, trained.family.side_multiple(trained.config)

    def on_canvas(number: int, image: Any) -> tuple[np.ndarray, Placement]:
        checked = checked_image(image, int(config.IMAGE_CHANNEL_COUNT), f"Image {number}")
        canvas, placement = prepare(checked)
        check_sides(canvas.shape, multiple, number)
        return canvas, placement

    placed_by = partial(_batch_of, trained)
    size = int(config.BATCH_SIZE)
    if not ahead:
        placed = starmap(on_canvas, enumerate(images))
        return map(placed_by, _grouped(placed, size))
    beside = in_order(lambda item: on_canvas(*item), enumerate(images), 1, ahead)
    return in_order(placed_by, _grouped(beside, size), 1, 1)


def _grouped(placed: Iterable[tuple[np.ndarray, Placement]], size: int) -> Iterator[_Prepared]:
    """Batches of one canvas's size each."""
    waiting: _Prepared = []
    for canvas, placement in placed:
        # Images of one batch have one size; in the modes without a fixed one it may change.
        if waiting and waiting[0][0].shape != canvas.shape:
            yield waiting
            waiting = []
        waiting.append((canvas, placement))
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _batch_of(trained: Trained, prepared: _Prepared) -> _Batch:
    pixels = np.stack([canvas for canvas, _ in prepared])  # (B, H, W, C)
    placements = [placement for _, placement in prepared]
    inputs = trained.family.inference_inputs(pixels, placements, trained.config)
    return _Batch(inputs, placements)


def _run(trained: Trained, network: Any, batch: _Batch) -> tuple[list[Any], list[np.ndarray]]:
    """Results of a batch, and what ``network`` gives beyond the trained one's outputs."""
    family, config = trained.family, trained.config
    values = compiled(network)(batch.inputs)
    own = len(values) if network is trained.network else len(trained.network.outputs)
    results = family.decode(
        values[:own], batch.placements, config, trained.class_names, trained.facts.outputs
    )
    return results, values[own:]


def check_sides(shape: tuple[int, ...], multiple: int, number: int) -> None:
    """Raises UsageError for a canvas (height, width, ...) whose sides the network cannot halve as
    often as it must (mode "none")."""
    if not divisible(shape, multiple):
        raise UsageError(
            f"Image {number} enters the network as {shape[0]} x {shape[1]} pixels, which "
            f"{multiple} does not divide; set IMAGE_RESIZE_MODE to 'pad64' or 'square'."
        )
