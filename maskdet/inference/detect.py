"""Batches of images through an inference network."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement, divisible
from maskdet.images import checked_image, resize_image
from maskdet.inference.compiled import compiled
from maskdet.trained import Trained

#: An image (H, W, C) -> the same on the network's canvas, and where it lies there.
Prepare = Callable[[np.ndarray], tuple[np.ndarray, Placement]]


def detect(
    trained: Trained, images: Iterable[Any], prepare: Prepare | None = None
) -> Iterator[Any]:
    """The task's result for each image, in order, batch by batch; any number of any size.

    Args:
        trained: with an inference network; BATCH_SIZE images of one canvas go through at a time.
        images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, uint8 or floats; may be a
            generator.
        prepare: puts an image on the network's canvas; by default as the Config says.

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
        for prepared in _batches(trained, images, prepare or prepare_of(trained))
        for result in _run(trained, trained.network, prepared)[0]
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
    for prepared in _batches(trained, images, prepare or prepare_of(trained)):
        results, more = _run(trained, probe, prepared)
        for row, (_, placement) in enumerate(prepared):
            yield results[row], placement, [array[row] for array in more]


def prepare_of(trained: Trained) -> Prepare:
    """How images get onto the network's canvas as the Config says."""
    rule = trained.config.placement_rule(detecting=True)

    def on_canvas(image: np.ndarray) -> tuple[np.ndarray, Placement]:
        placement = rule(image.shape)
        return resize_image(image, placement), placement

    return on_canvas


#: A batch: images on their canvases, all of one size, and where they lie there.
_Prepared = list[tuple[np.ndarray, Placement]]


def _batches(trained: Trained, images: Iterable[Any], prepare: Prepare) -> Iterator[_Prepared]:
    config, multiple = trained.config, trained.family.side_multiple(trained.config)
    waiting: _Prepared = []
    for number, image in enumerate(images):
        checked = checked_image(image, int(config.IMAGE_CHANNEL_COUNT), f"Image {number}")
        canvas, placement = prepare(checked)
        check_sides(canvas.shape, multiple, number)
        # Images of one batch have one size; in the modes without a fixed one it may change.
        if waiting and waiting[0][0].shape != canvas.shape:
            yield waiting
            waiting = []
        waiting.append((canvas, placement))
        if len(waiting) == config.BATCH_SIZE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _run(trained: Trained, network: Any, prepared: _Prepared) -> tuple[list[Any], list[np.ndarray]]:
    """Results of a batch, and what ``network`` gives beyond the trained one's outputs."""
    family, config = trained.family, trained.config
    placements = [placement for _, placement in prepared]
    pixels = np.stack([canvas for canvas, _ in prepared])  # (B, H, W, C)
    values = compiled(network)(family.inference_inputs(pixels, placements, config))
    own = len(values) if network is trained.network else len(trained.network.outputs)
    results = family.decode(
        values[:own], placements, config, trained.class_names, trained.facts.outputs
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
