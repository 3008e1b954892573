"""Promise: the light networks are what the docs say, their settings reach the layers, and those
that contradict each other are named in one sentence."""

import math
import re

import keras
import numpy as np
import pytest

from maskdet import Config, LiteConfig, MobileConfig, PiConfig
from maskdet.config import PiSmallConfig
from maskdet.errors import ConfigError
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.models.mask_rcnn.heads import box_head
from maskdet.models.mask_rcnn.network import heads_norm
from maskdet.models.mask_rcnn.scenes_config import ScenesConfig
from maskdet.training.layers import weighted_layers
from maskdet.training.rates import layer_rates
from maskdet.training.recipes import recipe_stages


def config_of(kind, **settings):
    config = kind()
    for name, value in {"NUM_CLASSES": 3, **settings}.items():
        setattr(config, name, value)
    return config


# ---- what they are -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "backbone", "fallback", "strides", "anchor_free"),
    [
        (Config, "resnet101", None, [4, 8, 16, 32, 64], False),
        (LiteConfig, "efficientnet_lite0", None, [8, 16, 32, 64], False),
        (MobileConfig, "yolox_nano", "efficientnet_lite0", [8, 16, 32], True),
        (PiConfig, "yolox_nano", "efficientnet_lite0_short", [8, 16, 32], True),
        (PiSmallConfig, "yolox_nano", "efficientnet_lite0_short", [8, 16, 32], True),
    ],
)
def test_networks_by_their_configs(kind, backbone, fallback, strides, anchor_free):
    config = config_of(kind)
    config.validate()
    assert (config.BACKBONE, config.FALLBACK.get("BACKBONE")) == (backbone, fallback)
    assert (list(config.BACKBONE_STRIDES), config.RPN_ANCHOR_FREE) == (strides, anchor_free)
    assert (config.anchor_shapes() is None) == anchor_free


@pytest.mark.parametrize("kind", [MobileConfig, PiConfig, PiSmallConfig, ScenesConfig])
def test_a_fallback_is_a_network_like_the_light_one_with_anchors(kind):
    """Anchors are a tenth to seven tenths of the side, as LiteConfig's."""
    config = config_of(kind, **kind.FALLBACK)
    config.validate()
    shares = np.array(config.RPN_ANCHOR_SCALES) / config.IMAGE_MAX_DIM
    lite = np.array(LiteConfig.RPN_ANCHOR_SCALES) / LiteConfig.IMAGE_MAX_DIM
    np.testing.assert_allclose(shares, lite, rtol=0.3)
    for name in ("BACKBONE_STRIDES", "RPN_RATE", "BACKBONE_RATE", "RPN_ANCHOR_FREE"):
        assert getattr(config, name) == getattr(LiteConfig, name)


