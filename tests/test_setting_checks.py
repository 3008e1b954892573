"""Promise: a setting that cannot be is named in one sentence when the model is made, and every
Config can be written down."""

import json
import math
import re

import numpy as np
import pytest

from maskdet import ClassifierConfig, Config, MaskRCNN, MobileConfig, SsdConfig, YoloxConfig
from maskdet.backbones.registry import get_backbone
from maskdet.data.augment.pipeline import Augmentation
from maskdet.errors import ConfigError
from maskdet.setting_checks import check_share_value


def config(kind=MobileConfig, **settings):
    made = kind()
    made.NUM_CLASSES = 2
    for name, value in settings.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STEPS_PER_EPOCH", 4 // 8),
        ("STEPS_PER_EPOCH", 4 / 8),
        ("STEPS_PER_EPOCH", -1),
        ("STEPS_PER_EPOCH", math.nan),
        ("STEPS_PER_EPOCH", True),
        ("STEPS_PER_EPOCH", "10"),
        ("VALIDATION_STEPS", -1),
        ("GPU_COUNT", 0),
        ("IMAGES_PER_GPU", 0),
        ("IMAGES_PER_GPU", None),
        ("BATCH_SIZE", 0),
        ("NUM_CLASSES", None),
        ("NUM_CLASSES", 2.5),
        ("WARMUP_STEPS", -1),
        ("LEARNING_RATE_SCHEDULE", "steps"),
        ("LEARNING_RATE_STEPS", 0.67),
        ("LEARNING_RATE_STEPS", "0.67"),
        ("LEARNING_RATE_STEPS", (0.89, 0.67)),
        ("LEARNING_RATE_STEPS", (0.5, 0.5)),
        ("LEARNING_RATE_STEPS", (0, 0.5)),
        ("LEARNING_RATE_STEPS", (0.5, 1)),
        ("LEARNING_RATE_DROP", 0),
        ("LEARNING_RATE_DROP", None),
        ("EMA_DECAY", 1.0),
        ("EMA_DECAY", -0.1),
        ("EMA_DECAY", 99.9),
        ("EMA_DECAY", None),
        ("EMA_DECAY", math.nan),
        ("EVALUATE_EVERY", -1),
        ("EVALUATE_EVERY", None),
        ("PATIENCE", 1.5),
        ("CHECKPOINTS_KEPT", 0),
        ("EVALUATION_PICTURES", 2),
        ("STATES_KEPT", -1),
        ("IMAGE_SHAPE", []),
        ("IMAGE_SHAPE", 320),
        ("IMAGE_SHAPE", (320, 320)),
        ("IMAGE_MAX_DIM", 0),
        ("IMAGE_MIN_SCALE", -1),
        ("LEARNING_RATE", "0.001"),
        ("LEARNING_RATE", -0.001),
        ("LEARNING_RATE", math.inf),
        ("LEARNING_RATE", None),
        ("LEARNING_MOMENTUM", 1.0),
        ("WEIGHT_DECAY", -0.1),
        ("BACKBONE_RATE", (0.1,)),
        ("GRADIENT_CLIP_NORM", "5"),
        ("TRAIN_BN", "no"),
        ("TRAIN_HEADS_BN", "different"),
        ("SEED", -1),
        ("LOADER_WORKERS", -1),
        ("MEAN_PIXEL", "imagenet"),
        ("MEAN_PIXEL", ()),
        ("PIXEL_STD", 0),
        ("LOSS_WEIGHTS", [1.0]),
        ("RECIPES", ["quick"]),
        ("FALLBACK", None),
        ("USE_MINI_MASK", "yes"),
        ("SEPARABLE_HEADS", None),
        ("COMPUTE_DTYPE", np.array([])),
        ("COMPUTE_BACKBONE_SHAPE", (8, 16)),
        ("RPN_CHANNELS", 0),
        ("RPN_ANCHOR_RATIOS", []),
        ("RPN_ANCHOR_SCALES", 32),
        ("RPN_NMS_THRESHOLD", 70),
        ("RPN_BBOX_STD_DEV", (0.1, 0.2)),
        ("BACKBONE_STRIDES", None),
        ("POST_NMS_ROIS_INFERENCE", 0),
        ("ROI_POSITIVE_RATIO", None),
        ("TENSORBOARD", "yes"),
        ("MAX_GT_INSTANCES", 0),
        ("DETECTION_MAX_INSTANCES", 0),
        ("DETECTION_MIN_CONFIDENCE", 70),
        ("DETECTION_MIN_CONFIDENCE", "0.7"),
        ("DETECTION_MIN_CONFIDENCE", math.nan),
        ("DETECTION_NMS_THRESHOLD", -0.1),
        ("MINI_MASK_SHAPE", 56),
        ("MINI_MASK_SHAPE", (56, 56, 1)),
        ("MINI_MASK_SHAPE", (56, 0)),
        ("MASK_SHAPE", (28.5, 28)),
        ("NAME", "mine/today"),
        ("NAME", 5),
    ],
)
def test_what_cannot_be_is_named(name, value):
    with pytest.raises(ConfigError, match=rf"^{name} is "):
        config(**{name: value}).validate()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("ANCHOR_SIZES", [], r"is \[\]; give 2 numbers above 0, such as \(0.2, 0.95\)\.$"),
        ("ANCHOR_SIZES", (0.2, 0.5, 0.9), "give 2 numbers"),
        ("ANCHOR_SIZES", (0, 0.9), "has 0; give 2 numbers"),
        ("ANCHOR_SIZES", (0.9, 0.2), "give the smallest and the largest"),
        ("ANCHOR_RATIOS", ("wide",), "has 'wide'; give numbers above 0"),
        ("BBOX_STD_DEV", (0.1, 0.1), "give 4 numbers"),
        ("EXTRA_CHANNELS", None, "is None; give numbers"),
        ("FPN_LEVELS", 3, "is 3; give 2 numbers"),
        ("FOCAL_GAMMA", -2, "give a number of 0 or more"),
        ("FOCAL_ALPHA", None, "give a share"),
        ("LOSS_WEIGHTS", {"ssd_box_loss": "2"}, "has '2' for 'ssd_box_loss'"),
    ],
)
def test_settings_of_single_shot_detectors_are_checked(name, value, rule):
    with pytest.raises(ConfigError, match=rf"^{name} .*{rule}"):
        config(SsdConfig, **{name: value}).validate()


