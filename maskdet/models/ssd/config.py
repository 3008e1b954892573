"""Settings of SSD: subclass :class:`SsdConfig` and hand an instance over."""

import os
from typing import TYPE_CHECKING, Any, ClassVar, Self

from maskdet.errors import ConfigError
from maskdet.geometry.placement import divisible
from maskdet.models.single_shot_config import SingleShotConfig
from maskdet.setting_checks import (
    check_choice,
    check_number,
    check_numbers,
    check_share_value,
    check_switch,
    check_weights,
    check_whole,
)

if TYPE_CHECKING:
    from maskdet.models.ssd.pipeline import Pipeline

#: Smallest input: below it the last maps have no cells to tell apart.
LEAST_SIDE = 32
CLASS_LOSSES = ("softmax", "sigmoid", "focal")
#: The last map of every trunk has a stride of 2 to this power.
DEEPEST_STAGE = 5
_FINEST_STAGE = 2


class SsdConfig(SingleShotConfig):
    """SSD MobileNetV1 of three quarters' width, 300 pixels, COCO's 80 classes, boxes alone.

    As the TF Object Detection API published it; what it shares with other families stands in
    :class:`SingleShotConfig`.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    #: What a pipeline.config said beside settings, see :meth:`from_pipeline`.
    pipeline: "Pipeline | None" = None

    family_name: ClassVar[str] = "ssd"

    NAME: str | None = "ssd"
    BACKBONE = "mobilenet_v1_0.75"
    # "stretch": photos are brought to the input's sides whatever their shape, as the API does.
    IMAGE_RESIZE_MODE = "stretch"
    IMAGE_MIN_DIM = 300
    IMAGE_MAX_DIM = 300

    # Maps behind the trunk, each of half the sides of the one before: channels of each. The trunk
    # gives two maps, of stride 16 and 32.
    EXTRA_CHANNELS: Any = (384, 192, 192, 96)
    # True: the maps' and the heads' 3 x 3 convolutions are depthwise + 1 x 1 (SSDLite, Sandler et
    # al. 2018, section 6.2).
    SEPARABLE_HEADS = False
    # Side of the heads' window: 1 or 3. SSDLite's heads are 3 x 3 depthwise, then 1 x 1.
    HEAD_KERNEL = 1
    # Side of the square anchor of the finest and of the coarsest map, as shares of the input's
    # shorter side; the other maps' lie evenly between.
    ANCHOR_SIZES: Any = (0.2, 0.95)
    # Shapes of anchors: width / height.
    ANCHOR_RATIOS: Any = (1.0, 2.0, 0.5, 3.0, 0.3333)
    # True: a square between each map's size and the next one's.
    ANCHOR_BETWEEN = True
    # True: the finest map has three anchors a cell, one of them of a tenth.
    ANCHOR_REDUCED = True

    # Channels of a feature pyramid's levels (Lin et al. 2017, RetinaNet; the API's "SSD FPN"). 0:
    # none. With one, EXTRA_CHANNELS and the ANCHOR_ settings but ANCHOR_RATIOS mean nothing, sides
    # are those that 32 divides, and all levels share their heads; SEPARABLE_HEADS makes all of it
    # light ("FPN-lite").
    FPN_CHANNELS = 0
    # The finest and the coarsest level: level 3 has a cell for 2 ** 3 pixels. Up to 5 they are of
    # the trunk, those behind it are made by steps of 2.
    FPN_LEVELS: Any = (3, 7)
    # Channels of a 1 x 1 convolution between the trunk's last map and the pyramid. 0: none.
    # MobileNetV2 of the API has 1280.
    FPN_TOP_CHANNELS = 0
    # Convolutions before the heads' last one, and their channels. Each level has batch norms of its
    # own behind them.
    FPN_HEAD_LAYERS = 4
    FPN_HEAD_CHANNELS = 128
    # True: classes and boxes are told from the same convolutions; False: each from its own.
    FPN_SHARED_TOWER = True
    # Side of the smallest square anchor of a level, in its strides, and how many sizes there are
    # from one level's to the next one's.
    FPN_ANCHOR_SCALE = 4.0
    FPN_SCALES_PER_OCTAVE = 2

    # Deltas (dy, dx, log dh, log dw) are divided by these for training.
    BBOX_STD_DEV: Any = (0.1, 0.1, 0.2, 0.2)

    # An anchor is an object from this IoU on, and background below; an object's best anchor is
    # always its own.
    MATCH_IOU = 0.5
    # "softmax": classes exclude each other, and the background is one. "sigmoid": each class for
    # itself. "focal": so too, and what is easy counts little (Lin et al. 2017).
    CLASS_LOSS = "focal"
    FOCAL_ALPHA = 0.75
    FOCAL_GAMMA = 2.0
    # Of the background, the worst this many times as many anchors as there are objects' (Liu et
    # al. 2016, section 2.2). 0: all of it, as focal loss wants.
    NEGATIVES_PER_POSITIVE = 0.0

    DETECTION_NMS_THRESHOLD = 0.6
    # With 1,000 COCO's AP is the same, and a Pi takes a tenth longer.
    DETECTION_CANDIDATES = 400
    LOSS_WEIGHTS: ClassVar[dict[str, float]] = {"ssd_class_loss": 1.0, "ssd_box_loss": 1.0}

    EMA_DECAY = 0.995
    RECIPES: ClassVar[dict[str, Any]] = {
        **SingleShotConfig.RECIPES,
        # For classes that COCO does not have and that are easily confused: on nuts and bolts twice
        # the time brought five points of AP50.
        "long": (("heads", 1.0, 800), ("all", 0.5, 6500)),
    }

    @classmethod
    def from_pipeline(cls, path: str | os.PathLike[str]) -> Self:
        """The settings of a pipeline.config of the TF Object Detection API.

        ``config.pipeline`` has the paths in the file and a report, to be printed, of what became of
        each field: carried over, replaced by what is nearest, or not carried over.

        Raises:
            ConfigError: if the file cannot be read, or its model is none that there is here; names
                the line.
        """
        # Imported here: whoever has no such file needs none of it.
        from maskdet.models.ssd.pipeline import take_pipeline

        config = cls()
        config.pipeline = take_pipeline(path, config)
        return config

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        super().validate()
        check_weights(self, "LOSS_WEIGHTS", SsdConfig.LOSS_WEIGHTS)
        check_choice(self, "CLASS_LOSS", CLASS_LOSSES)
        check_choice(self, "HEAD_KERNEL", (1, 3))
        for name in ("MATCH_IOU", "FOCAL_ALPHA"):
            check_share_value(name, getattr(self, name))
        for name in ("FOCAL_GAMMA", "NEGATIVES_PER_POSITIVE"):
            check_number(self, name)
        self._check_maps()
        self._check_anchors()
        if self.FPN_CHANNELS:
            self._check_pyramid()
        if min(self.input_sides) < LEAST_SIDE:
            raise ConfigError(
                f"IMAGE_MAX_DIM gives an input of {self.input_sides[0]} x {self.input_sides[1]}; "
                f"use a side of {LEAST_SIDE} or more, such as 300 or 320."
            )

    def _check_maps(self) -> None:
        for name in ("FPN_CHANNELS", "FPN_TOP_CHANNELS", "FPN_HEAD_LAYERS"):
            check_whole(self, name, 0)
        for name in ("FPN_HEAD_CHANNELS", "FPN_SCALES_PER_OCTAVE"):
            check_whole(self, name, 1)
        for name in ("FPN_SHARED_TOWER", "SEPARABLE_HEADS"):
            check_switch(self, name)
        check_numbers(self, "FPN_LEVELS", "(3, 7)", count=2)
        if not isinstance(self.EXTRA_CHANNELS, list | tuple) or self.EXTRA_CHANNELS:
            check_numbers(self, "EXTRA_CHANNELS", "(384, 192, 192, 96)")

    def _check_anchors(self) -> None:
        for name in ("ANCHOR_BETWEEN", "ANCHOR_REDUCED"):
            check_switch(self, name)
        check_number(self, "FPN_ANCHOR_SCALE", above=0)
        check_numbers(self, "BBOX_STD_DEV", "(0.1, 0.1, 0.2, 0.2)", count=4)
        check_numbers(self, "ANCHOR_RATIOS", "(1.0, 2.0, 0.5)")
        check_numbers(self, "ANCHOR_SIZES", "(0.2, 0.95)", count=2)
        smallest, largest = self.ANCHOR_SIZES
        if smallest > largest:
            raise ConfigError(
                f"ANCHOR_SIZES is {tuple(self.ANCHOR_SIZES)}; give the smallest and the largest "
                "anchor's side as shares of the input's, such as (0.2, 0.95)."
            )

    def _check_pyramid(self) -> None:
        levels = list(self.FPN_LEVELS)
        whole = all(isinstance(level, int) for level in levels)
        if not (whole and _FINEST_STAGE <= levels[0] <= min(levels[1], DEEPEST_STAGE)):
            raise ConfigError(
                f"FPN_LEVELS is {tuple(levels)}; give the finest level, {_FINEST_STAGE} to "
                f"{DEEPEST_STAGE}, and the coarsest, no less, such as (3, 7)."
            )
        multiple = 2 ** min(levels[1], DEEPEST_STAGE)
        height, width = self.input_sides
        if not divisible((height, width), multiple):
            nearest = max(round(max(height, width) / multiple), 1) * multiple
            raise ConfigError(
                f"IMAGE_MAX_DIM gives an input of {height} x {width}; a feature pyramid "
                f"(FPN_CHANNELS) needs sides that {multiple} divides, such as {nearest}."
            )
