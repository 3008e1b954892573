"""The class that users make: Mask R-CNN (He et al. 2017)."""

import os
from typing import Any

import numpy as np

from maskdet.geometry.boxes import denormalize_boxes
from maskdet.geometry.deltas import decode_boxes
from maskdet.models.detecting import DetectingModel
from maskdet.models.inspecting import AnchorLook, Look
from maskdet.models.mask_rcnn.config import Config
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.models.mask_rcnn.network import normalised_anchors, pixel_anchors, rpn_box_std


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

    def anchor_look(self, look: Look) -> AnchorLook:
        """The RPN's anchors (or cells) and the proposals; see :meth:`inspect`."""
        *_, rois, scores, deltas = look.arrays(list(self.network.outputs))
        shape = look.canvas.shape
        anchors = pixel_anchors(self.config, shape)
        rois = rois[(rois != 0).any(axis=1)]
        return AnchorLook(
            anchors,
            scores[:, 1],
            decode_boxes(anchors, deltas, std=rpn_box_std(self.config)),
            denormalize_boxes(rois, shape[:2]),
        )
