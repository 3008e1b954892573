"""A small SSD whose weights are drawn, not trained, so that it is sure of a few anchors."""

import keras
import numpy as np
import pytest

from maskdet import SSD, SsdConfig
from maskdet.models.ssd.network import predictions
from tests.models.conftest import BoxedRectangles

SIDE = 128


class SmallSsd(SsdConfig):
    NAME = "small"
    NUM_CLASSES = 3
    BACKBONE = "mobilenet_v1_0.25"
    EXTRA_CHANNELS = (32, 16)
    IMAGE_MIN_DIM = SIDE
    IMAGE_MAX_DIM = SIDE
    IMAGES_PER_GPU = 2
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    MAX_GT_INSTANCES = 8
    AUGMENTATION = "none"
    WARMUP_STEPS = 0
    EMA_DECAY = 0.0


@pytest.fixture(scope="session")
def ssd_set():
    return BoxedRectangles().fill(8)


@pytest.fixture(scope="session")
def ssd_weights(ssd_set, tmp_path_factory):
    """A file of weights that find a few boxes in each rectangle picture."""
    model = SSD("inference", SmallSsd(), tmp_path_factory.mktemp("ssd"))
    spread(model, ssd_set.load_image(3))
    model.class_names = ("BG", "red", "blue")
    path = tmp_path_factory.mktemp("weights") / "small.h5"
    model.save_weights(path)
    return path


def spread(model, picture):
    """Make logits differ, so that few of hundreds of anchors are above a half."""
    image = keras.Input((SIDE, SIDE, 3))
    probe = keras.Model(image, predictions(image, model.config))
    for layer in probe.layers:
        if layer.weights:
            layer.set_weights(model.network.get_layer(layer.name).get_weights())
    canvas = np.zeros((1, SIDE, SIDE, 3), "f4")
    canvas[0, :120] = (picture - 127.5) / 127.5
    logits, deltas = probe.predict_on_batch(canvas)
    for values, kind, size in ((logits, "class_logits", 2.0), (deltas, "deltas", 1.0)):
        for number in range(1, 5):
            layer = model.network.get_layer(f"head{number}_{kind}")
            kernel, bias = layer.get_weights()
            factor = size / values.std()
            layer.set_weights([kernel * factor, (bias - values.mean()) * factor - size])
