"""The class that users make: YOLOX (Ge et al. 2021)."""

import numpy as np

from maskdet.geometry.deltas import decode_boxes
from maskdet.models.detecting import DetectingModel
from maskdet.models.inspecting import AnchorLook, Look
from maskdet.models.yolox.config import YoloxConfig
from maskdet.models.yolox.family import YoloxFamily
from maskdet.models.yolox.network import BOX_STD, cells_as_shares, joint_scores


class YOLOX(DetectingModel):
    """Finds objects with a box each: of COCO's classes at once, of yours after a training.

    See :class:`maskdet.models.model.Model` for the methods.
    """

    family = YoloxFamily()
    config: YoloxConfig

    def anchor_look(self, look: Look) -> AnchorLook:
        """The cells of all maps, each as a box of its map's stride; see :meth:`inspect`."""
        names = ("class_rows", "delta_rows", "object_rows")
        logits, deltas, objectness = look.layer_arrays(*names)
        scores = np.asarray(joint_scores(logits[None], objectness[None]))[0].max(axis=1)
        cells = cells_as_shares(self.config) * np.array(self.config.input_sides * 2, np.float32)
        return AnchorLook(cells, scores, decode_boxes(cells, deltas, std=BOX_STD))
