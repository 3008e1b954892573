"""Guards: losses of an RPN without anchors and of boxes by their overlap are what one works out by
hand; where nothing is to be learnt they are 0, and finite whatever the network says."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.errors import ConfigError
from maskdet.geometry.boxes import pairwise_iou
from maskdet.layers import box_coding
from maskdet.models.mask_rcnn import losses
from maskdet.models.mask_rcnn.config import Config
from maskdet.models.mask_rcnn.family import MaskRCNNFamily

STD = np.array([0.1, 0.1, 0.2, 0.2], "f4")
ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="takes TensorFlow's gradients"
)


def value(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


def f4(rows):
    return np.array(rows, "f4")


# ---- overlaps in pairs -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        pytest.param([0, 0, 10, 10], [0, 0, 10, 10], 1, id="itself"),
        pytest.param([0, 0, 10, 10], [0, 0, 5, 10], 1 / 2, id="half of it"),
        pytest.param([0, 0, 10, 10], [5, 5, 15, 15], 25 / 175, id="over a corner"),
        pytest.param([0, 0, 10, 10], [10, 0, 20, 10], 0, id="beside it"),
        pytest.param([0, 0, 10, 10], [30, 30, 40, 40], 0, id="far off"),
        pytest.param([5, 5, 5, 5], [5, 5, 5, 5], 0, id="without area"),
    ],
)
def test_overlaps_of_pairs_by_hand(box, other, expected):
    found = box_coding.paired_iou(f4([[box, other]]), f4([[other, box]]))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), [[expected] * 2], rtol=1e-6)


boxes_of_four = st.lists(
    st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(2, 200), st.floats(2, 200)),
    min_size=4,
    max_size=4,
).map(lambda rows: f4([[y, x, y + h, x + w] for y, x, h, w in rows]))


@settings(max_examples=40, deadline=None)
@given(boxes_of_four, boxes_of_four)
def test_overlaps_of_pairs_are_the_diagonal_of_geometrys(boxes, others):
    found = keras.ops.convert_to_numpy(box_coding.paired_iou(boxes, others))
    np.testing.assert_allclose(found, np.diag(pairwise_iou(boxes, others)), atol=1e-4)


# ---- by hand -----------------------------------------------------------------------------------
def test_objectness_is_divided_by_the_cells_that_learn_an_object():
    """Two of five learn one; the last is left out, however wrong it is."""
    match = np.array([[1, -1, -1, 1, 0]], "i4")
    logits = f4([[[0, math.log(3)], [0, 0], [0, 0], [0, 0], [0, 99]]])
    expected = (-math.log(3 / 4) - 3 * math.log(1 / 2)) / 2
    assert value(losses.rpn_objectness_loss(match, logits)) == pytest.approx(expected, rel=1e-5)


def test_objectness_without_objects_is_a_sum():
    match = np.array([[-1, -1]], "i4")
    loss = losses.rpn_objectness_loss(match, np.zeros((1, 2, 2), "f4"))
    assert value(loss) == pytest.approx(2 * math.log(2), rel=1e-5)


def test_boxes_of_cells_cost_what_their_overlap_lacks():
    """Overlaps 1 / 2 and 1: (1 - 1 / 4 + 0) / 2; cells that learn nothing count for nothing."""
    match = np.array([[1, 1, -1, 0]], "i4")
    target = f4([[[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 0], [0, 0, 0, 0]]])
    boxes = f4([[[0, 0, 5, 10], [0, 0, 10, 10], [9, 9, 99, 99], [3, 3, 4, 4]]])
    assert value(losses.rpn_iou_loss(target, match, boxes)) == pytest.approx(0.375, rel=1e-5)


def test_boxes_of_rois_cost_what_the_overlap_of_their_own_class_lacks():
    """The target is the RoI itself; of class 2 a box of twice its height: overlap 1 / 2."""
    rois = f4([[[0.2, 0.2, 0.4, 0.4], [0, 0, 1, 1]]])
    ids, deltas = np.array([[2, 0]], "i4"), np.zeros((1, 2, 3, 4), "f4")
    deltas[0, 0, 1], deltas[0, :, 0] = 9, 9
    deltas[0, 0, 2, 2] = math.log(2) / 0.2
    loss = losses.mrcnn_iou_loss(np.zeros((1, 2, 4), "f4"), ids, deltas, rois, STD)
    assert value(loss) == pytest.approx(1 - 1 / 4, rel=1e-4)


# ---- properties --------------------------------------------------------------------------------
def batch(seed, images, rows, wild, positives=True):
    """Arguments of each loss by its name; ``wild``: how far off what the network says is."""
    draws = np.random.default_rng(seed)

    def boxes(size):
        corner = draws.uniform(0, 0.5 * size, (images, rows, 2))
        sides = draws.uniform(0.05, 0.5, (images, rows, 2)) * size
        return np.concatenate([corner, corner + sides], axis=-1).astype("f4")

    match = draws.integers(-1, 2 if positives else 1, (images, rows)).astype("i4")
    ids = draws.integers(0, 3 if positives else 1, (images, rows)).astype("i4")
    target, moves = (draws.normal(0, wild, (images, rows, *n)).astype("f4") for n in ((4,), (3, 4)))
    logits = draws.normal(0, wild, (images, rows, 2)).astype("f4")
    return {
        "rpn_objectness_loss": [match, logits],
        "rpn_iou_loss": [boxes(128), match, boxes(128)],
        "mrcnn_iou_loss": [target, ids, moves, boxes(1)],
    }


#: Which argument of a loss is what the network says.
SAID = {"rpn_objectness_loss": 1, "rpn_iou_loss": 2, "mrcnn_iou_loss": 2}
CASES = given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(1, 3),
    rows=st.integers(1, 5),
    wild=st.sampled_from([0.0, 1.0, 30.0]),
)


def loss_of(name, arguments):
    more = [STD] if name == "mrcnn_iou_loss" else []
    return getattr(losses, name)(*arguments, *more)


def gradients(name, arguments):
    """Loss and its gradient along what the network says."""
    import tensorflow

    tensors = [tensorflow.constant(argument) for argument in arguments]
    with tensorflow.GradientTape() as tape:
        tape.watch(tensors[SAID[name]])
        loss = loss_of(name, tensors)
    found = tape.gradient(loss, tensors[SAID[name]])
    return float(loss), np.zeros_like(arguments[SAID[name]]) if found is None else found.numpy()


@settings(deadline=None, max_examples=25)
@CASES
def test_a_batch_twice_over_has_the_loss_of_the_batch(seed, images, rows, wild):
    for name, arguments in batch(seed, images, rows, wild).items():
        twice = [np.concatenate([argument, argument]) for argument in arguments]
        once = value(loss_of(name, arguments))
        if name == "rpn_objectness_loss" and not (arguments[0] == 1).any():
            once *= 2  # without objects there is no number to divide by
        assert value(loss_of(name, twice)) == pytest.approx(once, rel=1e-4, abs=1e-6), name


@settings(deadline=None, max_examples=25)
@CASES
def test_perfect_boxes_cost_nothing(seed, images, rows, wild):
    arguments = batch(seed, images, rows, wild)
    target, match, _ = arguments["rpn_iou_loss"]
    assert value(losses.rpn_iou_loss(target, match, target)) == pytest.approx(0, abs=1e-5)
    _, ids, _, rois = arguments["mrcnn_iou_loss"]
    target = np.random.default_rng(seed).normal(0, 1, (images, rows, 4)).astype("f4")
    deltas = np.repeat(target[:, :, None], 3, axis=2)
    assert value(losses.mrcnn_iou_loss(target, ids, deltas, rois, STD)) == pytest.approx(
        0, abs=1e-5
    )


@ON_TENSORFLOW
@settings(deadline=None, max_examples=25)
@CASES
def test_without_positives_boxes_cost_and_teach_nothing(seed, images, rows, wild):
    arguments = batch(seed, images, rows, wild, positives=False)
    for name in ("rpn_iou_loss", "mrcnn_iou_loss"):
        loss, gradient = gradients(name, arguments[name])
        assert loss == 0 and not np.any(gradient), name


@ON_TENSORFLOW
@settings(deadline=None, max_examples=25)
@CASES
def test_losses_and_gradients_are_finite(seed, images, rows, wild):
    for positives in (True, False):
        for name, arguments in batch(seed, images, rows, wild, positives).items():
            loss, gradient = gradients(name, arguments)
            assert np.isfinite(loss) and np.isfinite(gradient).all(), name


@ON_TENSORFLOW
@pytest.mark.parametrize("box", [[5, 5, 5, 5], [5, 5, 9, 5]], ids=["a point", "a line"])
def test_boxes_without_area_still_give_finite_numbers(box):
    arguments = [f4([[[0, 0, 10, 10], box]]), np.array([[1, 1]], "i4"), f4([[box, box]])]
    loss, gradient = gradients("rpn_iou_loss", arguments)
    assert loss == pytest.approx(1.0) and np.isfinite(gradient).all()


@ON_TENSORFLOW
def test_a_box_that_is_too_low_is_pushed_up():
    """Descent moves both edges towards the object's."""
    arguments = [f4([[[0, 0, 10, 10]]]), np.array([[1]], "i4"), f4([[[2, 0, 12, 10]]])]
    _, gradient = gradients("rpn_iou_loss", arguments)
    assert gradient[0, 0, 0] > 0 and gradient[0, 0, 2] > 0


