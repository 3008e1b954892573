"""The class that users make: Mask R-CNN (He et al. 2017)."""

import os
from typing import Any

import numpy as np

from maskdet.models.detecting import DetectingModel
from maskdet.models.mask_rcnn.config import Config
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.models.mask_rcnn.network import normalised_anchors, pixel_anchors


class MaskRCNN(DetectingModel):
    """Finds objects of your classes with a box and a mask each.

    See :class:`maskdet.models.model.Model` for the methods.
    """

    family = MaskRCNNFamily()
    config: Config

    def __init__(
        self, mode: str, config: Config, model_dir: str | os.PathLike[str] = "logs"
    ) -> None:
        super().__init__(mode, config, model_dir)
        self.anchors: np.ndarray | None = None

    def get_anchors(self, image_shape: Any) -> np.ndarray:
        """Anchors (A, 4) normalised for an input shape; sets ``self.anchors`` in pixels."""
        self.anchors = pixel_anchors(self.config, image_shape, np.float64)
        return normalised_anchors(self.config, image_shape).copy()
