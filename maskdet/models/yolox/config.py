"""Settings of YOLOX: subclass :class:`YoloxConfig` and hand an instance over."""

from typing import ClassVar

from maskdet.errors import ConfigError
from maskdet.geometry.placement import divisible
from maskdet.setting_checks import check_keys, check_whole
from maskdet.tasks.detection.config import DetectionConfig

#: What divides the sides of the network's input.
SIDE_MULTIPLE = 32
_MODES = ("corner", "square", "stretch")


class YoloxConfig(DetectionConfig):
    """YOLOX-Nano as it was published: 416 pixels, COCO's 80 classes, boxes alone.

    For a set of your own, NUM_CLASSES is the number of its classes plus the background. Its
    training settings are for small sets of photos and minutes, not days, of training from
    ``load_weights("coco")``.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    family_name: ClassVar[str] = "yolox"
    plain_boxes: ClassVar[bool] = True

    NAME: str | None = "yolox"
    NUM_CLASSES = 81
    # One that holds a pyramid of its own.
    BACKBONE = "yolox_nano"
    IMAGE_RESIZE_MODE = "corner"
    IMAGE_MIN_DIM = 416
    IMAGE_MAX_DIM = 416
    IMAGES_PER_GPU = 8
    STEPS_PER_EPOCH: int | None = None
    VALIDATION_STEPS: int | None = None
    DETECTION_MIN_CONFIDENCE = 0.3
    DETECTION_NMS_THRESHOLD = 0.65
    # Pairs of a cell and a class, best first, that non-maximum suppression looks at.
    DETECTION_CANDIDATES = 1000
    LOSS_WEIGHTS: ClassVar[dict[str, float]] = {
        "yolox_box_loss": 5.0,
        "yolox_object_loss": 1.0,
        "yolox_class_loss": 1.0,
    }
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
        check_keys(self, "LOSS_WEIGHTS", YoloxConfig.LOSS_WEIGHTS)
        check_whole(self, "DETECTION_CANDIDATES", 1)
        self._check_choice("IMAGE_RESIZE_MODE", _MODES)
        height, width = self.input_sides
        if not divisible((height, width), SIDE_MULTIPLE):
            raise ConfigError(
                f"IMAGE_MAX_DIM gives an input of {height} x {width}, which {SIDE_MULTIPLE} does "
                "not divide; use a side such as 320, 416, 512 or 640."
            )
