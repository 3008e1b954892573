"""Promise: with EMA_DECAY everybody who looks at the network sees averaged weights, and only the
steps of the training go on from the raw ones."""

import keras
import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.config import Config
from maskdet.training.averaging import AveragedWeights
from maskdet.training.memory import memory_of
from maskdet.training.optimizers import make_optimizer
from maskdet.training.state import TrainingState


def config_with(**settings):
    config = Config()
    plain = {"GRADIENT_CLIP_NORM": 0, "WEIGHT_DECAY": 0.0, "LEARNING_MOMENTUM": 0.0}
    for name, value in (plain | settings).items():
        setattr(config, name, value)
    return config


def averages_of(optimizer):
    return [value for name, value in memory_of(optimizer).items() if name.endswith("average")]


# ---- the averages ------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_an_average_follows_by_tensorflows_rule_and_then_by_the_decay(kind):
    weight = keras.Variable(np.float32([1.0, -2.0]), name="kernel")
    optimizer = make_optimizer(config_with(OPTIMIZER=kind, EMA_DECAY=0.3), 0.5, 9, {})
    optimizer.build([weight])
    expected = np.array(weight)
    for step in range(6):
        optimizer.apply([keras.ops.convert_to_tensor(np.float32([1.0, step]))], [weight])
        momentum = min(0.3, (1 + step) / (10 + step))  # 1/10, 2/11, 3/12, then the decay
        expected = momentum * expected + (1 - momentum) * np.array(weight)
        np.testing.assert_allclose(averages_of(optimizer)[0], expected, rtol=1e-5)
    assert momentum == 0.3


def test_a_short_training_is_not_held_back_by_where_it_began():
    weight = keras.Variable(np.float32([1000.0]), name="kernel")
    optimizer = make_optimizer(config_with(EMA_DECAY=0.9999), 1.0, 99, {})
    optimizer.build([weight])
    optimizer.apply([keras.ops.convert_to_tensor(np.float32([1000.0]))], [weight])  # to 0
    for _ in range(20):
        optimizer.apply([keras.ops.zeros(1)], [weight])
    assert abs(averages_of(optimizer)[0][0]) < 0.01


def test_an_average_of_what_stays_is_bit_for_bit_what_stays():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    weight = keras.Variable(values, name="kernel")
    optimizer = make_optimizer(config_with(EMA_DECAY=0.99), 0.5, 9, {weight.path: 0.0})
    optimizer.build([weight])
    for _ in range(5):
        optimizer.apply([keras.ops.ones(1000)], [weight])
    np.testing.assert_array_equal(averages_of(optimizer)[0], values)


def test_without_a_decay_nothing_is_averaged():
    optimizer = make_optimizer(config_with(), 0.5, 9, {})
    optimizer.build([keras.Variable(np.float32([1.0]), name="kernel")])
    assert not optimizer.use_ema and averages_of(optimizer) == []


# ---- in a training -----------------------------------------------------------------------------
class Watch(keras.callbacks.Callback):
    """Notes the weights that each moment of a training sees, and the optimizer's averages."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def note(self, moment):
        weights = [np.array(v) for v in self.model.trainable_variables]
        self.seen.append((moment, weights, averages_of(self.model.optimizer)))

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch begins")

    def on_train_batch_begin(self, batch, logs=None):
        self.note("step begins")

    def on_train_batch_end(self, batch, logs=None):
        self.note("step ends")

    def on_test_begin(self, logs=None):
        self.note("validation begins")

    def on_test_end(self, logs=None):
        self.note("validation ends")

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch ends")

    def on_train_end(self, logs=None):
        self.note("training ends")


AVERAGED = {"validation begins", "validation ends", "epoch ends", "training ends"}
ROWS = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)


def fitted(validate, epochs=3, callbacks=(), **settings):
    """A model after a short training, what was seen of it, and its averages' keeper."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((3,))
    rows = keras.layers.Dense(4, name="frozen", trainable=False)(inputs)
    rows = keras.layers.BatchNormalization(name="norm")(rows)
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(rows))
    model.compile(make_optimizer(config_with(**settings), 0.05, 9, {}), loss="mse")
    model.optimizer.build(model.trainable_variables)
    averages, watch = AveragedWeights(model), Watch()
    pairs = {"x": ROWS, "y": np.ones(12), "batch_size": 4, "shuffle": False, "verbose": 0}
    more = {"validation_data": (ROWS, np.ones(12))} if validate else {}
    model.fit(**pairs, epochs=epochs, callbacks=[averages, watch, *callbacks], **more)
    return model, watch.seen, averages


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("validate", [True, False])
def test_validation_epoch_ends_and_the_end_see_averages_and_steps_raw_weights(kind, validate):
    _, seen, averages = fitted(validate, OPTIMIZER=kind, EMA_DECAY=0.9)
    after_step = None
    for moment, weights, means in seen:
        if moment in AVERAGED:
            for weight, mean in zip(weights, means, strict=True):
                np.testing.assert_array_equal(weight, mean, err_msg=moment)
        if moment in ("epoch begins", "step begins") and after_step:
            for weight, before in zip(weights, after_step, strict=True):
                np.testing.assert_array_equal(weight, before, err_msg=moment)
        if moment == "step ends":
            after_step = weights
            assert any(np.any(w != m) for w, m in zip(weights, means, strict=True))
    moments = [moment for moment, _, _ in seen]
    assert moments.count("epoch ends") == 3 and moments[-1] == "training ends"
    assert ("validation ends" in moments) == validate
    assert len(averages.raw) == 4


