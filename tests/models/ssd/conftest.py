"""A small SSD whose weights are drawn, not trained, so that it is sure of a few anchors."""

import pytest

from maskdet import SSD, SsdConfig
from maskdet.models.ssd.network import predictions
from tests.models.conftest import BoxedRectangles
from tests.models.single_shot import SIDE, SmallSettings, raw, write_drawn

__all__ = ["SIDE"]


class SmallSsd(SmallSettings, SsdConfig):
    BACKBONE = "mobilenet_v1_0.25"
    EXTRA_CHANNELS = (32, 16)
    EMA_DECAY = 0.0


@pytest.fixture(scope="session")
def ssd_set():
    return BoxedRectangles().fill(8)


@pytest.fixture(scope="session")
def ssd_weights(ssd_set, tmp_path_factory):
    """A file of weights that find a few boxes in each rectangle picture."""
    model = SSD("inference", SmallSsd(), tmp_path_factory.mktemp("ssd"))
    return write_drawn(model, spread, ssd_set, tmp_path_factory.mktemp("weights") / "small.h5")


def spread(model, picture):
    """Make logits differ, so that few of hundreds of anchors are above a half."""
    logits, deltas = raw(model, predictions, picture)
    for values, kind, size in ((logits, "class_logits", 2.0), (deltas, "deltas", 1.0)):
        for number in range(1, 5):
            layer = model.network.get_layer(f"head{number}_{kind}")
            kernel, bias = layer.get_weights()
            factor = size / values.std()
            layer.set_weights([kernel * factor, (bias - values.mean()) * factor - size])
