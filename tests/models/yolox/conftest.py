"""A small YOLOX whose weights are drawn, not trained, so that it is sure of a few cells."""

import keras
import numpy as np
import pytest

from maskdet import YOLOX, YoloxConfig
from maskdet.models.yolox.network import predictions
from tests.models.conftest import BoxedRectangles

SIDE = 128


class SmallYolox(YoloxConfig):
    NAME = "small"
    NUM_CLASSES = 3
    IMAGE_MIN_DIM = SIDE
    IMAGE_MAX_DIM = SIDE
    IMAGES_PER_GPU = 2
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    MAX_GT_INSTANCES = 8
    AUGMENTATION = "none"
    WARMUP_STEPS = 0


@pytest.fixture(scope="session")
def yolox_set():
    return BoxedRectangles().fill(8)


@pytest.fixture(scope="session")
def yolox_weights(yolox_set, tmp_path_factory):
    """A file of weights that find a few boxes in each rectangle picture."""
    config = SmallYolox()
    model = YOLOX("inference", config, tmp_path_factory.mktemp("yolox"))
    _spread(model, yolox_set.load_image(3))
    model.class_names = ("BG", "red", "blue")
    path = tmp_path_factory.mktemp("weights") / "small.h5"
    model.save_weights(path)
    return path


def _spread(model, picture):
    """Make logits differ: two of spread, so that few of hundreds of cells are above a half."""
    image = keras.Input((SIDE, SIDE, 3))
    logits, _, objectness = predictions(image, model.config)
    probe = keras.Model(image, [logits, objectness])
    for layer in probe.layers:
        if layer.weights:
            layer.set_weights(model.network.get_layer(layer.name).get_weights())
    canvas = np.zeros((1, SIDE, SIDE, 3), "f4")
    canvas[0, :120] = picture / 128
    outputs = probe.predict_on_batch(canvas)
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
