"""Guards: settings mean what they mean to old scripts, and a slip of the pen is noticed."""

import warnings

import numpy as np
import pytest

from maskdet import Config, MobileConfig
from maskdet.errors import ConfigError, MaskdetWarning
from maskdet.geometry.placement import PlacementRule
from maskdet.setting_checks import plain


def test_defaults_are_matterports():
    config = Config()
    assert config.BATCH_SIZE == 2 and config.IMAGE_SHAPE.tolist() == [1024, 1024, 3]
    assert config.IMAGE_META_SIZE == 13 and config.POST_NMS_ROIS_TRAINING == 2000
    assert config.RPN_ANCHOR_SCALES == (32, 64, 128, 256, 512)


def test_derived_settings_follow_later_changes_and_can_be_assigned():
    config = Config()
    config.IMAGES_PER_GPU = 5
    config.IMAGE_MAX_DIM = 512
    assert config.BATCH_SIZE == 5 and config.IMAGE_SHAPE[0] == 512
    config.BATCH_SIZE = 3
    assert config.BATCH_SIZE == 3 and Config().BATCH_SIZE == 2


def test_crop_mode_takes_the_smaller_side():
    config = Config()
    config.IMAGE_RESIZE_MODE = "crop"
    assert config.IMAGE_SHAPE.tolist() == [800, 800, 3]


def test_a_misspelt_setting_is_warned_of_with_the_right_name():
    class Slip(Config):
        DETECTION_MIN_CONFIDANCE = 0.9

    with pytest.warns(MaskdetWarning, match="DETECTION_MIN_CONFIDANCE.*DETECTION_MIN_CONFIDENCE"):
        Slip()


def test_a_scripts_own_settings_pass_in_silence():
    class Mine(Config):
        MY_FOLDER = "x"
        SHAPES_COUNT = 3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Mine()


def test_settings_survive_json(tmp_path):
    config = MobileConfig()
    config.NUM_CLASSES = 4
    config.to_json(tmp_path / "config.json")
    again = Config.from_json(tmp_path / "config.json")
    for name, value in config.settings().items():
        # JSON has no tuples, and the stages of RECIPES are as good as lists.
        np.testing.assert_array_equal(plain(getattr(again, name)), plain(value), err_msg=name)
    assert list(tmp_path.iterdir()) == [tmp_path / "config.json"]


def test_a_file_that_is_no_config_is_named(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("{ not json")
    with pytest.raises(ConfigError, match="config.json is not a config file"):
        Config.from_json(path)


def test_display_prints_every_setting(capsys):
    Config().display()
    text = capsys.readouterr().out
    assert "BATCH_SIZE" in text and "WEIGHT_DECAY" in text


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("square", PlacementRule(64, 128, 0.0, "square")),
        ("corner", PlacementRule(64, 128, 0.0, "corner")),
        ("stretch", PlacementRule(128, 128, 0.0, "stretch")),
        ("pad64", PlacementRule(128, 128, 0.0, "square")),
    ],
)
def test_a_file_of_one_size_places_images_as_its_network_does(mode, expected):
    config = Config()
    config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_RESIZE_MODE = 64, 128, mode
    assert config.file_placement_rule() == expected