#: What somebody may write by mistake, or a program hand over.
MISTAKES = (
    *([], (), {}, "", "ab", None, True, 0, -1, 1.5, math.nan, math.inf, 10**9),
    *((1,), (1, 2, 3), (-1, -1), ("a", "b"), [None], [[]], {"a": 1}, {1: None}, np.array([])),
)
#: Settings whose values are understood elsewhere, with errors of their own: names in registries.
NAMES = ("NAME", "BACKBONE", "AUGMENTATION")


def is_never(value):
    """Whether no setting but a name may be this."""
    number = isinstance(value, int | float)
    return isinstance(value, str | np.ndarray) or (number and not 0 <= value < math.inf)


@pytest.mark.parametrize("kind", [Config, MobileConfig, SsdConfig, YoloxConfig, ClassifierConfig])
def test_no_mistake_is_a_traceback_and_no_text_passes_for_anything_else(kind):
    """Every setting of every family, with every mistake: a sentence, or it is a value for it."""
    for name in kind().settings():
        for value in MISTAKES:
            made = config(kind, NUM_CLASSES=3)
            setattr(made, name, value)
            try:
                made.validate()
            except ConfigError as error:
                assert re.match(r"[A-Z_]{4,} ", str(error)), error  # a setting is named
            else:
                assert name in NAMES or not is_never(value) or (name, value) == ("MEAN_PIXEL", -1)


def test_names_that_there_are_not_are_a_sentence_where_they_are_looked_up():
    for name in ("resnet5", [], {}, None, 0):
        with pytest.raises(ConfigError, match="BACKBONE .* is unknown"):
            get_backbone(name)
        with pytest.raises(ConfigError, match="There is no augmentation"):
            Augmentation.preset(name)


def test_an_augmentation_that_there_is_not_is_said_before_a_network_is_built(monkeypatch):
    monkeypatch.setattr(MaskRCNN, "build_anew", None)
    with pytest.raises(ConfigError, match="There is no augmentation 'lots'"):
        MaskRCNN("training", config(AUGMENTATION="lots"))


@pytest.mark.parametrize("name", ["USE_MINI_MASK", "TENSORBOARD"])
def test_one_and_nought_do_for_switches(name):
    """matterport's scripts and command lines write them so."""
    for value in (1, 0, np.bool_(True), True):
        made = config(**{name: value})
        made.validate()
        assert getattr(made, name) is bool(value)


@pytest.mark.parametrize("value", [3.0, np.int64(3), np.float32(3.0)])
def test_whole_numbers_of_other_types_count(value):
    made = config(STEPS_PER_EPOCH=value)
    made.validate()
    assert made.STEPS_PER_EPOCH == 3 and type(made.STEPS_PER_EPOCH) is int


