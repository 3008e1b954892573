"""The class that users make: YOLOX (Ge et al. 2021)."""

from maskdet.models.detecting import DetectingModel
from maskdet.models.yolox.config import YoloxConfig
from maskdet.models.yolox.family import YoloxFamily


class YOLOX(DetectingModel):
    """Finds objects with a box each: of COCO's classes at once, of yours after a training.

    See :class:`maskdet.models.model.Model` for the methods.
    """

    family = YoloxFamily()
    config: YoloxConfig
