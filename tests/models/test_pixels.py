"""Promise: pixels are scaled as the backbone wants, without a word from the user; who sets
MEAN_PIXEL keeps the numbers, and a mismatch is said."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from maskdet import Config, LiteConfig, MaskRCNN, MobileConfig
from maskdet.backbones import get_backbone, pixels_of
from maskdet.config import PiSmallConfig
from maskdet.errors import ConfigError, MaskdetWarning
from maskdet.geometry.placement import place
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.mrcnn.config import Config as OldConfig
from maskdet.mrcnn.meta import mold_image, unmold_image
from maskdet.pixels import Pixels

WHITE = np.full((1, 128, 128, 3), 255, np.uint8)


def config_of(kind=Config, **settings):
    config = kind()
    for name, value in {"NUM_CLASSES": 2, **settings}.items():
        setattr(config, name, value)
    return config


@pytest.mark.parametrize(
    ("backbone", "white"),
    [
        ("mobilenet_v2", [1.0, 1.0, 1.0]),
        ("efficientnet_lite0", [1.0, 1.0, 1.0]),
        ("resnet50", [255 - 123.7, 255 - 116.8, 255 - 103.9]),
        (replace(get_backbone("resnet50"), mean_pixel=(0.0,), pixel_std=255.0), [1.0, 1.0, 1.0]),
        (lambda image, stage5, train_bn: [], [255 - 123.7, 255 - 116.8, 255 - 103.9]),
    ],
    ids=["mobilenet", "lite", "resnet", "one's own Backbone", "a function"],
)
@pytest.mark.parametrize("kind", [Config, OldConfig])
def test_a_config_that_sets_nothing_scales_as_its_backbone_wants(kind, backbone, white):
    config = config_of(kind, BACKBONE=backbone)
    family, batch = MaskRCNNFamily(), {"images": WHITE, "class_ids": 0, "boxes": 0}
    batch["active_classes"] = np.ones((1, 2))
    trained = family.training_inputs(batch, config)["input_image"]
    np.testing.assert_allclose(trained[0, 0, 0], white, rtol=1e-6)
    assert trained.dtype == np.float32
    if not callable(backbone):
        config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = 128
        detected = family.inference_inputs(WHITE, [place((128, 128), 128, 128)], config)[0]
        np.testing.assert_array_equal(detected, trained)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (MobileConfig, Pixels((0.0,) * 3, 128.0)),
        (LiteConfig, Pixels((127.0,) * 3, 128.0)),
        (PiSmallConfig, Pixels((0.0,) * 3, 128.0)),
    ],
)
def test_the_light_configs_keep_their_numbers(kind, expected):
    assert pixels_of(kind()) == expected


def test_a_mean_of_ones_own_is_kept_and_not_divided():
    config = config_of(BACKBONE="mobilenet_v2", MEAN_PIXEL=np.array([1.0, 2.0, 3.0]))
    assert pixels_of(config) == Pixels((1.0, 2.0, 3.0), 1.0)
    config.PIXEL_STD = 10.0
    assert pixels_of(config) == Pixels((1.0, 2.0, 3.0), 10.0)


def test_a_mismatch_is_said_when_the_model_is_made(make_config, tmp_path):
    settings = {"BACKBONE": "mobilenet_v2_0.5", "MEAN_PIXEL": [123.7, 116.8, 103.9]}
    match = r"SmallConfig scales pixels by MEAN_PIXEL \[123.7.*'mobilenet_v2_0.5'.*127.5"
    with pytest.warns(MaskdetWarning, match=match):
        MaskRCNN("inference", make_config(**settings), tmp_path)
    near = {"BACKBONE": "mobilenet_v2_0.5", "MEAN_PIXEL": [127.0] * 3, "PIXEL_STD": 128.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MaskRCNN("inference", make_config(**near), tmp_path)


def test_one_mean_a_channel():
    config = config_of(MobileConfig, IMAGE_CHANNEL_COUNT=4)
    with pytest.raises(ConfigError, match="MEAN_PIXEL has 3 numbers for 4 channels"):
        pixels_of(config)
    config.MEAN_PIXEL = 100.0
    assert pixels_of(config).mean == (100.0,)


def test_files_hold_the_numbers(make_config, tmp_path):
    model = MaskRCNN("inference", make_config(BACKBONE="mobilenet_v2_0.5"), tmp_path)
    model.save_weights(tmp_path / "a.h5")
    settings = json.loads((tmp_path / "a.h5.json").read_text())["config"]
    assert settings["MEAN_PIXEL"] == [127.5] * 3 and settings["PIXEL_STD"] == 127.5


def test_old_scripts_read_numbers_and_override_them():
    assert OldConfig().MEAN_PIXEL.tolist() == OldConfig.MEAN_PIXEL.tolist() == [123.7, 116.8, 103.9]

    class Own(OldConfig):
        MEAN_PIXEL = np.array([43.53, 39.56, 48.22])

    assert Own().MEAN_PIXEL[0] == 43.53
    assert pixels_of(Own()) == Pixels((43.53, 39.56, 48.22), 1.0)
    config = OldConfig()
    config.MEAN_PIXEL = np.array([1.0, 1.0, 1.0])
    assert pixels_of(config) == Pixels((1.0, 1.0, 1.0), 1.0)


@pytest.mark.parametrize("kind", [OldConfig, MobileConfig])
def test_molding_and_the_way_back(kind):
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    molded = mold_image(image, kind())
    np.testing.assert_allclose(molded, pixels_of(kind()).of_images(image), rtol=1e-5, atol=1e-5)
    # Cut off after the decimal point, as the original does it.
    assert np.abs(unmold_image(molded, kind()).astype(int) - image.astype(int)).max() <= 1


def test_one_scale_for_all_channels_or_none():
    assert Pixels((127.0,) * 3, 128.0).grey_levels() == (1 / 128, 127)
    assert Pixels((127.5,) * 3, 127.5).grey_levels() == (1 / 127.5, 127)
    assert Pixels((123.7, 116.8, 103.9), 1.0).grey_levels() is None


@pytest.mark.parametrize("mean", [(0.0,) * 3, (127.5,), (123.7, 116.8, 103.9)])
@pytest.mark.parametrize("std", [1.0, 127.5])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
def test_images_and_graphs_are_scaled_to_the_same_bits(mean, std, dtype):
    """A network, its export and its twin get the same numbers, whichever of both scales them."""
    images = np.random.default_rng(1).integers(0, 256, (2, 5, 7, 3)).astype(dtype)
    before, pixels = images.copy(), Pixels(mean, std)
    scaled = pixels.of_images(images)
    assert scaled.dtype == np.float32 and (images == before).all()
    np.testing.assert_array_equal(scaled, pixels.scaled(images.astype(np.float32)))
