"""Settings of a classifier: subclass :class:`ClassifierConfig` and hand an instance over."""

from typing import Any, ClassVar

from maskdet.base_config import BaseConfig
from maskdet.errors import ConfigError
from maskdet.setting_checks import check_share_below_1


class ClassifierConfig(BaseConfig):
    """EfficientNet-Lite0 as ImageNet has taught it, with a dense layer for classes of your own.

    NUM_CLASSES counts the background here too, though no image has it: two classes make 3. The
    training settings are for small sets of photos and minutes of training from
    ``load_weights("imagenet")``.

    Raises:
        ConfigError: in :meth:`validate`, when settings contradict each other.
    """

    family_name: ClassVar[str] = "classifier"
    resize_modes: ClassVar[tuple[str, ...]] = ("centre", "stretch", "square", "corner")

    NAME: str | None = "classifier"
    NUM_CLASSES = 3
    # Any of the registry. Those with ImageNet's weights learn most from few photos.
    BACKBONE: Any = "efficientnet_lite0"
    # The shorter side becomes 256 pixels, and the middle 224 x 224 are looked at: as the weights
    # were scored on ImageNet. "stretch" loses nothing at the edges, for photos whose subject may
    # stand there.
    IMAGE_RESIZE_MODE = "centre"
    IMAGE_MIN_DIM = 256
    IMAGE_MAX_DIM = 224

    # Share of the pooled features that a training step leaves out (Srivastava et al. 2014).
    DROPOUT = 0.2
    # Share of each target that is spread over all classes (Szegedy et al. 2016). It keeps scores
    # from running to 0 and 1; on small sets it makes them too modest.
    LABEL_SMOOTHING = 0.0

    IMAGES_PER_GPU = 16
    STEPS_PER_EPOCH: int | None = None
    VALIDATION_STEPS: int | None = None
    # AdamW gives all of the head's 1000 inputs steps of one size; plain gradients favour those that
    # tell the classes apart, and so err less on few photos.
    OPTIMIZER = "sgd"
    LEARNING_RATE = 0.01
    LEARNING_RATE_SCHEDULE = "cosine"
    WARMUP_STEPS = 20
    WEIGHT_DECAY = 0.001
    BACKBONE_RATE = 0.05
    EMA_DECAY = 0.98
    AUGMENTATION = "parts"
    RECIPES: ClassVar[dict[str, Any]] = {
        "default": (("heads", 1.0, 3000), ("4+", 0.2, 700)),
        "quick": (("heads", 1.0, 1000),),
    }

    def validate(self) -> None:
        """Check that the settings fit together.

        Raises:
            ConfigError: one sentence that names the setting and what it may be.
        """
        super().validate()
        if self.NUM_CLASSES < 3:
            raise ConfigError(
                f"NUM_CLASSES is {self.NUM_CLASSES}; a classifier tells two classes apart at "
                "least, and NUM_CLASSES counts the background too: set 3 or more."
            )
        if self.IMAGE_RESIZE_MODE == "centre" and self.IMAGE_MIN_DIM < self.IMAGE_MAX_DIM:
            raise ConfigError(
                f"IMAGE_MIN_DIM is {self.IMAGE_MIN_DIM}, but IMAGE_RESIZE_MODE 'centre' cuts "
                f"{self.IMAGE_MAX_DIM} pixels (IMAGE_MAX_DIM) out of the middle; set it to "
                f"{self.IMAGE_MAX_DIM} or more."
            )
        check_share_below_1(self, "DROPOUT")
        check_share_below_1(self, "LABEL_SMOOTHING")
