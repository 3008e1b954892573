"""Promise: anchors can be fitted to a set, and lie over its boxes better then."""

import pytest

from maskdet.errors import UsageError
from maskdet.models.ssd.anchor_sizes import best_overlaps, fit_anchor_sizes, placed_boxes
from tests.data.test_anchors import Boxes, squares
from tests.models.ssd.conftest import SmallSsd


@pytest.fixture
def config():
    config = SmallSsd()
    config.ANCHOR_REDUCED = False
    return config


@pytest.mark.parametrize("side", [40, 60, 200])
def test_fitted_anchors_overlap_boxes_better(config, side):
    dataset = Boxes().fill([squares(side), squares(2 * side, -1)])  # crowds have no anchors
    boxes, class_ids = placed_boxes(dataset, config)
    assert len(boxes) == 8 and set(class_ids) == {1}
    usual = best_overlaps(boxes, config, config.ANCHOR_SIZES).mean()
    fitted = best_overlaps(boxes, config, fit_anchor_sizes(dataset, config)).mean()
    assert fitted > usual + 0.05
    assert tuple(config.ANCHOR_SIZES) == tuple(SmallSsd.ANCHOR_SIZES)


def test_small_objects_get_small_anchors(config):
    small, large = (fit_anchor_sizes(Boxes().fill([squares(s)]), config) for s in (40, 240))
    assert small[0] < large[0]


def test_nothing_to_fit_to_is_said():
    with pytest.raises(UsageError, match="box"):
        fit_anchor_sizes(Boxes().fill([[], squares(50, -1)]), SmallSsd())
