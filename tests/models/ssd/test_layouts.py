"""Promise: SSD builds on any backbone, and its rows are its anchors."""

import keras
import pytest

from maskdet import SsdConfig
from maskdet.backbones.registry import get_backbone
from maskdet.errors import ConfigError
from maskdet.models.ssd.anchors import pixel_anchors
from maskdet.models.ssd.network import feature_maps, predictions

SIDE = 96


def config_of(**settings):
    config = SsdConfig()
    settings = {"NUM_CLASSES": 3, "IMAGE_MIN_DIM": SIDE, "IMAGE_MAX_DIM": SIDE, **settings}
    for name, value in settings.items():
        setattr(config, name, value)
    return config


def image_of(config):
    return keras.Input((*config.input_sides, 3))


@pytest.mark.parametrize(
    ("backbone", "lite"),
    [
        ("mobilenet_v1_0.25", False),
        ("mobilenet_v2_0.35", False),
        ("mobilenet_v2_0.35", True),
        ("inception_v2_0.25", False),
        ("efficientnet_lite0", True),
        ("yolox_nano", True),
        ("resnet50", True),
    ],
)
def test_there_is_a_row_for_each_anchor(backbone, lite):
    config = config_of(BACKBONE=backbone, SEPARABLE_HEADS=lite, HEAD_KERNEL=3)
    image = image_of(config)
    logits, deltas = predictions(image, config)
    # 6, 3, 2, 1, 1 and 1 cells a side; three anchors on each of the first map, then six.
    count = 36 * 3 + (9 + 4 + 1 + 1 + 1) * 6
    assert logits.shape == (None, count, 3)
    assert deltas.shape == (None, count, 4)
    assert len(pixel_anchors(config)) == count


@pytest.mark.parametrize(
    ("backbone", "channels"),
    [
        ("mobilenet_v1", (512, 1024)),
        ("mobilenet_v2", (576, 1280)),
        ("mobilenet_v2_0.5", (288, 640)),
        ("inception_v2", (576, 1024)),
        ("efficientnet_lite0", (112, 320)),
    ],
)
def test_the_trunk_gives_the_maps_that_were_published(backbone, channels):
    config = config_of(BACKBONE=backbone, EXTRA_CHANNELS=(64,), IMAGE_MAX_DIM=300)
    config.IMAGE_MIN_DIM = 300
    maps = feature_maps(image_of(config), config)
    assert [tuple(level.shape[1:]) for level in maps] == [
        (19, 19, channels[0]),
        (10, 10, channels[1]),
        (5, 5, 64),
    ]


def test_a_trunk_with_a_pyramid_says_what_sides_it_needs():
    config = config_of(BACKBONE="yolox_nano", IMAGE_MIN_DIM=300, IMAGE_MAX_DIM=300)
    with pytest.raises(ConfigError, match="'yolox_nano' has a pyramid .* 32 .* 300 x 300, use 320"):
        feature_maps(image_of(config), config)


def test_a_width_of_ones_own_is_a_backbone():
    assert get_backbone("mobilenet_v2_0.35").name == "mobilenet_v2_0.35"
    assert get_backbone("mobilenet_v1_1.0") is get_backbone("mobilenet_v1")
    for wrong in ("mobilenet_v2_0", "inception_v2_77", "efficientnet_lite0_0.5"):
        with pytest.raises(ConfigError, match="is unknown"):
            get_backbone(wrong)