# ---- in the family -----------------------------------------------------------------------------
@pytest.fixture
def outputs():
    """What a training network gives for one image, without masks."""
    arguments = batch(1, 1, 5, 1.0)
    match, logits = arguments["rpn_objectness_loss"]
    target, _, boxes = arguments["rpn_iou_loss"]
    deltas, ids, moves, rois = arguments["mrcnn_iou_loss"]
    return {
        "rpn_match": match,
        "rpn_class_logits": logits,
        "target_rpn_bbox": target,
        "rpn_bbox": boxes,
        "target_class_ids": ids,
        "mrcnn_class_logits": np.zeros((1, 5, 3), "f4"),
        "active_classes": np.ones((1, 3), "f4"),
        "rois": rois,
        "target_bbox": deltas,
        "mrcnn_bbox": moves,
    }


@pytest.mark.parametrize("free", [False, True], ids=["anchors", "cells"])
@pytest.mark.parametrize("kind", ["smooth_l1", "iou"])
def test_the_config_decides_which_losses_a_training_has(outputs, free, kind):
    config = Config()
    config.RPN_ANCHOR_FREE, config.ROI_BOX_LOSS = free, kind
    found = {name: value(loss) for name, loss in MaskRCNNFamily().losses(outputs, config).items()}
    match, logits, target, boxes = (
        outputs[name] for name in ("rpn_match", "rpn_class_logits", "target_rpn_bbox", "rpn_bbox")
    )
    rpn = (losses.rpn_objectness_loss, losses.rpn_iou_loss)
    if not free:
        rpn = (losses.rpn_class_loss, losses.rpn_bbox_loss)
    rows = [outputs[name] for name in ("target_bbox", "target_class_ids", "mrcnn_bbox")]
    roi = losses.mrcnn_bbox_loss(*rows)
    if kind == "iou":
        roi = losses.mrcnn_iou_loss(*rows, outputs["rois"], STD)
    assert found["rpn_class_loss"] == pytest.approx(value(rpn[0](match, logits)), rel=1e-5)
    assert found["rpn_bbox_loss"] == pytest.approx(value(rpn[1](target, match, boxes)), rel=1e-5)
    assert found["mrcnn_bbox_loss"] == pytest.approx(value(roi), rel=1e-5)
    assert list(found) == MaskRCNNFamily().loss_names(frozenset({"boxes"}))


def test_another_box_loss_is_refused():
    config = Config()
    config.NUM_CLASSES, config.ROI_BOX_LOSS = 2, "giou"
    with pytest.raises(ConfigError, match="ROI_BOX_LOSS is 'giou'; use 'smooth_l1' or 'iou'"):
        config.validate()
