"""Promise: a loss does not depend on how many images a batch has, and where nothing is to be learnt
it is 0 and teaches nothing, whatever the network says there."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.models.mask_rcnn import losses
from maskdet.training.loss_model import weighted_sum

CLASSES = 3
#: Numbers that networks give, some of them far too large.
SIZES = (0.0, 1.0, 30.0, 1e4)


def batch(seed, images, rows, size, positives=True):
    """Arguments of each loss by its name: one image a row of every array.

    Targets and outputs of rows that do not count are as wild as the others.
    """
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return rng.normal(scale=size, size=shape).astype(np.float32)

    match = rng.integers(-1, 2 if positives else 1, (images, rows)).astype(np.int32)
    ids = rng.integers(0, CLASSES if positives else 1, (images, rows)).astype(np.int32)
    counted = rng.integers(0, 2, (images, rows))
    active = np.concatenate(
        [np.ones((images, 1)), rng.integers(0, 2, (images, CLASSES - 1))], axis=1
    ).astype(np.float32)
    masks = 1 / (1 + np.exp(-np.clip(numbers(images, rows, 2, 2, CLASSES), -80, 80)))
    true_masks = rng.integers(0, 2, (images, rows, 2, 2)).astype(np.float32)
    return {
        "rpn_class_loss": [match, numbers(images, rows, 2)],
        "rpn_bbox_loss": [numbers(images, rows, 4), match, numbers(images, rows, 4)],
        "mrcnn_class_loss": [ids, numbers(images, rows, CLASSES), active, counted],
        "mrcnn_bbox_loss": [numbers(images, rows, 4), ids, numbers(images, rows, CLASSES, 4)],
        "mrcnn_mask_loss": [true_masks, ids, masks.astype(np.float32)],
    }


def value(name, arguments):
    loss = getattr(losses, name)(*map(keras.ops.convert_to_tensor, arguments))
    return float(keras.ops.convert_to_numpy(loss))


CASES = given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(1, 3),
    rows=st.integers(1, 5),
    size=st.sampled_from(SIZES),
)


@settings(deadline=None, max_examples=40)
@CASES
def test_a_batch_twice_over_has_the_loss_of_the_batch(seed, images, rows, size):
    for name, arguments in batch(seed, images, rows, size).items():
        twice = [np.concatenate([argument, argument]) for argument in arguments]
        assert value(name, twice) == pytest.approx(value(name, arguments), rel=1e-5), name


@settings(deadline=None, max_examples=40)
@CASES
def test_images_with_nothing_to_learn_add_nothing(seed, images, rows, size):
    """Of anchors and RoIs that do not count, in an image of their own."""
    for name, arguments in batch(seed, images, rows, size).items():
        more = batch(seed + 1, 1, rows, size, positives=False)[name]
        if name == "rpn_class_loss":
            more[0] = np.zeros_like(more[0])
        if name == "mrcnn_class_loss":
            more[3] = np.zeros_like(more[3])
        both = [np.concatenate(pair) for pair in zip(arguments, more, strict=True)]
        assert value(name, both) == pytest.approx(value(name, arguments), rel=1e-5), name


def gradients(name, arguments, along):
    """Loss and its gradient along one of the arguments."""
    import tensorflow

    tensors = [tensorflow.constant(argument) for argument in arguments]
    with tensorflow.GradientTape() as tape:
        tape.watch(tensors[along])
        loss = getattr(losses, name)(*tensors)
    found = tape.gradient(loss, tensors[along])
    return float(loss), np.zeros_like(arguments[along]) if found is None else found.numpy()


#: Which argument of a loss is what the network says.
SAID = {
    "rpn_class_loss": 1,
    "rpn_bbox_loss": 2,
    "mrcnn_class_loss": 1,
    "mrcnn_bbox_loss": 2,
    "mrcnn_mask_loss": 2,
}
ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="takes TensorFlow's gradients"
)


@ON_TENSORFLOW
@settings(deadline=None, max_examples=30)
@CASES
def test_without_positives_boxes_and_masks_cost_and_teach_nothing(seed, images, rows, size):
    arguments_by_name = batch(seed, images, rows, size, positives=False)
    for name in ("rpn_bbox_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss"):
        loss, gradient = gradients(name, arguments_by_name[name], SAID[name])
        assert loss == 0 and not np.any(gradient), name


@ON_TENSORFLOW
@settings(deadline=None, max_examples=30)
@CASES
def test_losses_and_gradients_are_finite_with_and_without_positives(seed, images, rows, size):
    for positives in (True, False):
        for name, arguments in batch(seed, images, rows, size, positives).items():
            loss, gradient = gradients(name, arguments, SAID[name])
            assert np.isfinite(loss) and np.isfinite(gradient).all(), name


@ON_TENSORFLOW
def test_where_nothing_counts_no_loss_teaches_anything():
    """An image without anchors and RoIs that count, such as one of crowds alone."""
    for name, arguments in batch(0, 2, 4, 30.0, positives=False).items():
        if name == "rpn_class_loss":
            arguments[0] = np.zeros_like(arguments[0])
        if name == "mrcnn_class_loss":
            arguments[3] = np.zeros_like(arguments[3])
        loss, gradient = gradients(name, arguments, SAID[name])
        assert loss == 0 and not np.any(gradient), name


def test_the_sum_scales_with_its_weights_alone():
    from maskdet.config import Config

    config = Config()
    once = {name: value(name, arguments) for name, arguments in batch(3, 2, 4, 1.0).items()}
    config.LOSS_WEIGHTS = dict.fromkeys(once, 2.0)
    total = float(keras.ops.convert_to_numpy(weighted_sum(once, config)))
    assert total == pytest.approx(2 * sum(once.values()), rel=1e-5)
