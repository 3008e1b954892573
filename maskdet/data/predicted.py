"""A data set of what a detector found in photos, for the writers of formats."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.outlines import Shape
from maskdet.detections import Detections
from maskdet.geometry.boxes import clip_boxes

Array = NDArray[Any]
# Of an outline's corners: how far they may leave the mask's edge, in pixels and as a share of the
# mask's side. A mask is 28 cells across, so that half a cell is its own error.
_LEAST_TOLERANCE, _TOLERANCE = 0.75, 0.01


class PredictedDataset(Dataset):
    """Photos with detections as their objects; masks are kept as polygons.

    Objects without area are left out. The box of an object with a mask is the one around its
    outline.

    Args:
        class_names: the background first.
        has_masks: whether the detector gives masks.
    """

    def __init__(self, class_names: Sequence[str], has_masks: bool) -> None:
        super().__init__()
        self._has_masks = has_masks
        for number, name in enumerate(class_names[1:], start=1):
            self.add_class("predicted", number, name)
        self.prepare()

    def add(self, photo: str | os.PathLike[str], detections: Detections) -> None:
        """Add a photo with what was found in it."""
        height, width = detections.image_shape
        boxes = np.array(clip_boxes(detections.boxes, (0, 0, height, width)))
        rows, shapes = [], []
        for index, (y1, x1, y2, x2) in enumerate(boxes.tolist()):
            outline = outline_of(detections, index) if detections.has_masks else None
            if outline is not None:
                corners = np.concatenate(outline)  # (K, 2)
                boxes[index] = [*corners.min(axis=0), *corners.max(axis=0)]
            elif y2 <= y1 or x2 <= x1:
                continue
            rows.append(index)
            shapes.append(None if outline is None else Shape(polygons=outline))
        self.add_image(
            "predicted",
            len(self.image_info),
            os.fspath(photo),
            boxes=boxes[rows].astype(np.float32).reshape(-1, 4),
            classes=detections.class_ids[rows],
            shapes=shapes,
            size=(height, width),
        )

    @property
    def provides_masks(self) -> bool:
        """Whether the detector gives masks."""
        return self._has_masks

    def image_shape(self, image_id: int) -> tuple[int, int]:
        """(height, width) of the photo as it was looked at."""
        height, width = self.image_info[image_id]["size"]
        return height, width

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """Boxes float32 (N, 4) and class ids int32 (N,)."""
        info = self.image_info[image_id]
        return info["boxes"].copy(), info["classes"].copy()

    def load_shapes(self, image_id: int) -> list[Shape | None]:
        """The outline of each object; None for a box alone."""
        return list(self.image_info[image_id]["shapes"])


def outline_of(detections: Detections, index: int) -> tuple[Array, ...] | None:
    """A detection's mask as polygons of few corners, to be dragged by hand; None without pixels.

    Corners are left out as long as the outline stays near the mask's edge (Douglas and Peucker
    1973); the edge itself has a corner at each pixel of a slope.
    """
    from skimage.measure import approximate_polygon  # takes a second to load

    y1, x1, y2, x2 = detections.boxes[index].tolist()
    tolerance = max(_LEAST_TOLERANCE, _TOLERANCE * max(y2 - y1, x2 - x1))
    parts = []
    for part in detections[index].polygons()[0]:
        few = approximate_polygon(np.concatenate([part, part[:1]]), tolerance)[:-1]  # (K, 2)
        parts.append(np.asarray(few if len(few) >= 3 else part, dtype=np.float64))
    return tuple(parts) or None
