"""Promise: a network scales pixels as the weights that were loaded into it were trained, whichever
way it was made.
"""

import warnings

import numpy as np
import pytest

from maskdet import SSD, SsdConfig
from maskdet.errors import MaskdetWarning
from maskdet.models.ssd.foreign import read_detector
from maskdet.pixels import Pixels
from tests.models.ssd.test_coco import TFLITE, here
from tests.pretrained.api_files import ApiGraph

__all__ = ["here"]  # a fixture
QUANTISED, FLOATS = Pixels((128.0,) * 3, 128.0), Pixels((127.5,) * 3, 127.5)
SIDE = 96
needs_tflite = pytest.mark.skipif(not TFLITE.is_file(), reason="the quantised SSD is not here")
IMAGE = np.array([[[0, 128, 255]]], np.uint8)


def by_hand(**settings):
    config = SsdConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    return SSD("inference", config)


def scaled(model):
    """What the network is given for pixels of 0, 128 and 255."""
    return model.family.inference_inputs(IMAGE[None], [], model.config)[0].ravel()


@pytest.fixture(scope="module")
def floats(tmp_path_factory):
    """A frozen graph of the trunk that COCO's quantised file has, in floats."""
    folder = tmp_path_factory.mktemp("floats")
    ApiGraph("ssd_mobilenet_v1", 0.75, 91, SIDE).write(folder)
    return folder / "frozen_inference_graph.pb"


@needs_tflite
@pytest.mark.parametrize("name", ["coco", "weights/detect.tflite"])
def test_the_quantised_weights_in_a_network_made_by_hand(name, here):
    model = by_hand()
    model.load_weights(name)
    assert model.family.pixels(model.config) == QUANTISED
    np.testing.assert_allclose(scaled(model), [-1.0, 0.0, 127 / 128])
    loaded = SSD.load(TFLITE)
    assert loaded.family.pixels(loaded.config) == QUANTISED
    photo = np.random.default_rng(0).integers(0, 256, (80, 90, 3)).astype(np.uint8)
    for first, second in zip(model.detections([photo]), loaded.detections([photo]), strict=True):
        np.testing.assert_array_equal(first.boxes, second.boxes)


def test_weights_in_floats_in_a_network_made_by_hand(floats):
    model = by_hand(IMAGE_MIN_DIM=SIDE, IMAGE_MAX_DIM=SIDE, EXTRA_CHANNELS=(384, 192, 192, 96))
    assert model.family.pixels(model.config) == QUANTISED, "what the registry's own weights want"
    model.load_weights(floats)
    assert model.family.pixels(model.config) == FLOATS
    np.testing.assert_allclose(scaled(model), [-1.0, 0.5 / 127.5, 1.0], atol=1e-6)


def test_the_scaling_goes_into_the_weight_file(floats, tmp_path):
    model = SSD.load(floats, IMAGE_MIN_DIM=SIDE, IMAGE_MAX_DIM=SIDE)
    model.save_weights(tmp_path / "mine.h5")
    again = SSD.load(tmp_path / "mine.h5")
    assert again.family.pixels(again.config) == FLOATS


def test_a_scaling_of_ones_own_is_kept_and_told(floats):
    sides = {"IMAGE_MIN_DIM": SIDE, "IMAGE_MAX_DIM": SIDE}
    model = by_hand(MEAN_PIXEL=[128.0] * 3, PIXEL_STD=128.0, **sides)
    with pytest.warns(MaskdetWarning, match=r"\[128.*frozen_inference_graph\.pb was .*127\.5"):
        model.load_weights(floats)
    assert model.family.pixels(model.config) == QUANTISED
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_hand(MEAN_PIXEL=[127.5] * 3, PIXEL_STD=127.5, **sides).load_weights(floats)


def test_a_file_that_does_not_fit_changes_no_scaling(floats):
    model = by_hand(BACKBONE="mobilenet_v1_0.5", IMAGE_MIN_DIM=SIDE, IMAGE_MAX_DIM=SIDE)
    assert not read_detector(floats).quantised
    with pytest.raises(Exception, match="is for BACKBONE"):
        model.load_weights(floats)
    assert model.config.MEAN_PIXEL is None and model.config.PIXEL_STD is None
