"""Promise: a network that goes over into another Keras as a list of layers gives the same there."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from maskdet import YOLOX, YoloxConfig
from maskdet.errors import UsageError
from maskdet.exporters.imx500 import detector_parts
from maskdet.exporters.imx500_child import build
from maskdet.exporters.layer_list import layer_list, plain_layers
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.source import Source
from maskdet.models.ssd import SSD
from tests.exporters.conftest import TinySsd
from tests.models.single_shot import SmallSettings


class PyramidSsd(TinySsd):
    BACKBONE = "mobilenet_v2_0.35"
    FPN_CHANNELS = 16
    FPN_HEAD_CHANNELS = 16
    FPN_HEAD_LAYERS = 2
    SEPARABLE_HEADS = True


class SmallYolox(SmallSettings, YoloxConfig):
    NUM_CLASSES = 4


def raw_network(model_class, config):
    """A detector's network up to its raw outputs, with norms that a fold must not forget."""
    model = model_class("inference", config, model_dir="unused")
    draws = np.random.default_rng(5)
    for layer in model.network.layers:
        weights = layer.get_weights()
        # All but kernels; a variance stays positive.
        moved = [w + draws.uniform(0.01, 0.3, w.shape) if w.ndim == 1 else w for w in weights]
        layer.set_weights([array.astype(np.float32) for array in moved])
    source = Source(model.trained, ExportRequest("int8", "detect", 5, 0.1))
    return detector_parts(source)[0]


@pytest.mark.parametrize(
    ("model_class", "config"),
    [(SSD, TinySsd), (SSD, PyramidSsd), (YOLOX, SmallYolox)],
    ids=["a head a map", "heads that levels share", "SiLU, pooling and centred padding"],
)
def test_a_detector_that_is_built_again_gives_the_same(model_class, config):
    network = raw_network(model_class, config())
    image = np.random.default_rng(0).uniform(-1, 1, (1, *network.input_shape[1:]))
    expected = [np.asarray(array) for array in network(image.astype(np.float32))]
    made = layer_list(network)
    assert sum(array.size for array in made.arrays().values()) > 10_000
    again = build(json.loads(json.dumps(made.description())), made.arrays())
    outputs = [np.asarray(array) for array in again(image.astype(np.float32))]
    assert len(outputs) == len(expected)
    for output, array in zip(outputs, expected, strict=True):
        assert output.shape == array.shape and np.ptp(array) > 0.01
        np.testing.assert_allclose(output, array, rtol=1e-3, atol=1e-3 * np.abs(array).max())


def test_a_layer_that_levels_share_is_there_once():
    network = raw_network(SSD, PyramidSsd())
    made = layer_list(network)
    calls = [call for call in made.calls if call["layer"] == "head0_conv1"]
    assert len(calls) == 5 and len({call["output"] for call in calls}) == 5
    assert [name for name in made.arrays() if name.startswith("head0_conv1/")] == ["head0_conv1/0"]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.Softmax(name="odd"), r"Layer 'odd' \(Softmax\) does not go over into Keras 2"),
        (layers.Conv2D(2, 1, activation="relu", name="odd"), "Layer 'odd' has activation='relu'"),
        (layers.ReLU(6.0, negative_slope=0.1, name="odd"), "has negative_slope=0.1"),
    ],
)
def test_what_does_not_go_over_is_named(layer, message):
    image = keras.Input((4, 4, 3))
    network = keras.Model(image, layer(image))
    with pytest.raises(UsageError, match=message):
        layer_list(network)


def test_settings_of_a_plain_layer():
    relu = layers.ReLU(6.0, name="clip")
    assert plain_layers(relu) == [("clip", "ReLU", {"max_value": 6.0}, [])]
