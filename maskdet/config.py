"""Settings: subclass :class:`Config`, override what differs, hand an instance to a model.

The attributes and their defaults are those of matterport's Mask R-CNN, so that old scripts mean the
same here; the last block of the class is ours. :class:`MobileConfig` is the light network for small
machines and short trainings.
"""

import difflib
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.errors import ConfigError, MaskdetWarning
from maskdet.files import write_whole
from maskdet.geometry.placement import MODES


class Config:
    """All settings of a detector and its training; class attributes, overridden by subclassing.

    Boxes and sizes are pixels of the network's input unless stated otherwise. ``NUM_CLASSES``
    counts the background. ``BATCH_SIZE``, ``IMAGE_SHAPE`` and ``IMAGE_META_SIZE`` are derived each
    time they are read, so a later change of what they depend on reaches them; assigning to them
    still works and then wins.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    # Name of the experiment; it begins the names of log folders and checkpoints.
    NAME: str | None = None
    # Multiplies the batch. Above 1, training is spread over as many GPUs (on TensorFlow).
    GPU_COUNT = 1
    # Images a device takes per step. More needs more memory and makes steadier gradients.
    IMAGES_PER_GPU = 2
    # Batches that make an epoch. None: one pass over the data set.
    STEPS_PER_EPOCH: int | None = 1000
    # Batches of validation after each epoch. None: one pass over the validation set; 0: none.
    VALIDATION_STEPS: int | None = 50

    # Name in the registry of backbones, or a callable (input_image, stage5, train_bn) -> C1..C5.
    BACKBONE: Any = "resnet101"
    # For a callable BACKBONE: image shape -> sizes of the pyramid's levels, (levels, 2).
    COMPUTE_BACKBONE_SHAPE: Any = None
    # Pixels between neighbouring cells of each pyramid level, finest first. Four or five levels:
    # [4, 8, 16, 32, 64] is P2..P6, [8, 16, 32, 64] leaves out the finest (and most costly) one.
    BACKBONE_STRIDES = [4, 8, 16, 32, 64]
    # Units of the box head's two hidden layers.
    FPN_CLASSIF_FC_LAYERS_SIZE = 1024
    # Channels of the pyramid.
    TOP_DOWN_PYRAMID_SIZE = 256
    # Classes with the background: a set of kangaroos alone has 2.
    NUM_CLASSES = 1

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

    # Masks are kept at MINI_MASK_SHAPE inside their box: little memory, slightly softer edges.
    USE_MINI_MASK = True
    MINI_MASK_SHAPE = (56, 56)

    # How an image becomes the network's input. "square": scaled and padded to MAX x MAX. "crop": in
    # training a random MIN x MIN part of the scaled image, in detection as "pad64". "pad64": scaled
    # and padded to multiples of 64. "none": as it is; its sides must be multiples of 64. With the
    # last two, all images of a training must become MAX x MAX.
    IMAGE_RESIZE_MODE = "square"
    IMAGE_MIN_DIM = 800
    IMAGE_MAX_DIM = 1024
    IMAGE_MIN_SCALE: float = 0
    IMAGE_CHANNEL_COUNT = 3
    # Taken from each pixel (RGB) before the network sees it.
    MEAN_PIXEL: Any = np.array([123.7, 116.8, 103.9])

    # RoIs per image for the heads. The paper has 512; 200 keeps a share of 1:3 when the RPN
    # finds few positives. Work grows with it.
    TRAIN_ROIS_PER_IMAGE = 200
    # Share of positives among them.
    ROI_POSITIVE_RATIO = 0.33
    # Cells of a RoI for the box head and for the mask head; and of the predicted mask.
    POOL_SIZE = 7
    MASK_POOL_SIZE = 14
    MASK_SHAPE = [28, 28]
    # Objects per image that training looks at; of more, a random choice.
    MAX_GT_INSTANCES = 100
    # Box deltas (dy, dx, log dh, log dw) are divided by these for training.
    RPN_BBOX_STD_DEV: Any = np.array([0.1, 0.1, 0.2, 0.2])
    BBOX_STD_DEV: Any = np.array([0.1, 0.1, 0.2, 0.2])
    # Most objects reported per image.
    DETECTION_MAX_INSTANCES = 100
    # Detections below this score are left out.
    DETECTION_MIN_CONFIDENCE: float = 0.7
    # Of two detections of one class that overlap by more than this IoU the better one stays.
    DETECTION_NMS_THRESHOLD = 0.3

    # The paper has 0.02, which makes weights explode here.
    LEARNING_RATE = 0.001
    LEARNING_MOMENTUM = 0.9
    WEIGHT_DECAY = 0.0001
    # Factors of the losses in the sum that is minimised.
    LOSS_WEIGHTS = {
        "rpn_class_loss": 1.0,
        "rpn_bbox_loss": 1.0,
        "mrcnn_class_loss": 1.0,
        "mrcnn_bbox_loss": 1.0,
        "mrcnn_mask_loss": 1.0,
    }
    # False: the heads train on random RoIs around the objects instead of the RPN's proposals.
    USE_RPN_ROIS = True
    # False freezes batch norm's statistics (batches are small); None trains them.
    TRAIN_BN: bool | None = False
    # Gradients of each variable are clipped to this norm. 0: not clipped.
    GRADIENT_CLIP_NORM = 5.0

    # ---- ours ------------------------------------------------------------------------------
    # Pixels are divided by this after MEAN_PIXEL was taken off.
    PIXEL_STD: float = 1.0
    # True: the 3 x 3 convolutions of neck, RPN and mask head are depthwise + 1 x 1, which is a
    # ninth of the work.
    SEPARABLE_HEADS = False
    # Channels of the RPN's shared convolution.
    RPN_CHANNELS = 512
    # The mask head's 3 x 3 convolutions and their channels.
    MASK_HEAD_CONVS = 4
    MASK_HEAD_CHANNELS = 256
    # TRAIN_BN of the heads' own batch norms, which see all RoIs of a batch at once and so have
    # enough to go by; "same" means as TRAIN_BN.
    TRAIN_HEADS_BN: bool | str | None = "same"
    # True: objects join the proposals in training, so that the heads see good boxes from the first
    # step; and RoIs without a positive still give negatives, padding counts for nothing.
    # False: matterport's rule (no positives, no negatives; padding counts as background).
    ROI_TARGETS_FILLED = True
    # "sgd" (momentum LEARNING_MOMENTUM, L2 in the loss as matterport) or "adamw".
    OPTIMIZER = "sgd"
    # "constant", or "cosine": down to a hundredth over the stage.
    LEARNING_RATE_SCHEDULE = "constant"
    # Steps over which the rate rises from a tenth at the start of a stage.
    WARMUP_STEPS = 0
    # The backbone's rate as a share of the stage's: pretrained features want gentler steps.
    BACKBONE_RATE = 1.0
    # Preset of maskdet.data.augment for calls of train() that name none: none, light, default or
    # strong.
    AUGMENTATION = "none"
    # Random choices of training (order, augmentation, initial weights of new layers).
    SEED = 0
    # What training does with a photo that cannot be read: "raise" stops and names it, "skip" warns
    # once and goes on without it.
    ON_ERROR = "raise"
    # Threads that prepare batches.
    LOADER_WORKERS = 2

    def __init__(self) -> None:
        self._assigned: dict[str, Any] = {}
        self._warn_of_near_misses()

    @property
    def BATCH_SIZE(self) -> int:
        """Images per step."""
        return self._assigned.get("BATCH_SIZE", self.IMAGES_PER_GPU * self.GPU_COUNT)

    @BATCH_SIZE.setter
    def BATCH_SIZE(self, value: int) -> None:
        self._assigned["BATCH_SIZE"] = value

    @property
    def IMAGE_SHAPE(self) -> np.ndarray:
        """Height, width and channels of the network's input, int64 (3,)."""
        side = self.IMAGE_MIN_DIM if self.IMAGE_RESIZE_MODE == "crop" else self.IMAGE_MAX_DIM
        shape = np.array([side, side, self.IMAGE_CHANNEL_COUNT])
        return self._assigned.get("IMAGE_SHAPE", shape)

    @IMAGE_SHAPE.setter
    def IMAGE_SHAPE(self, value: Any) -> None:
        self._assigned["IMAGE_SHAPE"] = np.asarray(value)

    @property
    def IMAGE_META_SIZE(self) -> int:
        """Length of an image's meta vector: id, two shapes, window, scale, active classes."""
        return self._assigned.get("IMAGE_META_SIZE", 1 + 3 + 3 + 4 + 1 + self.NUM_CLASSES)

    @IMAGE_META_SIZE.setter
    def IMAGE_META_SIZE(self, value: int) -> None:
        self._assigned["IMAGE_META_SIZE"] = value

    def settings(self) -> dict[str, Any]:
        """Every upper-case attribute with its present value, in alphabetical order."""
        names = sorted(name for name in dir(self) if name.isupper())
        return {name: getattr(self, name) for name in names}

    def display(self) -> None:
        """Print all settings, one a line."""
        print("\nConfigurations:")
        for name, value in self.settings().items():
            print(f"{name:30} {value}")
        print("\n")

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        height, width = (int(side) for side in self.IMAGE_SHAPE[:2])
        if self.IMAGE_RESIZE_MODE not in MODES:
            raise ConfigError(
                f"IMAGE_RESIZE_MODE is {self.IMAGE_RESIZE_MODE!r}; use one of {', '.join(MODES)}."
            )
        means = np.asarray(self.MEAN_PIXEL).size
        if means not in (1, self.IMAGE_CHANNEL_COUNT):
            raise ConfigError(
                f"MEAN_PIXEL has {means} numbers for {self.IMAGE_CHANNEL_COUNT} channels "
                "(IMAGE_CHANNEL_COUNT); give one a channel."
            )
        crop = self.IMAGE_RESIZE_MODE == "crop"
        if height % 64 or width % 64:
            raise ConfigError(
                f"{'IMAGE_MIN_DIM' if crop else 'IMAGE_MAX_DIM'} gives an input of {height} x "
                f"{width}, which 64 does not divide; "
                "use a side such as 256, 320, 384, 448, 512 or 1024."
            )
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
        if self.NUM_CLASSES < 2:
            raise ConfigError(
                f"NUM_CLASSES is {self.NUM_CLASSES}; it counts the background too, "
                "so a set of one class needs 2."
            )
        if self.OPTIMIZER not in ("sgd", "adamw"):
            raise ConfigError(f"OPTIMIZER is {self.OPTIMIZER!r}; use 'sgd' or 'adamw'.")
        if self.ON_ERROR not in ("raise", "skip"):
            raise ConfigError(f"ON_ERROR is {self.ON_ERROR!r}; use 'raise' or 'skip'.")
        if self.LEARNING_RATE_SCHEDULE not in ("constant", "cosine"):
            raise ConfigError(
                f"LEARNING_RATE_SCHEDULE is {self.LEARNING_RATE_SCHEDULE!r}; "
                "use 'constant' or 'cosine'."
            )

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The settings as JSON text; written whole to ``path`` if one is given."""
        text = json.dumps(self.settings(), indent=1, default=_jsonable) + "\n"
        if path is not None:
            write_whole(path, text)
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> "Config":
        """A config with the settings of a file that :meth:`to_json` wrote.

        Raises:
            ConfigError: if the file is not such a file.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not a config file: {error}.") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path} is not a config file: it holds no settings by name.")
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Config":
        """A config with the settings of :meth:`to_json`'s text, already parsed."""
        derived = {"BATCH_SIZE", "IMAGE_SHAPE", "IMAGE_META_SIZE"}
        config = cls()
        for name, value in values.items():
            if name not in derived and not (isinstance(value, str) and value.startswith("<")):
                is_array = isinstance(getattr(cls, name, None), np.ndarray)
                setattr(config, name, np.array(value) if is_array else value)
        return config

    def _warn_of_near_misses(self) -> None:
        known = {name for name in dir(Config) if name.isupper()}
        known |= {name for name in dir(MobileConfig) if name.isupper()}
        for name in (name for name in dir(type(self)) if name.isupper() and name not in known):
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.86)
            if near:
                warnings.warn(
                    f"{type(self).__name__}.{name} is no setting of maskdet and changes nothing; "
                    f"did you mean {near[0]}?",
                    MaskdetWarning,
                    stacklevel=3,
                )


