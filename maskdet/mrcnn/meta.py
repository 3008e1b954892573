"""What goes with an image into the network: pixels without their mean, and a vector of facts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from maskdet.backbones.scaling import pixels_of
from maskdet.config import Config

Array = NDArray[Any]

# Where each fact stands in the vector; active classes fill the rest.
_PARTS = {
    "image_id": slice(0, 1),
    "original_image_shape": slice(1, 4),
    "image_shape": slice(4, 7),
    "window": slice(7, 11),
    "scale": slice(11, 12),
    "active_class_ids": slice(12, None),
}
_SINGLE = ("image_id", "scale")


def compose_image_meta(
    image_id: int,
    original_image_shape: Sequence[int],
    image_shape: Sequence[int],
    window: Sequence[float],
    scale: float,
    active_class_ids: ArrayLike,
) -> Array:
    """The facts of one image as a vector (12 + classes,).

    Args:
        image_id: its number in the data set.
        original_image_shape, image_shape: (height, width, channels) before and after resizing.
        window: y1, x1, y2, x2 of the image within the resized one, pixels.
        scale: the factor of the resizing.
        active_class_ids: (classes,), 1 for classes that the image's source knows.
    """
    parts = [[image_id], original_image_shape, image_shape, window, [scale], active_class_ids]
    return np.concatenate([np.asarray(part).reshape(-1) for part in parts])


def parse_image_meta(meta: ArrayLike) -> dict[str, Array]:
    """Vectors (B, 12 + classes) by name: int32, only ``scale`` float32."""
    rows = np.asarray(meta)
    parts = {name: rows[:, part] for name, part in _PARTS.items()}
    return {
        name: (values[:, 0] if name in _SINGLE else values).astype(
            np.float32 if name == "scale" else np.int32
        )
        for name, values in parts.items()
    }


def parse_image_meta_graph(meta: Any) -> dict[str, Any]:
    """:func:`parse_image_meta` of a tensor, dtypes kept."""
    return {
        name: meta[:, part.start] if name in _SINGLE else meta[:, part]
        for name, part in _PARTS.items()
    }


def mold_image(images: Array, config: Config) -> Array:
    """Pixels (..., C) minus the mean, divided by the deviation if that is not 1; float64, as the
    original gives them where networks take :meth:`maskdet.pixels.Pixels.of_images`."""
    pixels = pixels_of(config)
    molded = np.asarray(images).astype(np.float32) - np.array(pixels.mean)
    return molded if pixels.std == 1 else molded / pixels.std


def unmold_image(normalized_images: Array, config: Config) -> Array:
    """The way back: uint8, cut off after the decimal point as the original does."""
    pixels, values = pixels_of(config), np.asarray(normalized_images)
    values = values if pixels.std == 1 else values * pixels.std
    return (values + np.array(pixels.mean)).astype(np.uint8)


def log(text: str, array: Any = None) -> None:
    """Print a line; with an array also its shape, range and dtype."""
    if array is not None:
        text = f"{text:25}shape: {np.shape(array)!s:20}  "
        if np.size(array):
            text += f"min: {np.min(array):10.5f}  max: {np.max(array):10.5f}"
        else:
            text += f"min: {'':10}  max: {'':10}"
        text += f"  {np.asarray(array).dtype}"
    print(text)


def norm_boxes_graph(boxes: Any, shape: Any) -> Any:
    """Pixel boxes (..., 4) in the 0..1 form, for an image of ``shape`` (height, width)."""
    scale, shift = _scale_and_shift(shape)
    return (ops.cast(boxes, "float32") - shift) / scale


def denorm_boxes_graph(boxes: Any, shape: Any) -> Any:
    """Boxes of the 0..1 form in pixels, int32, rounded half to even."""
    scale, shift = _scale_and_shift(shape)
    return ops.cast(ops.round(ops.cast(boxes, "float32") * scale + shift), "int32")


def _scale_and_shift(shape: Any) -> tuple[Any, Any]:
    sides = ops.cast(ops.convert_to_tensor(shape), "float32")
    scale = ops.concatenate([sides, sides], axis=0) - 1.0
    return scale, ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], dtype="float32")
