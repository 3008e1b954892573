"""Guards: anchors fit a set's boxes as the network sees them, better than those before."""

from pathlib import Path

import numpy as np
import pytest

from maskdet.config import Config, LiteConfig, MobileConfig
from maskdet.data.anchors import anchor_fit, boxes_in_network_pixels, fit_anchors
from maskdet.data.dataset import Dataset
from maskdet.errors import ConfigError, UsageError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


class Boxes(Dataset):
    """Images of 640 x 480 with boxes given for each."""

    def fill(self, images, names=("cat",)):
        for number, name in enumerate(names, start=1):
            self.add_class("x", number, name)
        for number, objects in enumerate(images):
            self.add_image("x", number, None, objects=objects)
        self.prepare()
        return self

    def image_shape(self, image_id):
        return (480, 640)

    def load_boxes(self, image_id):
        objects = self.image_info[image_id]["objects"]
        boxes = np.array([box for box, _ in objects], np.float32).reshape(-1, 4)
        return boxes, np.array([kind for _, kind in objects], np.int32)


class Worded(Config):
    """As a Config is whose scales are to be fitted."""

    RPN_ANCHOR_SCALES = "auto"


def squares(side, kind=1, count=8):
    return [([10, 10 * i, 10 + side, 10 * i + side], kind) for i in range(count)]


def test_boxes_are_fitted_at_the_size_that_the_network_sees():
    dataset = Boxes().fill([squares(120), squares(60, -1)])  # crowds have no anchors
    fits = []
    for side in (320, 640):
        config = LiteConfig()
        config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = side
        np.testing.assert_allclose(boxes_in_network_pixels(dataset, config), 120 * side / 640)
        fits.append(anchor_fit(dataset, config))
        assert fits[-1].boxes == 8
        assert min(abs(scale - 120 * side / 640) for scale in fits[-1].scales) < 16
    assert fits[1].after["cat"] > fits[0].after["cat"]  # the grid is finer beside them


def test_as_many_scales_as_levels_and_as_many_ratios_as_before():
    dataset, config = Boxes().fill([squares(100)]), LiteConfig()
    scales, ratios = fit_anchors(dataset, config)
    assert (len(scales), len(ratios)) == (4, 3)
    config.RPN_ANCHOR_RATIOS = [1, 2]
    assert len(fit_anchors(dataset, config)[1]) == 2
    assert len(fit_anchors(dataset, Config())[0]) == 5
    config.RPN_ANCHOR_SCALES, config.RPN_ANCHOR_RATIOS = scales, ratios
    config.NUM_CLASSES = 2
    config.validate()


def test_anchors_on_every_other_cell_stand_further_apart():
    config = LiteConfig()
    config.RPN_ANCHOR_STRIDE = 2
    assert config.anchor_shapes().strides == [16, 32, 64, 128]


def test_classes_count_alike():
    many = [squares(110, 1, 40) for _ in range(8)]
    dataset = Boxes().fill([*many, squares(40, 2, 6)], ("cell", "platelet"))
    fit = anchor_fit(dataset, LiteConfig())
    assert fit.after["platelet"] > 0.5
    assert fit.after.keys() == fit.before.keys() == {"cell", "platelet"}


def test_scales_that_are_a_word_have_no_before():
    dataset = Boxes().fill([squares(100)])
    fit, usual = anchor_fit(dataset, Worded()), anchor_fit(dataset, Config())
    assert (fit.scales, fit.ratios, fit.before) == (usual.scales, usual.ratios, {})
    assert "instead" not in fit.report() and "instead of 0." in usual.report()
    text = f"Anchors of {', '.join(map(str, fit.scales))} px and ratios of "
    assert fit.report().startswith(text)
    assert f"mean IoU of {fit.after['cat']:.3f} with 8 boxes." in fit.report()


def test_what_cannot_be_fitted():
    with pytest.raises(ConfigError, match="MobileConfig has no anchors to fit"):
        fit_anchors(Boxes().fill([squares(100)]), MobileConfig())
    with pytest.raises(UsageError, match="give a set with objects"):
        fit_anchors(Boxes().fill([[], squares(50, -1)]), LiteConfig())


@pytest.mark.filterwarnings("ignore:.*Skipped")  # the sets have known defects
@pytest.mark.parametrize("config", [LiteConfig, Config])
@pytest.mark.parametrize(("name", "classes"), [("kangaroo", 1), ("bccd", 3)])
def test_real_sets_are_covered_better(name, classes, config):
    if not (DATA / name).is_dir():
        pytest.skip("the real data sets are not there")
    dataset = Dataset.load(DATA / name, on_error="skip")
    fit = anchor_fit(dataset, config())
    assert len(fit.after) == classes
    assert np.mean(list(fit.after.values())) > np.mean(list(fit.before.values())) + 0.03
    # No class pays for another.
    assert min(fit.after.values()) > min(fit.before.values())