def test_what_is_new_leaves_matterports_network_as_it_was():
    config = Config()
    assert (config.RPN_RATE, config.ROI_BOX_LOSS, config.HEADS_BN_MOMENTUM) == (
        1,
        "smooth_l1",
        0.99,
    )
    assert config.DETECTION_EVERY_CLASS is False and config.DETECTION_OBJECTNESS == 0


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DETECTION_OBJECTNESS", 30, "DETECTION_OBJECTNESS is 30; give a share .*such as 0.3"),
        (
            "DETECTION_OBJECTNESS",
            -0.1,
            "DETECTION_OBJECTNESS is -0.1; give a share between 0 and 1",
        ),
        ("HEADS_BN_MOMENTUM", 1.0, "HEADS_BN_MOMENTUM is 1.0; give a share below 1"),
        ("HEADS_BN_MOMENTUM", 95, "HEADS_BN_MOMENTUM is 95; give a share .*such as 0.95"),
        (
            "BACKBONE_STRIDES",
            [8, 16, 32, 64],
            r"is \[8, 16, 32, 64\]; with RPN_ANCHOR_FREE it must be \[8, 16, 32\], or set RPN_A",
        ),
    ],
)
def test_settings_that_cannot_be(name, value, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config_of(MobileConfig, **{name: value}).validate()


def test_anchors_are_looked_at_where_there_are_some():
    config_of(MobileConfig, RPN_ANCHOR_SCALES=(1,)).validate()
    with pytest.raises(ConfigError, match="RPN_ANCHOR_SCALES has 4 sizes for 3 levels"):
        config_of(MobileConfig, RPN_ANCHOR_FREE=False).validate()
    with pytest.raises(ConfigError, match=r"BACKBONE_STRIDES is \[8, 16, 32\]; use \[4"):
        scales = (32, 64, 128)
        config_of(MobileConfig, RPN_ANCHOR_FREE=False, RPN_ANCHOR_SCALES=scales).validate()


# ---- layers of a training ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def network(make_mobile_config):
    return MaskRCNNFamily().build(make_mobile_config(HEADS_BN_MOMENTUM=0.8), "training")


def test_each_part_of_the_network_has_its_rate(network, make_mobile_config):
    config = make_mobile_config(BACKBONE_RATE=0.25, RPN_RATE=0.5, LAYER_RATES={"rpn_head3_.*": 0.5})
    rates = layer_rates(network, MaskRCNNFamily(), config)
    parts = {"stage": 0.25, "rpn_head3": 0.25, "rpn_head4": 0.5, "mrcnn": 1.0, "fpn": 1.0}
    for part, expected in parts.items():
        assert {rate for name, rate in rates.items() if name.startswith(part)} == {expected}, part
    assert {"stage5_neck_p3_out", "rpn_head4_deltas", "fpn_p3", "mrcnn_mask"} <= set(rates)


@pytest.mark.parametrize(
    ("word", "first"), [("heads", 6), ("5+", 5), ("4+", 4), ("3+", 3), ("all", 1)]
)
def test_words_for_stages_mean_trunk_and_pyramid(network, make_mobile_config, word, first):
    pattern = MaskRCNNFamily().stages(make_mobile_config())[word]
    for name, _ in weighted_layers(network):
        wanted = int(name[5]) >= first if name.startswith("stage") else True
        assert bool(re.fullmatch(pattern, name)) == wanted, name


def test_the_heads_norms_keep_the_share_of_the_config(network):
    norms = {
        layer.name: (layer.momentum, layer.train_bn)
        for layer in network.layers
        if re.fullmatch(r"mrcnn_.*_bn\d", layer.name)
    }
    assert norms == dict.fromkeys(
        ["mrcnn_class_bn1", "mrcnn_class_bn2", "mrcnn_mask_bn1", "mrcnn_mask_bn2"], (0.8, None)
    )


def steps_of(config, photos):
    """Of the first stage of the default recipe."""
    epochs = recipe_stages(config, "default", photos)[0].epochs
    return epochs * math.ceil(photos / config.BATCH_SIZE)


@pytest.mark.parametrize(
    ("kind", "left"), [(Config, 0.46), (LiteConfig, 0.02), (MobileConfig, 0.02)]
)
def test_norms_of_the_heads_forget_where_they_began(kind, left):
    """Fifty photos, 77 steps: 0.99 ** 77 is nearly a half, with which such a network found a third
    less; 0.95 ** 77 is a fiftieth."""
    config = config_of(kind, TRAIN_HEADS_BN=None)
    steps = steps_of(config_of(LiteConfig), 50)
    assert steps == 77
    crops = keras.Input((None, 3, 3, 4))
    head = keras.Model(crops, box_head(crops, 3, 8, heads_norm(config)))
    rows = np.random.default_rng(0).normal(5, 3, (1, 40, 3, 3, 4)).astype("f4")
    for _ in range(steps):
        head(rows, training=True)
    norm, before = head.get_layer("mrcnn_class_bn1"), head.get_layer("mrcnn_class_conv1")
    seen = keras.Model(crops, before.output).predict_on_batch(rows)
    statistics = [(0, norm.moving_mean, seen.mean((0, 1, 2)))]
    statistics.append((1, norm.moving_variance, seen.var((0, 1, 2))))
    for start, moving, batch in statistics:
        distance = (keras.ops.convert_to_numpy(moving) - batch) / (start - batch)
        np.testing.assert_allclose(distance, config.HEADS_BN_MOMENTUM**steps, atol=0.002)
        assert distance == pytest.approx(left, abs=0.01)