class MobileConfig(Config):
    """The light Mask R-CNN: EfficientNet-Lite0 at 320 px, a narrow pyramid, separable heads.

    Made for laptops without a GPU and for the Raspberry Pi; its training settings are for small
    sets of photos and minutes, not days, of training.
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
    MEAN_PIXEL = np.array([127.0, 127.0, 127.0])
    PIXEL_STD = 128.0
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
    OPTIMIZER = "adamw"
    LEARNING_RATE = 0.002
    LEARNING_RATE_SCHEDULE = "cosine"
    WARMUP_STEPS = 50
    WEIGHT_DECAY = 0.02
    BACKBONE_RATE = 0.2
    AUGMENTATION = "default"


class PiConfig(MobileConfig):
    """:class:`MobileConfig` for the Raspberry Pi: without the backbone's last block.

    An int8 file of 3.4 instead of 4.1 MB that runs in nine tenths of the time; what it costs is in
    examples/raspberry_pi/README.md.
    """

    BACKBONE = "efficientnet_lite0_short"


class PiSmallConfig(MobileConfig):
    """The smallest network: MobileNetV2 of half the width, for many frames a second.

    No pretrained weights of it can be had offline; without ImageNet weights (which download where
    there is internet) it needs far more photos than the others.
    """

    BACKBONE = "mobilenet_v2_0.5"
    MEAN_PIXEL = np.array([127.5, 127.5, 127.5])
    PIXEL_STD = 127.5
    TOP_DOWN_PYRAMID_SIZE = 48
    RPN_CHANNELS = 48
    FPN_CLASSIF_FC_LAYERS_SIZE = 96
    MASK_HEAD_CHANNELS = 48
    POST_NMS_ROIS_INFERENCE = 32


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return f"<{getattr(value, '__name__', type(value).__name__)}>"
