"""What augmentation works on: a picture and the objects in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        outlined: bool (N,), which masks show an object's outline; the others are filled boxes. None
            where all masks do.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    masks: NDArray[np.bool_] | None = None
    outlined: NDArray[np.bool_] | None = None

    @property
    def has_outlines(self) -> NDArray[np.bool_]:
        """bool (N,): whose mask shows its outline."""
        if self.outlined is not None:
            return self.outlined
        return np.full(len(self.boxes), self.masks is not None)

    def subset(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Sample":
        """The sample with the chosen objects only."""
        masks = None if self.masks is None else self.masks[rows]
        outlined = None if self.outlined is None else self.outlined[rows]
        return replace(
            self,
            boxes=self.boxes[rows],
            class_ids=self.class_ids[rows],
            masks=masks,
            outlined=outlined,
        )


def joined(image: NDArray[np.uint8], samples: Sequence[Sample]) -> Sample:
    """An image with the objects of several samples, whose boxes and masks lie on it already.

    Masks are kept where all of them have masks.
    """
    masks = [sample.masks for sample in samples if sample.masks is not None]
    whole = len(masks) == len(samples)
    return Sample(
        image,
        np.concatenate([sample.boxes for sample in samples]),
        np.concatenate([sample.class_ids for sample in samples]),
        np.concatenate(masks) if whole else None,
        np.concatenate([sample.has_outlines for sample in samples]) if whole else None,
    )