def test_averaging_changes_no_step_of_the_training():
    raw = [w for moment, w, _ in fitted(True)[1] if moment == "step ends"]
    averaged = [w for moment, w, _ in fitted(True, EMA_DECAY=0.9)[1] if moment == "step ends"]
    for ours, others in zip(averaged, raw, strict=True):
        for one, other in zip(ours, others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_frozen_weights_stay_and_moving_statistics_are_the_present_ones():
    averaged, raw = fitted(False, EMA_DECAY=0.9)[0], fitted(False)[0]
    for name in ("frozen", "norm"):
        ours, others = averaged.get_layer(name), raw.get_layer(name)
        for one, other in zip(
            ours.non_trainable_weights, others.non_trainable_weights, strict=True
        ):
            np.testing.assert_array_equal(one, other)
    assert np.any(np.array(averaged.get_layer("norm").gamma) != raw.get_layer("norm").gamma)


def test_a_state_holds_the_raw_weights_and_a_lost_part_of_it_changes_nothing():
    model, seen, averages = fitted(False, EMA_DECAY=0.9)
    state = TrainingState.of(model, model.optimizer, {}, averages.raw)
    last_step = [weights for moment, weights, _ in seen if moment == "step ends"][-1]
    for value, expected in zip(state.raw, last_step, strict=True):
        np.testing.assert_array_equal(value, expected)

    means = [np.array(v) for v in model.trainable_variables]
    assert not TrainingState({}, state.optimizer, state.seeds).restore_optimizer(model)
    for variable, value in zip(model.trainable_variables, means, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert state.restore_optimizer(model)
    for variable, value in zip(model.trainable_variables, state.raw, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.thorough
def test_checkpoints_the_end_of_a_stage_and_a_user_who_stops_get_the_averages(
    masked, make_config, tmp_path
):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    def trained(model):
        variables = model.network.get_layer("mrcnn_class_logits").trainable_variables
        return [np.array(variable) for variable in variables]

    config = make_config(BACKBONE="mobilenet_v2_0.5", STEPS_PER_EPOCH=2, EMA_DECAY=0.9)
    model = MaskRCNN("training", config, tmp_path)
    model.train(masked, None, 0.01, 1, "mrcnn_class_logits")
    means = averages_of(model.network.optimizer)
    saved = MaskRCNN("training", config, tmp_path)
    saved.load_weights(model.find_last())
    for ours, kept, mean in zip(trained(model), trained(saved), means, strict=True):
        np.testing.assert_array_equal(ours, mean)
        np.testing.assert_array_equal(kept, mean)

    with pytest.raises(KeyboardInterrupt):
        model.train(masked, None, 0.01, 2, "mrcnn_class_logits", custom_callbacks=Stop())
    later = averages_of(model.network.optimizer)
    for ours, mean, before in zip(trained(model), later, means, strict=True):
        np.testing.assert_array_equal(ours, mean)
        assert np.any(ours != before)
