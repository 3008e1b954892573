"""Settings of every family that finds objects."""

from typing import ClassVar

from maskdet.base_config import BaseConfig
from maskdet.setting_checks import (
    check_choice,
    check_pair,
    check_share,
    check_switch,
    check_whole,
)


class DetectionConfig(BaseConfig):
    """:class:`BaseConfig` with how objects are fed to a training and reported afterwards."""

    #: Whether the family's networks give boxes as plain shares of the input's sides; else in
    #: matterport's normalised form, in which corner pixels lie on corner pixels.
    plain_boxes: ClassVar[bool] = False

    # Masks are kept at MINI_MASK_SHAPE inside their box: little memory, slightly softer edges.
    USE_MINI_MASK = True
    MINI_MASK_SHAPE = (56, 56)
    # What the mask head learns from, object by object. "auto": from masks and outlines where there
    # are any, from the box and the photo's colours where there is a box alone. "masks": from masks
    # and outlines alone. "boxes": from boxes, whatever else is known. "none": not at all.
    MASK_SUPERVISION = "auto"
    # Objects per image that training looks at; of more, a random choice.
    MAX_GT_INSTANCES = 100
    # Most objects reported per image.
    DETECTION_MAX_INSTANCES = 100
    # Detections below this score are left out.
    DETECTION_MIN_CONFIDENCE: float = 0.7
    # Of two detections of one class that overlap by more than this IoU the better one stays.
    DETECTION_NMS_THRESHOLD = 0.3

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        super().validate()
        check_switch(self, "USE_MINI_MASK")
        check_pair(self, "MINI_MASK_SHAPE")
        check_choice(self, "MASK_SUPERVISION", ("auto", "masks", "boxes", "none"))
        for name in ("MAX_GT_INSTANCES", "DETECTION_MAX_INSTANCES"):
            check_whole(self, name, 1)
        for name in ("DETECTION_MIN_CONFIDENCE", "DETECTION_NMS_THRESHOLD"):
            check_share(self, name)
