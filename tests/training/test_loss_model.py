"""Guards: the loss that training lowers is the weighted sum of the losses that its logs name."""

import keras
import numpy as np
import pytest

from maskdet.config import Config
from maskdet.training.loss_model import LossModel

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


class TwoLosses:
    """A family of two losses: the means of the network's two outputs."""

    def losses(self, outputs, config):
        return {name: keras.ops.mean(outputs[name]) for name in ("near", "far")}


def dense(name):
    # One unit that adds its two inputs up, and a bias of 5.
    return keras.layers.Dense(
        1, kernel_initializer="ones", bias_initializer=keras.initializers.Constant(5), name=name
    )


@pytest.fixture
def make_model():
    def make(weights, decay=0.0):
        config = Config()
        config.LOSS_WEIGHTS, config.WEIGHT_DECAY = weights, decay
        inputs = keras.Input((2,))
        # near is the row's sum + 5, far twice that + 5.
        near = dense("near_layer")(inputs)
        far = dense("far_layer")(keras.layers.Concatenate()([near, near]))
        model = LossModel(inputs=inputs, outputs={"near": near, "far": far})
        model.track_losses(TwoLosses(), config, ["near", "far"])
        model.compile(optimizer=keras.optimizers.SGD(0.5))
        return model

    return make


def scores(model, rows=ROWS, batch_size=2):
    return model.evaluate(rows, batch_size=batch_size, verbose=0, return_dict=True)


NEAR, FAR = 5 + 5.0, 2 * 10 + 5.0  # means over the rows' sums 3 and 7


def test_weights_count_in_the_sum_but_not_in_the_parts(make_model):
    logs = scores(make_model({"near": 0.5, "far": 3.0}))
    assert logs["loss"] == pytest.approx(0.5 * NEAR + 3.0 * FAR)
    assert logs["near"] == pytest.approx(NEAR)
    assert logs["far"] == pytest.approx(FAR)


def test_a_loss_without_a_weight_counts_once(make_model):
    logs = scores(make_model({"far": 2.0, "elsewhere": 100.0}))
    assert logs["loss"] == pytest.approx(NEAR + 2.0 * FAR)


def test_a_weight_of_0_leaves_the_part_in_the_logs(make_model):
    logs = scores(make_model({"near": 0.0}))
    assert logs["loss"] == pytest.approx(FAR)
    assert logs["near"] == pytest.approx(NEAR)


def test_logs_are_means_over_all_steps(make_model):
    logs = scores(make_model({}), batch_size=1)
    assert logs["near"] == pytest.approx(NEAR)
    assert logs["loss"] == pytest.approx(NEAR + FAR)


def test_logs_come_in_the_order_of_the_names(make_model):
    model = make_model({})
    model.track_losses(TwoLosses(), model.settings, ["far", "near"])
    assert [name for name in scores(model) if name != "loss"] == ["far", "near"]


def test_l2_is_the_mean_square_of_the_given_variables_alone(make_model):
    model = make_model({}, decay=0.1)
    layer = model.get_layer("near_layer")
    layer.kernel.assign([[1.0], [2.0]])  # the rows' weighted sums are 5 and 11
    plain = scores(model)["loss"]
    assert plain == pytest.approx((8 + 5) + (2 * 13 + 5))
    model = make_model({}, decay=0.1)
    layer = model.get_layer("near_layer")
    layer.kernel.assign([[1.0], [2.0]])
    model.decay([layer.kernel, layer.bias])
    logs = scores(model)
    assert logs["loss"] - plain == pytest.approx(0.1 * (1 + 4) / 2 + 0.1 * 25, rel=1e-4)
    assert logs["near"] == pytest.approx(13)


def test_a_step_follows_the_weighted_sum_and_its_l2_term(make_model):
    model = make_model({"near": 0.25, "far": 0.0}, decay=0.5)
    bias = model.get_layer("near_layer").bias
    model.decay([bias])
    model.fit(ROWS, batch_size=2, verbose=0)
    # The gradient along the bias: 0.25 of near, nothing of far, 0.5 * 2 * 5 of the L2 term.
    assert float(bias[0]) == pytest.approx(5 - 0.5 * (0.25 + 5))
    # far_layer has no part in it.
    np.testing.assert_array_equal(model.get_layer("far_layer").kernel, np.ones((2, 1)))


def test_a_step_is_keras_own_and_has_no_gradients_of_frozen_layers(make_model):
    """A graph that differentiates what is frozen takes twice the time until the first step."""
    found, expected = (make_model({"near": 0.5, "far": 3.0}, 0.1) for _ in range(2))
    for model in (found, expected):
        model.layers[1].trainable = False  # near, on which far stands
        model.compile(optimizer=keras.optimizers.SGD(0.5))
    expected.train_step = super(LossModel, expected).train_step
    rows = np.array([*ROWS, [7.0, 9.0]], np.float32)  # the last batch is a half one
    logs = [m.fit(rows, batch_size=2, verbose=0, shuffle=False).history for m in (found, expected)]
    assert logs[0] == logs[1]
    for weight, other in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(weight, other)
    assert differentiated(found) < differentiated(expected)


def differentiated(model):
    """How many operations of a step's graph stand there for gradients."""
    import tensorflow as tf

    step = tf.function(lambda rows: model.train_step((rows,)))
    graph = step.get_concrete_function(tf.TensorSpec((1, 2), tf.float32)).graph
    return sum(op.name.startswith("gradient_tape") for op in graph.get_operations())
