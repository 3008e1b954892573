"""Photos in and out: decoding to one form, sizes without decoding, placing on a canvas.

One form means uint8, H x W x 3, RGB, turned as the camera meant it (EXIF orientation).
"""

import io
import os
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError

from maskdet.errors import DataError, MaskdetWarning, UsageError
from maskdet.files import write_whole
from maskdet.geometry.placement import Placement

Array = NDArray[Any]
PathLike = str | os.PathLike[str]

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises for files that are cut off, damaged or of a kind it cannot turn into RGB.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
# A whole file of these kinds ends with these bytes (but for padding).
_ENDINGS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


def photo_endings() -> frozenset[str]:
    """File endings, lower case with the dot, of everything that Pillow opens as a picture."""
    known = Image.registered_extensions()
    # PDF and PostScript are documents; somebody's manual beside the photos is no photo.
    return frozenset(
        ending
        for ending, kind in known.items()
        if kind in Image.OPEN and kind not in ("PDF", "EPS", "MPEG", "HDF5", "GRIB", "BUFR")
    )


def _open(path: PathLike, data: bytes | None = None) -> Image.Image:
    """The picture with its header read. Raises DataError where that is not possible."""
    try:
        return Image.open(path if data is None else io.BytesIO(data))
    except FileNotFoundError:
        raise DataError(
            f"There is no photo {path}; check the path.", kind="missing photo", path=path
        ) from None
    except UnidentifiedImageError:
        raise DataError(
            f"The file {path} is no picture that Pillow can read; convert it to JPEG or PNG, or "
            "remove it.",
            kind="unreadable photo",
            path=path,
        ) from None
    except _DAMAGED as error:
        raise DataError(
            f"The photo {path} cannot be opened ({error}); replace it.",
            kind="unreadable photo",
            path=path,
        ) from error


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1..8; anything that does not exist (0, 65537, text) means 1.

    Must be asked before the pixels are read: a PNG may carry EXIF behind them, and whether that
    counts would otherwise depend on who asks when. It never does.
    """
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, 1)
    except (*_DAMAGED, KeyError, TypeError):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _eight_bit(picture: Image.Image) -> Image.Image:
    """A grey picture of 16 or 32 bits or floats, brought to 0..255."""
    values = np.asarray(picture)
    if picture.mode == "F":
        values = values * 255.0 if values.max(initial=0.0) <= 1.0 else values
    elif picture.mode != "I" or values.max(initial=0) > 255:
        values = values / 257.0
    values = np.nan_to_num(values.astype(np.float64))
    return Image.fromarray(np.around(np.clip(values, 0, 255)).astype(np.uint8))


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        picture = _eight_bit(picture)
    elif picture.mode in ("P", "PA", "LA", "La", "RGBa"):
        # Through RGBA, so that colours below transparent pixels stay what the file says.
        picture = picture.convert("RGBA")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def read_image(path: PathLike, on_truncated: str = "error") -> Array:
    """A photo as uint8 H x W x 3, RGB.

    Anything Pillow reads: grey and palette become RGB, an alpha channel is dropped, 16 bit is
    scaled by 1 / 257 to 8 bit, of an animation the first picture counts. The EXIF orientation is
    applied, since boxes are drawn on the turned picture; values that do not exist count as none.

    Args:
        on_truncated: what to do with a file that is cut off: "error", or "fill" to take what is
            there of a JPEG (the rest is grey).

    Raises:
        DataError: if the file is missing, cut off, damaged or no picture.
        UsageError: for another value of ``on_truncated``.
    """
    if on_truncated not in ("error", "fill"):
        raise UsageError(f"on_truncated must be 'error' or 'fill', but is {on_truncated!r}.")
    picture = _open(path)
    try:
        return _decode(picture)
    except _DAMAGED as error:
        if on_truncated == "fill":
            # The marker for "end of image" lets the decoder stop in peace. Pillow's own switch for
            # this is global, so it would also hide damage from other threads.
            return read_bytes(Path(path).read_bytes() + _ENDINGS["JPEG"], path)
        raise _damaged(path, error) from error


def read_bytes(data: bytes, name: PathLike) -> Array:
    """A photo from a file's content, as :func:`read_image` reads it; ``name`` is for messages."""
    picture = _open(name, data)
    try:
        return _decode(picture)
    except _DAMAGED as error:
        raise _damaged(name, error) from error


