"""Promise: operations and bytes are those of the image that ran, at its size, with its objects."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet import YOLOX, MaskRCNN
from maskdet.backbones.layers import ConvNorm
from maskdet.profiles import ProfileStage, Work
from maskdet.profiling.counting import work_by_stage
from maskdet.profiling.profile import Way
from maskdet.profiling.stages import calls_by_stage
from tests.models.conftest import SmallConfig
from tests.profiling.test_stages import SmallYolox

ALL = (ProfileStage("network"),)


def work(network, *inputs):
    """Of a network in one stage."""
    [found] = work_by_stage(network, calls_by_stage(network, ALL), list(inputs))
    return found


def one_layer(layer, shape):
    image = keras.Input(shape)
    return keras.Model([image], layer(image))


@pytest.mark.parametrize(
    ("layer", "multiply_adds", "weights"),
    [
        # 3 x 3 x 4 numbers a filter, 8 filters, 5 x 6 places.
        (keras.layers.Conv2D(8, 3, padding="same"), 288 * 30, 288 + 8),
        (keras.layers.Conv2D(8, 3, strides=2, padding="same"), 288 * 9, 288 + 8),
        (keras.layers.DepthwiseConv2D(3, padding="same"), 36 * 30, 36 + 4),
        (keras.layers.SeparableConv2D(8, 3, padding="same"), (36 + 32) * 30, 36 + 32 + 8),
        # Each place of the 5 x 6 input gives 2 x 2 of the result.
        (keras.layers.Conv2DTranspose(8, 2, strides=2), 128 * 30, 128 + 8),
        (keras.layers.Dense(8), 32 * 30, 32 + 8),
        (ConvNorm(8, 3, activation="relu"), 288 * 30, 288 + 4 * 8),
        (ConvNorm(None, 3), 36 * 30, 36 + 4 * 4),
        (keras.layers.BatchNormalization(), 0, 4 * 4),
        (keras.layers.MaxPooling2D(1), 0, 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_multiply_adds_and_weights_of_a_layer(layer, multiply_adds, weights):
    network = one_layer(layer, (None, None, 4))
    found = work(network, np.zeros((1, 5, 6, 4), "f4"))
    assert (found.flops, found.weight_bytes) == (2 * multiply_adds, 4 * weights)


def test_activations_are_what_a_layer_reads_and_writes():
    network = one_layer(keras.layers.Conv2D(8, 3, padding="same"), (5, 6, 4))
    assert work(network, np.zeros((1, 5, 6, 4), "f4")).activation_bytes == 4 * 30 * (4 + 8)


def test_another_shape_of_the_same_numbers_moves_nothing():
    network = one_layer(keras.layers.Reshape((30, 4)), (5, 6, 4))
    assert work(network, np.zeros((1, 5, 6, 4), "f4")) == Work()


def test_a_network_within_counts_at_each_call_its_weights_once():
    level = keras.Input((None, None, 4))
    head = keras.Model(level, keras.layers.Conv2D(2, 1)(level))
    large, small = keras.Input((4, 4, 4)), keras.Input((2, 2, 4))
    network = keras.Model([large, small], [head(large), head(small)])
    found = work(network, np.zeros((1, 4, 4, 4), "f4"), np.zeros((1, 2, 2, 4), "f4"))
    assert found.flops == 2 * (4 * 2) * (16 + 4)
    assert found.weight_bytes == 4 * (8 + 2)


@given(st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=8, deadline=None)
def test_operations_grow_with_the_pixels(height, width):
    network = one_layer(keras.layers.Conv2D(3, 3, padding="same"), (None, None, 2))
    found = work(network, np.zeros((1, height, width, 2), "f4"))
    assert found.flops == 2 * 54 * height * width


def multiply_adds_of_graph(function):
    """Of the convolutions and matrix products that TensorFlow itself will run."""
    total = 0
    for operation in function.graph.get_operations():
        if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
            *window, depth, filters = operation.inputs[1].shape
            places = np.prod(operation.outputs[0].shape[:3])
            total += int(places * np.prod(window) * depth * filters)
        elif operation.type == "MatMul":
            rows, inner = operation.inputs[0].shape
            total += int(rows * inner * operation.outputs[0].shape[1])
    return total


def test_a_whole_network_counts_as_tensorflow_runs_it(tmp_path):
    network = YOLOX("inference", SmallYolox(), tmp_path).network
    image = np.zeros((1, *network.inputs[0].shape[1:]), "f4")
    function = tf.function(lambda x: network([x], training=False))
    graph = function.get_concrete_function(tf.TensorSpec(image.shape, tf.float32))
    assert work(network, image).flops == 2 * multiply_adds_of_graph(graph) > 1e7


def of_one_mask(config):
    """Multiply-adds of the mask head for one object, written out."""
    assert config.SEPARABLE_HEADS
    places, channels = config.MASK_POOL_SIZE**2, config.MASK_HEAD_CHANNELS
    inputs = [config.TOP_DOWN_PYRAMID_SIZE] + [channels] * (config.MASK_HEAD_CONVS - 1)
    convolutions = sum(9 * depth + depth * channels for depth in inputs)
    # Doubled to 2 x 2 places, each of which tells the classes apart.
    return places * (convolutions + 4 * channels * channels + 4 * channels * config.NUM_CLASSES)


@pytest.mark.thorough
def test_masks_cost_by_the_object_that_was_found(tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    counts = set()
    for confidence in (0.0, 0.4):
        config = SmallConfig()
        config.DETECTION_MIN_CONFIDENCE = confidence
        model = MaskRCNN("inference", config, tmp_path)
        inputs, _ = Way(model.trained, image, None).placed()
        parts = calls_by_stage(model.network, model.family.profile_stages)
        assert parts[-1].stage.name == "mask head"
        head = work_by_stage(model.network, parts, inputs)[-1]
        [found] = model.detections([image])
        assert head.flops == 2 * of_one_mask(config) * len(found)
        counts.add(len(found))
    assert len(counts) == 2
