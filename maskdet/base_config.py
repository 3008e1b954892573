"""Settings that every family and task has: what a Config is, and how it is read and written."""

import difflib
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from maskdet.errors import ConfigError, MaskdetWarning
from maskdet.files import write_whole
from maskdet.geometry.anchor_shapes import AnchorShapes
from maskdet.geometry.placement import WHOLE_MODES, PlacementRule
from maskdet.setting_checks import (
    check_choice,
    check_factors,
    check_mapping,
    check_means,
    check_name,
    check_number,
    check_positive_share,
    check_rising_shares,
    check_shape,
    check_share_below_1,
    check_watching,
    check_whole,
    plain,
)


class BaseConfig:
    """Settings of a network and its training; class attributes, overridden by subclassing.

    Each family has a subclass of its own. Sizes are pixels of the network's input unless stated
    otherwise. ``NUM_CLASSES`` counts the background. ``BATCH_SIZE`` and ``IMAGE_SHAPE`` are derived
    each time they are read, so a later change of what they depend on reaches them; assigning to
    them still works and then wins.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    #: Name of the family whose settings these are.
    family_name: ClassVar[str] = ""
    #: Settings that are worked out from others, and so are not read from a file.
    derived: ClassVar[frozenset[str]] = frozenset({"BATCH_SIZE", "IMAGE_SHAPE"})
    #: What IMAGE_RESIZE_MODE may be.
    resize_modes: ClassVar[tuple[str, ...]] = WHOLE_MODES

    # Name of the experiment; it begins the names of log folders and checkpoints.
    NAME: str | None = None
    # Multiplies the batch. Above 1, training is spread over as many GPUs (on TensorFlow).
    GPU_COUNT = 1
    # Images a device takes per step. More needs more memory and makes steadier gradients.
    IMAGES_PER_GPU = 2
    # Batches whose gradients are averaged into one step of the optimizer: with small ones as steady
    # as larger ones are, in the memory of a small one. Schedules and warm-up count batches, and
    # averages of weights the optimizer's steps.
    GRADIENT_ACCUMULATION = 1
    # Batches that make an epoch. None: one pass over the data set.
    STEPS_PER_EPOCH: int | None = 1000
    # Batches of validation after each epoch. None: one pass over the validation set; 0: none.
    VALIDATION_STEPS: int | None = 50

    # Name in the registry of backbones, a Backbone, or a callable
    # (input_image, stage5, train_bn) -> C1..C5.
    BACKBONE: Any = "resnet101"
    # Settings, BACKBONE among them, that `load_weights("pretrained")` takes where the weights for
    # BACKBONE are not to be had. Empty: there are no others.
    FALLBACK: ClassVar[dict[str, Any]] = {}
    # What the network computes in: "float32"; "bfloat16": convolutions in half the bits, about
    # twice as fast on processors that multiply it in hardware (AVX512-BF16, AMX) and far slower on
    # others, while weights, boxes, scores and losses stay float32; "auto": "bfloat16" where the
    # processor or the GPU has it. Files of weights are the same, and exports are always float32.
    COMPUTE_DTYPE = "float32"
    # Classes with the background: a set of kangaroos alone has 2.
    NUM_CLASSES = 1

    # How an image becomes the network's input. "square": scaled and padded to MAX x MAX. "corner":
    # so too, but with the image in the top left corner, on grey (as YOLOX has it). "crop": in
    # training a random MIN x MIN part of the scaled image, in detection as "pad64". "pad64": scaled
    # and padded to multiples of 64. "none": as it is. "stretch": drawn out to MAX x MAX. With
    # "pad64" and "none", all images of a training must become MAX x MAX. For classifiers there is
    # "centre": the shorter side scaled to MIN, and the middle MAX x MAX cut out.
    IMAGE_RESIZE_MODE = "square"
    IMAGE_MIN_DIM = 800
    IMAGE_MAX_DIM = 1024
    IMAGE_MIN_SCALE: float = 0
    IMAGE_CHANNEL_COUNT = 3
    # Taken from each pixel (RGB) before the network sees it; PIXEL_STD: what the difference is
    # divided by then. None, both: what the backbone was trained with. With MEAN_PIXEL alone, pixels
    # are not divided.
    MEAN_PIXEL: Any = None
    PIXEL_STD: float | None = None

    # The paper has 0.02, which makes weights explode here.
    LEARNING_RATE = 0.001
    LEARNING_MOMENTUM = 0.9
    # With "sgd" L2 in the loss, as matterport; with "adamw" a step takes this times its rate from
    # all weights but biases and those of norms.
    WEIGHT_DECAY = 0.0001
    # Factors of the losses in the sum that is minimised; 1 for those that are not named.
    LOSS_WEIGHTS: ClassVar[dict[str, float]] = {}
    # False freezes batch norm's statistics (batches are small); None trains them.
    TRAIN_BN: bool | None = False
    # Gradients are clipped to this norm: with "sgd" those of each variable, as matterport, with
    # "adamw" all of them together. 0: not clipped.
    GRADIENT_CLIP_NORM = 5.0
    # "sgd" (momentum LEARNING_MOMENTUM, L2 in the loss as matterport) or "adamw".
    OPTIMIZER = "sgd"
    # "constant", "cosine" (down to a hundredth over the stage) or "step": times LEARNING_RATE_DROP
    # at each of LEARNING_RATE_STEPS, which are shares of the stage.
    LEARNING_RATE_SCHEDULE = "constant"
    LEARNING_RATE_STEPS: Sequence[float] = (0.67, 0.89)
    LEARNING_RATE_DROP = 0.1
    # Steps over which the rate rises from a tenth at the start of a stage, a fifth of the stage at
    # most. 0: none, the stage begins at its rate.
    WARMUP_STEPS = 0
    # The backbone's rate as a share of the stage's: pretrained features want gentler steps.
    BACKBONE_RATE = 1.0
    # More of such shares, by regular expressions that fit the whole names of layers, such as
    # {"stage1_.*": 0.1}. Of a layer that several fit, the shares are multiplied, with BACKBONE_RATE
    # too.
    LAYER_RATES: ClassVar[dict[str, float]] = {}
    # Share that an average of the weights keeps of itself in a step, such as 0.999 (Polyak and
    # Juditsky 1992); less in a stage's first steps. Validation losses, checkpoints and the network
    # after a stage are those of the averages. 0: none.
    EMA_DECAY = 0.0
    # Whole trainings for `train(train_set, val_set, recipe=NAME)`: stages of (layers, share of
    # LEARNING_RATE, photos shown of a set of 100). Of other sets as many more or fewer photos are
    # shown as the root of their size is larger or smaller.
    RECIPES: ClassVar[dict[str, Any]] = {
        "default": (("heads", 1.0, 800), ("all", 0.5, 3000)),
        "quick": (("heads", 1.0, 800), ("all", 0.5, 800)),
    }
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
    # States that a training can be continued from exactly, the newest of a log folder; each is as
    # large as the optimizer's memory: with AdamW twice the trained weights, with EMA_DECAY two more
    # times. None keeps all.
    STATES_KEPT: int | None = 10
    # Checkpoints that stay, the newest of a log folder and that of the best evaluation. None keeps
    # all, as matterport does.
    CHECKPOINTS_KEPT: int | None = None

    # Epochs between two evaluations of the validation set by the task's own figures (COCO's AP, or
    # accuracy); a stage's last epoch is always evaluated. 0: none.
    EVALUATE_EVERY = 0
    # Evaluations without a better figure after which a stage stops. 0: never.
    PATIENCE = 0
    # Whether an evaluation leaves a sheet of a dozen validation photos with what was found.
    EVALUATION_PICTURES = True
    # Whether a training also writes for TensorBoard (pip install "maskdet[tensorboard]").
    TENSORBOARD = False

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

    # ---- what engines ask ------------------------------------------------------------------
    @property
    def input_sides(self) -> tuple[int, int]:
        """(height, width) of the network's input."""
        return int(self.IMAGE_SHAPE[0]), int(self.IMAGE_SHAPE[1])

    def placement_rule(self, detecting: bool = False) -> PlacementRule:
        """Where images go on the network's canvas.

        Args:
            detecting: nothing may be lost: "crop" then shows the whole image at the crop's scale.
        """
        mode = self.IMAGE_RESIZE_MODE
        if detecting and mode == "crop":
            mode = "pad64"
        return PlacementRule(
            self.IMAGE_MIN_DIM, self.IMAGE_MAX_DIM, float(self.IMAGE_MIN_SCALE or 0.0), mode
        )

    def file_placement_rule(self) -> PlacementRule:
        """Where images go in the input of an exported file, which has one size.

        Images of the modes "pad64", "none" and "crop" are scaled to it as "square" does.
        """
        side = max(self.input_sides)
        own = self.IMAGE_RESIZE_MODE
        mode = own if own in ("stretch", "corner", "centre") else "square"
        shortest = int(self.IMAGE_MIN_DIM) if own in ("square", "corner", "centre") else side
        return PlacementRule(shortest, side, float(self.IMAGE_MIN_SCALE or 0.0), mode)

    def anchor_shapes(self) -> AnchorShapes | None:
        """Sizes and shapes of the anchors, for families that have some."""
        return None

    # ---- checks and files ------------------------------------------------------------------
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
        check_name(self.NAME)
        check_choice(self, "IMAGE_RESIZE_MODE", self.resize_modes)
        check_whole(self, "NUM_CLASSES")
        if self.NUM_CLASSES < 2:
            raise ConfigError(
                f"NUM_CLASSES is {self.NUM_CLASSES}; it counts the background too, "
                "so a set of one class needs 2."
            )
        self._check_images()
        self._check_training()
        check_mapping(self, "FALLBACK", "{'BACKBONE': 'efficientnet_lite0'}")
        check_choice(self, "COMPUTE_DTYPE", ("float32", "bfloat16", "auto"))
        check_watching(self)

    def _check_images(self) -> None:
        for name in ("IMAGE_MIN_DIM", "IMAGE_MAX_DIM"):
            check_whole(self, name, 0)
        check_whole(self, "IMAGE_CHANNEL_COUNT", 1)
        check_number(self, "IMAGE_MIN_SCALE", none_means="no least scale")
        check_shape(self, "IMAGE_SHAPE")
        if self.IMAGE_RESIZE_MODE not in ("none", "pad64") and min(self.input_sides) < 1:
            crop = self.IMAGE_RESIZE_MODE == "crop"
            raise ConfigError(
                f"{'IMAGE_MIN_DIM' if crop else 'IMAGE_MAX_DIM'} is 0; give the side of the "
                "network's input in pixels, such as 320."
            )
        check_means(self, "MEAN_PIXEL")
        check_number(self, "PIXEL_STD", above=0, none_means="the backbone's")
        check_choice(self, "ON_ERROR", ("raise", "skip"))
        check_whole(self, "LOADER_WORKERS", 0)

    def _check_training(self) -> None:
        for name in ("GPU_COUNT", "IMAGES_PER_GPU", "BATCH_SIZE", "GRADIENT_ACCUMULATION"):
            check_whole(self, name, 1)
        check_whole(self, "STEPS_PER_EPOCH", 1, "one pass over the data set")
        check_whole(self, "VALIDATION_STEPS", 0, "one pass over the validation set")
        check_whole(self, "WARMUP_STEPS", 0)
        check_whole(self, "SEED", 0)
        check_choice(self, "TRAIN_BN", (None, False, True))
        check_choice(self, "OPTIMIZER", ("sgd", "adamw"))
        for name in ("LEARNING_RATE", "WEIGHT_DECAY", "BACKBONE_RATE"):
            check_number(self, name)
        check_number(self, "GRADIENT_CLIP_NORM", none_means="no clipping")
        check_share_below_1(self, "LEARNING_MOMENTUM")
        check_choice(self, "LEARNING_RATE_SCHEDULE", ("constant", "cosine", "step"))
        check_rising_shares(self, "LEARNING_RATE_STEPS")
        check_positive_share(self, "LEARNING_RATE_DROP")
        check_factors(self, "LAYER_RATES")
        check_share_below_1(self, "EMA_DECAY")
        check_mapping(self, "LOSS_WEIGHTS", "{'loss': 2.0}")
        check_mapping(self, "RECIPES", "{'default': (('heads', 1.0, 800), ('all', 0.5, 3000))}")

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The settings as JSON text; written whole to ``path`` if one is given."""
        settings = {name: plain(value) for name, value in self.settings().items()}
        text = json.dumps(settings, indent=1, default=str) + "\n"
        if path is not None:
            write_whole(path, text)
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Self:
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
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """A config with the settings of :meth:`to_json`'s text, already parsed."""
        config = cls()
        for name, value in values.items():
            if name not in cls.derived and not (isinstance(value, str) and value.startswith("<")):
                is_array = isinstance(getattr(cls, name, None), np.ndarray)
                setattr(config, name, np.array(value) if is_array else value)
        return config

    def _warn_of_near_misses(self) -> None:
        ours = [base for base in type(self).__mro__ if base.__module__.startswith("maskdet.")]
        known = {name for base in ours for name in vars(base) if name.isupper()}
        for name in (name for name in dir(type(self)) if name.isupper() and name not in known):
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.86)
            if near:
                warnings.warn(
                    f"{type(self).__name__}.{name} is no setting of maskdet and changes nothing; "
                    f"did you mean {near[0]}?",
                    MaskdetWarning,
                    stacklevel=3,
                )