def _damaged(path: PathLike, error: Exception) -> DataError:
    return DataError(
        f"The photo {path} is truncated or damaged ({error}); replace or remove it, or skip such "
        "photos with on_error='skip'.",
        kind="unreadable photo",
        path=path,
    )


def _decode(picture: Image.Image) -> Array:
    with picture:
        turn = _TURNS.get(_orientation(picture))
        rgb = _to_rgb(picture)
        return np.array(rgb if turn is None else rgb.transpose(turn))


def image_header(path: PathLike) -> tuple[tuple[int, int], int]:
    """((height, width) after turning, EXIF orientation 1..8), from the file's header alone.

    Raises DataError as :func:`read_image` does, but cannot notice truncation.
    """
    with _open(path) as picture:
        orientation = _orientation(picture)
        width, height = picture.size
    return ((width, height) if orientation >= 5 else (height, width)), orientation


def bytes_header(data: bytes, name: PathLike) -> tuple[tuple[int, int], int]:
    """What :func:`image_header` gives, of a file's content that is decoded to find damage.

    Raises DataError as :func:`read_bytes` does; ``name`` is for messages.
    """
    height, width = read_bytes(data, name).shape[:2]
    with _open(name, data) as picture:
        return (height, width), _orientation(picture)


def image_size(path: PathLike) -> tuple[int, int]:
    """(height, width) in pixels after EXIF turning, without decoding. Raises DataError."""
    return image_header(path)[0]


def check_image(path: PathLike) -> None:
    """Raises DataError if the photo is missing, truncated or damaged.

    A JPEG or PNG that ends as it should is taken for whole; every other file is decoded.
    """
    checked_header(path)


def checked_header(path: PathLike) -> tuple[tuple[int, int], int]:
    """:func:`image_header` of a photo that :func:`check_image` finds whole, opened only once."""
    with _open(path) as picture:
        ending = _ENDINGS.get(picture.format or "")
        orientation = _orientation(picture)
        width, height = picture.size
    shape = (width, height) if orientation >= 5 else (height, width)
    if ending is not None:
        with open(path, "rb") as file:
            file.seek(-min(256, os.path.getsize(path)), os.SEEK_END)
            if file.read().rstrip(b"\0\r\n ").endswith(ending):
                return shape, orientation
    read_image(path)
    return shape, orientation


def turn_boxes(boxes: ArrayLike, orientation: int, shape: tuple[int, int]) -> Array:
    """Boxes (N, 4) drawn on the picture as stored, moved to the picture as turned; float64.

    Args:
        orientation: EXIF orientation 1..8.
        shape: (height, width) of the picture as turned, in pixels.
    """
    y1, x1, y2, x2 = np.asarray(boxes, dtype=np.float64).reshape(-1, 4).T
    if orientation >= 5:  # rows and columns change places
        y1, x1, y2, x2 = x1, y1, x2, y2
    height, width = shape
    if orientation in (3, 4, 7, 8):  # upside down
        y1, y2 = height - y2, height - y1
    if orientation in (2, 3, 6, 7):  # left and right exchanged
        x1, x2 = width - x2, width - x1
    return np.stack([y1, x1, y2, x2], axis=1)


