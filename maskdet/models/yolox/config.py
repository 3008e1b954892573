"""Settings of YOLOX: subclass :class:`YoloxConfig` and hand an instance over."""

from typing import ClassVar

from maskdet.errors import ConfigError
from maskdet.geometry.placement import divisible
from maskdet.models.single_shot_config import SingleShotConfig
from maskdet.setting_checks import check_weights

#: What divides the sides of the network's input.
SIDE_MULTIPLE = 32


class YoloxConfig(SingleShotConfig):
    """YOLOX-Nano as it was published: 416 pixels, COCO's 80 classes, boxes alone.

    What it shares with other families stands in :class:`SingleShotConfig`.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    family_name: ClassVar[str] = "yolox"

    NAME: str | None = "yolox"
    # One that holds a pyramid of its own.
    BACKBONE = "yolox_nano"
    IMAGE_RESIZE_MODE = "corner"
    IMAGE_MIN_DIM = 416
    IMAGE_MAX_DIM = 416
    DETECTION_NMS_THRESHOLD = 0.65
    LOSS_WEIGHTS: ClassVar[dict[str, float]] = {
        "yolox_box_loss": 5.0,
        "yolox_object_loss": 1.0,
        "yolox_class_loss": 1.0,
    }

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        super().validate()
        check_weights(self, "LOSS_WEIGHTS", YoloxConfig.LOSS_WEIGHTS)
        height, width = self.input_sides
        if not divisible((height, width), SIDE_MULTIPLE):
            raise ConfigError(
                f"IMAGE_MAX_DIM gives an input of {height} x {width}, which {SIDE_MULTIPLE} does "
                "not divide; use a side such as 320, 416, 512 or 640."
            )
