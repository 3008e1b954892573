"""Settings of the demo's training."""

from maskdet.models.mask_rcnn.config import MobileConfig


class ScenesConfig(MobileConfig):
    """The light network for the embedded scenes."""

    NAME = "scenes"
    IMAGE_MIN_DIM = 256
    IMAGE_MAX_DIM = 256
    TRAIN_ROIS_PER_IMAGE = 32
    AUGMENTATION = "light"
    # All layers train at a tenth of it, the backbone like the rest.
    LEARNING_RATE = 0.003
    BACKBONE_RATE = 1.0