def turn_plane(plane: ArrayLike, orientation: int) -> Array:
    """An array (H, W, ...) of the picture as stored, moved to the picture as turned."""
    array = np.asarray(plane)
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def checked_image(image: Any, channels: int, subject: str = "An image") -> Array:
    """An image as (H, W, C), uint8 or float32; grey is repeated and alpha dropped for RGB.

    Args:
        channels: that it must have.
        subject: what the message calls it, such as "Image 3".

    Raises:
        UsageError: if it is no image, or has another number of channels.
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3 if channels == 3 else 1, axis=2)
    if channels == 3 and array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    if array.ndim != 3 or array.shape[2] != channels or 0 in array.shape:
        kind = "H x W x 3 (RGB, 0..255)" if channels == 3 else f"H x W x {channels}"
        raise UsageError(f"{subject} must be {kind}. Received: shape {array.shape}.")
    if array.dtype == np.uint8:
        return array
    _warn_of_shares(array, channels, subject)
    return array.astype(np.float32)


def _warn_of_shares(array: Array, channels: int, subject: str) -> None:
    """Pixels of 0..1, as scikit-image and matplotlib give them, would be taken for black."""
    shares = channels in (1, 3) and array.dtype.kind == "f" and 0 < array.max() <= 1
    if shares and array.min() >= 0:
        warnings.warn(
            f"{subject} has values from 0 to {array.max():.3g}, but pixels are 0 .. 255, so it is "
            "nearly black; multiply it by 255.",
            MaskdetWarning,
            stacklevel=4,
        )


def resize_image(image: ArrayLike, placement: Placement) -> Array:
    """An image put on the network's canvas: (canvas height, canvas width, C), dtype kept.

    Bilinear over the area that a pixel covers (so shrinking does not alias), ``placement.fill``
    around it.

    Args:
        image: H x W x C of ``placement.image_shape``: uint8, or float32 of any range.

    Raises:
        UsageError: for an image of another size or kind.
    """
    pixels = np.asarray(image)
    if pixels.dtype not in (np.uint8, np.float32) or pixels.shape[:2] != placement.image_shape:
        raise UsageError(
            f"The image must be uint8 or float32 of shape {(*placement.image_shape, 3)}, as its "
            f"placement says, but is {pixels.dtype} of shape {pixels.shape}."
        )
    if placement.scaled_shape != placement.image_shape:
        pixels = scaled(pixels, placement.scaled_shape)
    if placement.crop is not None:
        y, x, height, width = placement.crop
        return np.ascontiguousarray(pixels[y : y + height, x : x + width])
    shape = (*placement.canvas_shape, pixels.shape[2])
    canvas = np.full(shape, placement.fill, dtype=pixels.dtype)
    y1, x1, y2, x2 = placement.window
    canvas[y1:y2, x1:x2] = pixels
    return canvas


def scaled(pixels: Array, shape: tuple[int, int]) -> Array:
    """H x W x C resized to ``shape`` (height, width): bilinear over the area a pixel covers."""

    def resized(plane: Array) -> Array:
        # The gap lets Pillow take the mean of whole blocks of pixels first: 640 x 480 to 320 x 240
        # in a sixth of the time. Detectors see the same pixels on every machine, so it is for all.
        picture = Image.fromarray(np.ascontiguousarray(plane))
        size = (shape[1], shape[0])
        return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0))

    if pixels.shape[2] == 3 and pixels.dtype == np.uint8:
        return resized(pixels)
    return np.stack([resized(pixels[..., i]) for i in range(pixels.shape[2])], axis=-1)


def write_image(path: PathLike, array: ArrayLike, quality: int = 92) -> None:
    """Write uint8 H x W x 3 (RGB) or H x W (grey; uint16 too, as PNG), whole or not at all.

    The kind of file follows the name's ending; ``quality`` is for JPEG. Makes missing folders.

    Raises:
        UsageError: for another array or an ending that Pillow does not know.
    """
    pixels = np.asarray(array)
    grey = pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16)
    if not grey and not (pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8):
        raise UsageError(
            f"An image to be written must be uint8 of shape (H, W, 3) or (H, W), but is "
            f"{pixels.dtype} of shape {pixels.shape}."
        )
    save_picture(path, Image.fromarray(np.ascontiguousarray(pixels)), quality)


def png_bytes(array: ArrayLike) -> bytes:
    """uint8 H x W x 3 (RGB) or H x W (grey) as the content of a PNG file."""
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.asarray(array))).save(content, format="PNG")
    return content.getvalue()


def jpeg_bytes(array: ArrayLike, quality: int = 92) -> bytes:
    """uint8 H x W x 3 (RGB) as the content of a JPEG file."""
    content = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(np.asarray(array)))
    picture.save(content, format="JPEG", quality=quality, optimize=True)
    return content.getvalue()


def save_picture(path: PathLike, picture: Image.Image, quality: int = 92) -> None:
    """Write a Pillow picture by a temporary name, so that no half file ever stands there."""
    path = Path(path)
    kind = check_picture_name(path)
    content = io.BytesIO()
    picture.save(content, format=kind, **({"quality": quality} if kind == "JPEG" else {}))
    write_whole(path, content.getvalue())


def check_picture_name(path: PathLike) -> str:
    """Pillow's name for the kind of picture that a file's ending says.

    Raises:
        UsageError: for an ending that Pillow does not know.
    """
    path = Path(path)
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"No kind of picture ends in {path.suffix!r} ({path}); use .jpg or .png.")
    return kind
