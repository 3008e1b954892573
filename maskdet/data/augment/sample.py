"""What augmentation works on: a picture and the objects in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Sample:
    """An image with its objects; all arrays belong together.

    Attributes:
        image: uint8 (H, W, 3).
        boxes: float32 (N, 4) y1, x1, y2, x2 in the image's pixels.
        class_ids: int32 (N,); negative for crowds, which are neither right nor wrong.
        masks: bool (N, H, W), or None where only boxes are known.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    masks: NDArray[np.bool_] | None = None

    def subset(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Sample":
        """The sample with the chosen objects only."""
        masks = None if self.masks is None else self.masks[rows]
        return Sample(self.image, self.boxes[rows], self.class_ids[rows], masks)
