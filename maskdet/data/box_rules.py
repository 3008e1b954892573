"""What makes a box usable: it lies in its image, or nearly, and has an area."""

from collections.abc import Sequence

import numpy as np

from maskdet.errors import DataError

#: y1, x1, y2, x2 in pixels.
Box = tuple[float, float, float, float]
# Boxes may leave the image this far, in pixels, and are cut: tools round, count from 0 or (as VOC
# does) from 1, or write the last pixel or the one after. More than that is a mistake.
OVERSHOOT = 2.0


def leaves_image(box: Box, shape: Sequence[float]) -> bool:
    """Whether a box leaves an image of ``shape`` (height, width) by more than OVERSHOOT."""
    y1, x1, y2, x2 = box
    return max(-y1, -x1, y2 - shape[0], x2 - shape[1]) > OVERSHOOT


def has_area(box: Box) -> bool:
    """Whether a box covers anything; False too for sides that are no numbers."""
    y1, x1, y2, x2 = box
    return y2 > y1 and x2 > x1


def share_in_common(box: Box, other: Box) -> float:
    """IoU of two boxes, at least one of them with an area."""
    boxes = np.array([box, other], dtype=np.float64)
    low, high = boxes[:, :2].max(axis=0), boxes[:, 2:].min(axis=0)
    common = float(np.prod(np.maximum(high - low, 0)))
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return common / (float(areas.sum()) - common)


def checked_box(box: Box, shape: Sequence[int] | None, location: str, shown: str = "") -> Box:
    """A box cut to an image of ``shape`` (height, width); uncut where no shape is known.

    Args:
        location: where the box stands, for messages: "object 3 (cat), a.xml, line 20".
        shown: the box as its file has it, for messages; by default its four sides.

    Raises:
        DataError: if it is not finite, leaves the image by more than OVERSHOOT, or has no area.
    """
    y1, x1, y2, x2 = (float(side) for side in box)
    shown = shown or f"(y1={y1:g}, x1={x1:g}, y2={y2:g}, x2={x2:g})"
    if not np.isfinite([y1, x1, y2, x2]).all():
        raise DataError(
            f"The box {shown} of {location} is not finite; correct or remove it.",
            kind="wrong value",
        )
    if shape is not None:
        height, width = shape[:2]
        if leaves_image((y1, x1, y2, x2), (height, width)):
            raise DataError(
                f"The box {shown} of {location} leaves the image, which is {width} x {height} "
                "pixels (width x height); correct or remove it.",
                kind="box outside its image",
            )
        y1, y2 = max(y1, 0.0), min(y2, float(height))
        x1, x2 = max(x1, 0.0), min(x2, float(width))
    if y2 <= y1 or x2 <= x1:
        raise DataError(
            f"The box {shown} of {location} has no area; correct or remove it.",
            kind="box without area",
        )
    return y1, x1, y2, x2
