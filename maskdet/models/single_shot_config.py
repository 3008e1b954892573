"""Settings that families of single-shot detectors share."""

from typing import ClassVar

from maskdet.setting_checks import check_choice, check_whole
from maskdet.tasks.detection.config import DetectionConfig

_MODES = ("corner", "square", "stretch")


class SingleShotConfig(DetectionConfig):
    """Base of such a family's Config.

    For a set of your own, NUM_CLASSES is the number of its classes plus the background. The
    training settings are for small sets of photos and minutes, not days, of training from
    ``load_weights("coco")``.
    """

    plain_boxes: ClassVar[bool] = True

    NUM_CLASSES = 81
    DETECTION_MIN_CONFIDENCE = 0.3
    # Pairs of an anchor (or cell) and a class, best first, that non-maximum suppression looks at.
    DETECTION_CANDIDATES = 1000

    IMAGES_PER_GPU = 8
    STEPS_PER_EPOCH: int | None = None
    VALIDATION_STEPS: int | None = None
    OPTIMIZER = "adamw"
    LEARNING_RATE = 0.002
    LEARNING_RATE_SCHEDULE = "cosine"
    WARMUP_STEPS = 50
    WEIGHT_DECAY = 0.02
    BACKBONE_RATE = 0.2
    AUGMENTATION = "default"

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        super().validate()
        check_whole(self, "DETECTION_CANDIDATES", 1)
        check_choice(self, "IMAGE_RESIZE_MODE", _MODES)
