"""Settings of the demo's training."""

from typing import Any, ClassVar

from maskdet.models.mask_rcnn.config import MobileConfig


class ScenesConfig(MobileConfig):
    """The light network for the embedded scenes."""

    NAME = "scenes"
    IMAGE_MIN_DIM = 256
    IMAGE_MAX_DIM = 256
    RPN_ANCHOR_SCALES = (32, 56, 96, 160)
    TRAIN_ROIS_PER_IMAGE = 32
    AUGMENTATION = "light"
    # Minutes, not the best that could be had.
    RECIPES: ClassVar[dict[str, Any]] = {
        **MobileConfig.RECIPES,
        "default": (("heads", 1.0, 450), ("all", 0.5, 1800)),
    }
