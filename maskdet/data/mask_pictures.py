"""Mask pictures: which pixels are an object, or which object each pixel is."""

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from maskdet.errors import DataError

Array = NDArray[Any]
# Modes that Pillow turns into others of the same values.
_COLOURS = ("CMYK", "YCbCr", "LAB", "HSV", "RGBX")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


class MaskPicture(NamedTuple):
    """A mask picture as it is read.

    Attributes:
        plane: values (H, W); of colours the largest part, of what is transparent 0.
        coloured: whether it has colours, which are no object numbers.
        indexed: whether the values are places in a palette.
    """

    plane: Array
    coloured: bool
    indexed: bool


def read_mask_picture(path: str | os.PathLike[str]) -> MaskPicture:
    """A mask picture's values.

    Raises:
        DataError: if it is missing or cannot be read.
    """
    try:
        with Image.open(path) as picture:
            return mask_values(picture)
    except FileNotFoundError:
        raise DataError(
            f"There is no mask {path}; check the path.", kind="missing mask", path=path
        ) from None
    except UnidentifiedImageError as error:
        text = _cannot_be_read(path, error)
        raise DataError(text, kind="unreadable mask", path=path) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        text = _cannot_be_read(path, error)
        raise DataError(text, kind="damaged mask", path=path) from error


def _cannot_be_read(path: str | os.PathLike[str], error: Exception) -> str:
    return f"The mask {path} cannot be read ({error}); replace it."


def mask_values(picture: Image.Image) -> MaskPicture:
    """The values of a mask picture that Pillow has opened."""
    visible = _visible(picture)
    indexed = picture.mode in ("P", "PA")
    if (indexed and _is_out_of_order(picture)) or picture.mode in _COLOURS:
        picture, indexed = picture.convert("RGB"), False
    values = np.array(picture)
    coloured = False
    if values.ndim == 3:
        colours = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        plane = colours.max(axis=2)
        differing = colours.min(axis=2) != plane
        coloured = bool((differing if visible is None else differing & visible).any())
    else:
        plane = values
    if visible is not None:
        plane = np.where(visible, plane, 0)
    return MaskPicture(plane, coloured, indexed)


def _visible(picture: Image.Image) -> Array | None:
    """Pixels (H, W) that are not transparent; None where transparency says nothing."""
    if picture.mode not in _WITH_ALPHA and not (
        "transparency" in picture.info and picture.mode in ("1", "L", "P", "RGB")
    ):
        return None
    alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    return alpha > alpha.max() // 2 if alpha.any() else None


def _is_out_of_order(picture: Image.Image) -> bool:
    """Whether a palette's first colour is not black, but that of other pixels is.

    Programs that make pictures smaller order the palette anew; the background is then any number.
    """
    numbers = np.unique(np.asarray(picture.getchannel(0)))
    colours = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    black = np.flatnonzero(~colours.any(axis=1))
    return 0 not in black and bool(np.isin(numbers, black).any())


def object_pixels(path: str | os.PathLike[str]) -> Array:
    """The pixels of a picture of one object, bool (H, W): what is not black, whatever its colour.

    Of a grey one with soft edges it is what is brighter than half of the brightest.

    Raises:
        DataError: if it is missing or cannot be read.
    """
    plane, coloured, _ = read_mask_picture(path)
    pixels: Array = plane != 0
    if not coloured and has_soft_edges(plane):
        brighter = plane > plane.max() / 2
        # Grey photos whose background was painted black have soft values too, but few bright ones.
        if 2 * int((plane > 0.9 * plane.max()).sum()) >= int(brighter.sum()):
            pixels = brighter
    return pixels


def object_numbers(path: str | os.PathLike[str]) -> list[int]:
    """The numbers of the objects in a picture of object numbers, in order; 0 is background.

    Raises:
        DataError: if it is missing or cannot be read; or if it has colours, soft edges or
            fractions, which say not which object a pixel is.
    """
    plane, coloured, indexed = read_mask_picture(path)
    advice = "save it as a grey PNG of whole numbers, 0 for background and one for each object"
    reason = ""
    if coloured:
        reason = "is in colours"
    elif plane.dtype.kind not in "iub":
        reason = "holds no whole numbers"
    elif has_soft_edges(plane):
        reason = "has soft edges, whose values would be objects"
    if reason:
        raise DataError(f"The mask {path} {reason}; {advice}.", kind="wrong value", path=path)
    # In palette pictures after VOC's custom 255 is the border around objects.
    nothing = (0, 255) if indexed else (0,)
    return [int(value) for value in np.unique(plane) if value not in nothing]


def has_soft_edges(plane: Array) -> bool:
    """Whether most values of a picture (H, W) are but steps between others.

    Such a value fills no square of 3 x 3 pixels anywhere, and most pixels of such values lie at
    other ones: smoothing and scaling make them. Objects are larger, or lie apart.
    """
    if plane.dtype == bool or min(plane.shape) < 3:
        return False
    values = np.unique(plane)
    values = values[values != 0]
    if len(values) < 3:
        return False
    height, width = plane.shape
    middle = plane[1:-1, 1:-1]
    same, beside = np.ones(middle.shape, bool), np.zeros(middle.shape, bool)  # (H - 2, W - 2)
    for y in range(3):
        for x in range(3):
            other = plane[y : height - 2 + y, x : width - 2 + x]
            same &= other == middle
            beside |= (other != middle) & (other != 0)
    steps = np.setdiff1d(values, middle[same])
    if 2 * len(steps) <= len(values):
        return False
    pixels = np.isin(middle, steps)
    return bool(pixels.any()) and 2 * int((beside & pixels).sum()) > int(pixels.sum())
