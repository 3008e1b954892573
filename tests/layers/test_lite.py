"""Promise: what an exported file computes is what the network in Keras computes."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.config import Config
from maskdet.layers.detection import DetectionLayer
from maskdet.layers.lite.detection import ContractOutputs, DetectionWindow, LiteDetections
from maskdet.layers.lite.masks import (
    Interleave,
    ObjectsConv,
    OwnClass,
    OwnClassConv,
    SubpixelDoubling,
)
from maskdet.layers.lite.proposals import LiteProposals, Objectness
from maskdet.layers.lite.roi_align import LitePyramidTable, LiteROIAlign, LiteUpsampling
from maskdet.layers.proposals import ProposalLayer
from maskdet.layers.roi_align import PyramidROIAlign
from maskdet.models.mask_rcnn.network import normalised_anchors

STD = [0.1, 0.1, 0.2, 0.2]


class Small(Config):
    NUM_CLASSES = 4
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
    BACKBONE_STRIDES = [8, 16, 32, 64]
    RPN_ANCHOR_SCALES = (16, 32, 64, 128)


def random_boxes(draws, count):
    corner = draws.uniform(-0.05, 0.8, (count, 2))
    return np.concatenate([corner, corner + draws.uniform(0.01, 0.6, (count, 2))], axis=1).astype(
        np.float32
    )


@pytest.mark.parametrize("seed", range(4))
def test_proposals_are_those_of_the_network(seed):
    draws = np.random.default_rng(seed)
    anchors = normalised_anchors(Small(), (128, 128))
    logits = draws.normal(size=(1, len(anchors), 2)).astype(np.float32) * 3
    deltas = draws.normal(size=(1, len(anchors), 4)).astype(np.float32)
    scores = keras.ops.softmax(logits)
    theirs = ProposalLayer(30, 0.7, 200, STD)([scores, deltas, anchors[None]])
    cells = [256, 64, 16, 4]
    ours = LiteProposals(anchors, 3, cells, 30, 0.7, 200, STD)(Objectness()(logits), deltas)
    np.testing.assert_allclose(ours, np.asarray(theirs)[0], atol=2e-6)
    assert np.asarray(ours).any()


@pytest.mark.parametrize("pool", [2, 7, 14])
@pytest.mark.parametrize("seed", range(3))
def test_crops_are_those_of_the_network(pool, seed):
    draws = np.random.default_rng(seed)
    maps = [draws.normal(size=(1, s, s, 5)).astype(np.float32) for s in (16, 8, 4)]
    rois = np.clip(random_boxes(draws, 40), 0, 1)
    rois[-3:] = 0  # padding
    theirs = PyramidROIAlign(pool, (128, 128), 3, "portable")([rois[None], *maps])
    table = LitePyramidTable()(maps)
    sizes = [(16, 16), (8, 8), (4, 4)]
    ours = LiteROIAlign(pool, (128, 128), sizes, 3)(table, rois)
    np.testing.assert_allclose(ours, np.asarray(theirs)[0], atol=1e-5)


@given(
    st.lists(st.floats(0.0625, 0.96875, width=32), min_size=2, max_size=2),
)
@settings(max_examples=40, deadline=None)
def test_levels_are_those_of_the_network(side):
    rois = np.array([[0, 0, side[0], side[1]]], np.float32)
    layer = LiteROIAlign(7, (512, 512), [(64, 64), (32, 32), (16, 16)], 3)
    theirs = PyramidROIAlign(7, (512, 512), 3)
    expected = np.asarray(theirs.levels(rois[None], 3, theirs._reference(None)))[0]
    # At the border between two levels rounding decides, and both are right.
    area = side[0] * side[1]
    borders = [(layer.reference * 2.0 ** (3 + i + 0.5 - 4)) ** 2 for i in range(2)]
    if min(abs(area / border - 1) for border in borders) > 1e-4:
        np.testing.assert_array_equal(layer._levels(rois), expected)


@pytest.mark.parametrize("seed", range(4))
def test_detections_are_those_of_the_network(seed):
    draws = np.random.default_rng(seed)
    count, classes = 30, 4
    rois = random_boxes(draws, count).clip(0, 1)
    scores = keras.ops.softmax(draws.normal(size=(1, count, classes)).astype(np.float32) * 2)
    deltas = draws.normal(size=(1, count, classes, 4)).astype(np.float32)
    window = np.array([[0.1, 0.0, 0.9, 1.0]], np.float32)
    theirs = DetectionLayer(12, 0.3, 0.3, STD)([rois[None], scores, deltas, window])
    rows = np.asarray(theirs)[0]
    layer = LiteDetections(12, 0.3, 0.3, STD)
    boxes, ids, best, valid = layer(rois, scores, deltas, DetectionWindow()(window))
    np.testing.assert_allclose(boxes, rows[:, :4], atol=1e-6)
    np.testing.assert_array_equal(ids, rows[:, 4].astype(int))
    np.testing.assert_allclose(best, rows[:, 5], atol=1e-6)
    np.testing.assert_array_equal(np.asarray(valid)[:, 0], rows[:, 4] > 0)
    assert (rows[:, 4] > 0).any()


def test_outputs_are_shares_of_the_input_and_zero_behind_the_last_object():
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0, 0, 0, 0]], np.float32)
    outputs = ContractOutputs((64, 128))(
        boxes,
        np.array([3, 0], np.int32),
        np.array([0.5, 0], np.float32),
        np.array([[1], [0]], np.float32),
    )
    # Normalised 0..1 names the first and last pixel: their edges are the picture's.
    np.testing.assert_allclose(outputs["boxes"], [[[0, 0, 1, 1], [0, 0, 0, 0]]], atol=1e-6)
    np.testing.assert_array_equal(outputs["classes"], [[2, 0]])
    np.testing.assert_array_equal(outputs["count"], [1])


def test_upsampling_repeats_cells():
    feature = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    expected = keras.layers.UpSampling2D(2)(feature)
    np.testing.assert_array_equal(LiteUpsampling()(feature), expected)


@pytest.mark.parametrize(("few", "classes"), [(True, 2), (True, 3), (False, 3)])
def test_a_mask_is_the_transposed_convolutions_for_its_class(few, classes):
    draws = np.random.default_rng(1)
    crops = draws.normal(size=(5, 3, 4, 6)).astype(np.float32)
    deconv = keras.layers.Conv2DTranspose(8, 2, strides=2, activation="relu")
    last = keras.layers.Conv2D(classes, 1, activation="sigmoid")
    maps = np.asarray(last(deconv(crops)))
    ids = np.minimum([1, 2, 1, 2, 0], classes - 1).astype(np.int32)
    expected = maps[np.arange(5), :, :, ids]
    expected[4] = 0  # behind the last object

    doubling = SubpixelDoubling(8, 2, strides=2, activation="relu")
    rows = keras.ops.reshape(doubling(keras.Input(batch_shape=(5, 3, 4, 6))), (5, 3, 16, 8))
    assert rows.shape == (5, 3, 16, 8)
    doubling.set_weights(deconv.get_weights())
    rows = keras.ops.reshape(doubling(crops), (5, 3, 16, 8))
    if few:
        all_objects = ObjectsConv(classes)
        all_objects.build(rows.shape)
        all_objects.set_weights(last.get_weights())
        logits = OwnClass()(all_objects(rows), ids)
    else:
        own = OwnClassConv(classes)
        own.build([rows.shape, ids.shape])
        own.set_weights(last.get_weights())
        logits = own([rows, ids])
    valid = np.array([[1], [1], [1], [1], [0]], np.float32)
    masks = np.asarray(Interleave((3, 4))(logits, valid))[0]
    np.testing.assert_allclose(masks, expected, atol=1e-6)


def test_boxes_without_area_do_not_fill_the_list():
    """LiteRT's own kernel chooses such a box again and again; seen on a real export."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    from maskdet.layers.lite.base import suppress

    boxes = np.array(
        [[0.05, 0, 0.06, 0.57], [0, 0.19, 0, 0.33], [0.5, 0.2, 0.53, 0.3], [0, 0.2, 0, 0.33]], "f4"
    )
    scores = np.array([30, 28, 27, 26], "f4")
    function = tf.function(lambda b, s: suppress(b, s, 0.7, 4, -1e30)).get_concrete_function(
        tf.TensorSpec((4, 4)), tf.TensorSpec((4,))
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), (boxes, scores), strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    outputs = [
        interpreter.get_tensor(d["index"]).tolist() for d in interpreter.get_output_details()
    ]
    assert outputs == [[0, 1, 2, 3], 4]
    assert [np.asarray(t).tolist() for t in suppress(boxes, scores, 0.7, 4, -1e30)] == outputs
