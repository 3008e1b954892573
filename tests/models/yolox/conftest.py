"""A small YOLOX whose weights are drawn, not trained, so that it is sure of a few cells."""

import numpy as np
import pytest

from maskdet import YOLOX, YoloxConfig
from maskdet.models.yolox.network import predictions
from tests.models.conftest import BoxedRectangles
from tests.models.single_shot import SIDE, SmallSettings, raw, write_drawn

__all__ = ["SIDE"]


class SmallYolox(SmallSettings, YoloxConfig):
    pass


@pytest.fixture(scope="session")
def yolox_set():
    return BoxedRectangles().fill(8)


@pytest.fixture(scope="session")
def yolox_weights(yolox_set, tmp_path_factory):
    """A file of weights that find a few boxes in each rectangle picture."""
    model = YOLOX("inference", SmallYolox(), tmp_path_factory.mktemp("yolox"))
    return write_drawn(model, _spread, yolox_set, tmp_path_factory.mktemp("weights") / "small.h5")


def _spread(model, picture):
    """Make logits differ: two of spread, so that few of hundreds of cells are above a half."""
    outputs = raw(model, predictions, picture, slice(0, None, 2))
    for kind, values in zip(("class_logits", "objectness"), outputs, strict=True):
        rows, start = values[0], 0
        for level, cells in ((3, 256), (4, 64), (5, 16)):
            layer = model.network.get_layer(f"head{level}_{kind}")
            kernel, bias = layer.get_weights()
            own = rows[start : start + cells]
            factor = 2.0 / own.std()
            layer.set_weights([kernel * factor, factor * (bias - own.mean()) - 1.0])
            start += cells
    for level in (3, 4, 5):
        layer = model.network.get_layer(f"head{level}_deltas")
        layer.set_weights([layer.get_weights()[0], np.array([0.5, 0.5, 1.0, 1.2], "f4")])