def test_settings_that_may_be_left_open_may_be_left_open():
    config(STEPS_PER_EPOCH=None, VALIDATION_STEPS=None, NAME=None).validate()
    config(VALIDATION_STEPS=0, DETECTION_MIN_CONFIDENCE=np.float32(0.5)).validate()
    # None of the states, and no thread beside the training: as other libraries say it.
    config(STATES_KEPT=0, LOADER_WORKERS=0, GRADIENT_CLIP_NORM=None, SEED=np.int64(3)).validate()


def test_patience_with_nothing_to_wait_for_is_named():
    with pytest.raises(ConfigError, match=r"PATIENCE is 3.*EVALUATE_EVERY to 1"):
        config(PATIENCE=3).validate()
    config(PATIENCE=3, EVALUATE_EVERY=2, CHECKPOINTS_KEPT=1).validate()


def test_a_weight_of_a_loss_that_there_is_not_is_named():
    weights = {**Config.LOSS_WEIGHTS, "mask_loss": 2.0}
    with pytest.raises(ConfigError, match=r"LOSS_WEIGHTS names 'mask_loss'.*mrcnn_mask_loss"):
        config(LOSS_WEIGHTS=weights).validate()


def test_masks_of_another_size_than_the_head_makes_are_named():
    with pytest.raises(ConfigError, match=r"MASK_SHAPE is \[56, 56\].*MASK_POOL_SIZE"):
        config(MASK_SHAPE=(56, 56)).validate()
    config(MASK_SHAPE=(56, 56), MASK_POOL_SIZE=28).validate()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"MASK_POOL_SIZE": None}, "MASK_POOL_SIZE is None; give a whole number of 1 or more"),
        ({"MASK_BOX_MARGIN": None}, "MASK_BOX_MARGIN is None; give a share between 0 and 1"),
        ({"MASK_BOX_MARGIN": 20}, "MASK_BOX_MARGIN is 20"),
        ({"MASK_BOX_LOSS_WEIGHTS": {"affinity": 1.0}}, "names 'affinity', which is none of"),
        ({"MASK_BOX_LOSS_WEIGHTS": {"refined": "a"}}, "has 'a' for 'refined'; give a factor"),
    ],
)
def test_settings_of_masks_are_checked(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config(**settings).validate()


def test_steps_in_per_cent_are_named_with_the_share_that_they_are():
    with pytest.raises(ConfigError, match=r"LEARNING_RATE_STEPS is 67; .* such as 0\.67"):
        config(LEARNING_RATE_STEPS=(67, 89)).validate()
    with pytest.raises(ConfigError, match=r"LEARNING_RATE_STEPS is .* in rising order"):
        config(LEARNING_RATE_STEPS=(0.89, 0.67)).validate()


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        (0.1, r"LAYER_RATES is 0\.1; give factors"),
        ({"stage(": 0.1}, r"LAYER_RATES has 'stage\(', which is no regular expression"),
        ({1: 0.1}, r"LAYER_RATES has 1, which is no regular expression"),
        ({"a": -0.1}, r"LAYER_RATES has -0\.1 for 'a'; give a factor of 0 or more"),
        ({"a": math.nan}, r"LAYER_RATES has nan for 'a'"),
        ({"a": math.inf}, r"LAYER_RATES has inf for 'a'"),
        ({"a": "0.1"}, r"LAYER_RATES has '0\.1' for 'a'"),
        ({"a": True}, r"LAYER_RATES has True for 'a'"),
    ],
)
def test_rates_that_cannot_be_are_named(rates, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config(LAYER_RATES=rates).validate()
    config(LAYER_RATES={"stage1_.*": 0, "mrcnn_.*": 10.0}).validate()


def test_per_cent_are_told_from_shares():
    with pytest.raises(ConfigError, match=r"The score is 50; .* such as 0\.5\."):
        check_share_value("The score", 50)
    check_share_value("The score", 1)
    check_share_value("The score", 0.0)


def test_every_setting_of_ones_own_can_be_written():
    class Mine(MobileConfig):
        PLACES = {("left", 1): np.arange(3), "right": {2: np.float32(0.5)}}
        KINDS = [np.int64(4), (1, 2)]
        MAKER = staticmethod(len)

    written = json.loads(Mine().to_json())
    assert written["PLACES"] == {"('left', 1)": [0, 1, 2], "right": {"2": 0.5}}
    assert written["KINDS"] == [4, [1, 2]] and written["MAKER"] == "<len>"
