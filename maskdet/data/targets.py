"""What one image teaches, whatever a network is for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Targets:
    """The objects of an image, or what the whole of it shows.

    Attributes:
        boxes: float32 (N, 4) y1, x1, y2, x2 in pixels of the image.
        class_ids: int32 (N,); negative ones are crowds.
        masks: bool (H, W, N), or None.
        label: class id of the whole image; None for a set of objects.
        outlined: bool (N,), which masks show an object's outline; the others are filled boxes. None
            where all masks do.
    """

    boxes: Array
    class_ids: Array
    masks: Array | None = None
    label: int | None = None
    outlined: Array | None = None

    @classmethod
    def of_label(cls, label: int) -> "Targets":
        """An image without objects that shows one class."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), None, int(label))
