"""The class that users make: SSD (Liu et al. 2016)."""

from maskdet.models.detecting import DetectingModel
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.family import SsdFamily


class SSD(DetectingModel):
    """Finds objects with a box each: of COCO's classes at once, of yours after a training.

    See :class:`maskdet.models.model.Model` for the methods.
    """

    family = SsdFamily()
    config: SsdConfig
