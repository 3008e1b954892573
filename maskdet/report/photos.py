"""Photos as a report holds them: small, and never too many bytes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.images import jpeg_bytes, scaled
from maskdet.report.chapters import Chapter, Mark, Photo, Photos, Text
from maskdet.visualize.canvas import as_picture

#: The longer side of a picture, in pixels.
SIDE = 640
#: Photos of one report, the worst and the best.
WORST, BEST = 12, 6
# All of them at most are 1.9 MB, and a third more as text.
_MOST_BYTES = 105_000
_QUALITIES = (85, 75, 60, 45, 30)


def small_photo(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo uint8 (H, W, 3) with no side above SIDE pixels; small ones stay as they are."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    small: NDArray[np.uint8] = image if scale == 1.0 else scaled(image, shape)
    return small


def picture_of(
    pixels: NDArray[np.uint8], title: str, alt: str, marks: Sequence[Mark] = ()
) -> Photo:
    """A picture of uint8 (H, W, 3), in as good a quality as it may take bytes."""
    for quality in _QUALITIES:
        jpeg = jpeg_bytes(pixels, quality)
        if len(jpeg) <= _MOST_BYTES:
            break
    return Photo(jpeg, pixels.shape[1], pixels.shape[0], title, alt, tuple(marks))


def photo_name(label: Any) -> str:
    """The end of a photo's path, which is enough to find it by."""
    return str(label).replace("\\", "/").rsplit("/", 1)[-1]


def photo_chapter(
    title: str,
    note: str,
    dataset: Any,
    image_ids: Sequence[int],
    draw: Callable[[int, NDArray[np.uint8]], Photo],
    legend: Sequence[Mark] = (),
) -> Chapter | None:
    """A chapter of some of a data set's photos; None without any.

    One that cannot be read is named in place of its picture.

    Args:
        draw: makes the picture of an image id and the photo, uint8 (H, W, 3).
    """
    if not image_ids:
        return None
    pictures, lost = [], []
    for image_id in image_ids:
        try:
            image = as_picture(dataset.load_image(image_id))
        except Exception as error:  # whatever a data set's own code raises
            lost.append(Text(f"{dataset.image_label(image_id)} cannot be shown: {error}"))
        else:
            pictures.append(draw(image_id, image))
    shown = (Photos(tuple(pictures), tuple(legend)),) if pictures else ()
    return Chapter(title, note, (*shown, *lost))
