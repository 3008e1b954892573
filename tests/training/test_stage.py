"""Promise: a stage trains what it says at the rate it says, also where it goes on after a cut."""

import re

import keras
import numpy as np
import pytest

from maskdet import MobileConfig
from maskdet.errors import ConfigError, UsageError
from maskdet.training.loss_model import LossModel
from maskdet.training.schedules import has_schedule
from maskdet.training.stage import checked_callbacks, planned
from maskdet.training.train import compile_stage

CUT = {"layers": "all", "learning_rate": 0.01, "first_epoch": 2, "last_epoch": 12}


class Family:
    """Of one layer whose backbone is called "back"."""

    def rate(self, layer_name, config):
        return config.BACKBONE_RATE if layer_name == "back" else 1.0


def compiled(stage, **settings):
    rows = keras.Input((2,))
    outputs = keras.layers.Dense(1, name="head")(keras.layers.Dense(2, name="back")(rows))
    network = keras.Model(rows, outputs)
    model = LossModel(inputs=rows, outputs={"rows": outputs})
    config = MobileConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    model.track_losses(Family(), config, ["loss of rows"])
    compile_stage(model, network, Family(), config, stage, steps=10)
    return model


def rate(model):
    schedule = model.optimizer._learning_rate
    return float(schedule(model.optimizer.iterations))


def test_a_stage_that_was_cut_goes_on_in_its_schedule_even_without_a_state():
    begun = compiled(planned("all", 0.01, 2, 12, None), WARMUP_STEPS=5)
    assert int(begun.optimizer.iterations.numpy()) == 0
    assert rate(begun) == pytest.approx(0.001)
    cut = compiled(planned("all", 0.01, 9, 12, CUT), WARMUP_STEPS=5)
    assert int(cut.optimizer.iterations.numpy()) == 70
    # 65 of 95 falling steps are done: no second warm-up, and the same end.
    expected = 0.01 * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * 65 / 95)))
    assert rate(cut) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("optimizer", "decayed"), [("sgd", 4), ("adamw", 0)])
def test_sgd_has_its_l2_in_the_loss_and_adamw_in_its_steps(optimizer, decayed):
    model = compiled(planned("all", 0.01, 0, 1, None), OPTIMIZER=optimizer)
    assert len(model._decayed) == decayed
    assert type(model.optimizer).__name__.lower() == f"rated{optimizer}"


def test_every_variable_gets_the_rate_of_its_layer():
    model = compiled(planned("all", 0.01, 0, 1, None), BACKBONE_RATE=0.25)
    rates = dict(
        zip(
            [variable.path.split("/")[-2] for variable in model.trainable_variables],
            model.optimizer.shares(),
            strict=True,
        )
    )
    assert rates == {"back": 0.25, "head": 1.0}


@pytest.mark.parametrize(
    ("layer_rates", "expected"),
    [
        ({"he.d": 0.5}, {"back": 0.25, "head": 0.5}),
        ({".*": 0.5, "back": 2.0}, {"back": 0.25, "head": 0.5}),
        ({"back|head": 0.0}, {"back": 0.0, "head": 0.0}),
    ],
)
def test_layer_rates_go_on_top_of_the_familys(layer_rates, expected):
    stage = planned("all", 0.01, 0, 1, None)
    model = compiled(stage, BACKBONE_RATE=0.25, LAYER_RATES=layer_rates)
    found = {}
    for variable, rate in zip(model.trainable_variables, model.optimizer.shares(), strict=True):
        found.setdefault(variable.path.split("/")[-2], set()).add(rate)
    assert found == {name: {rate} for name, rate in expected.items()}


@pytest.mark.parametrize("pattern", ["hea", "ead", "stage1_.*"])
def test_a_pattern_of_no_layer_is_named_with_layers_that_there_are(pattern):
    with pytest.raises(ConfigError, match=rf"{re.escape(repr(pattern))}, .* 2 layers: back, head"):
        compiled(planned("all", 0.01, 0, 1, None), LAYER_RATES={"head": 1.0, pattern: 0.1})


@pytest.mark.parametrize(
    "wrong", [keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9), "0.1", None, True]
)
def test_a_rate_that_is_no_number_is_refused_before_anything_trains(wrong):
    with pytest.raises(UsageError, match=r"learning_rate is .*LEARNING_RATE_SCHEDULE"):
        planned("all", wrong, 0, 1, None)


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match=r"learning_rate is .*such as 0\.001"):
        planned("all", wrong, 0, 1, None)


def settings(**values):
    config = MobileConfig()
    for name, value in values.items():
        setattr(config, name, value)
    return config


PLATEAU = keras.callbacks.ReduceLROnPlateau(monitor="loss")
SCHEDULER = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)


@pytest.mark.parametrize("callback", [PLATEAU, SCHEDULER])
@pytest.mark.parametrize(
    "changed", [{}, {"LEARNING_RATE_SCHEDULE": "constant"}, {"WARMUP_STEPS": 0}]
)
def test_callbacks_and_config_do_not_set_the_rate_both(callback, changed):
    config = settings(**changed)
    assert has_schedule(config)
    with pytest.raises(UsageError, match=rf"{type(callback).__name__}, but .*\"constant\""):
        checked_callbacks([callback], config)


def test_callbacks_set_the_rate_of_a_constant_schedule():
    config = settings(LEARNING_RATE_SCHEDULE="constant", WARMUP_STEPS=0)
    assert checked_callbacks([PLATEAU, SCHEDULER], config) == [PLATEAU, SCHEDULER]
    model = compiled(planned("all", 0.01, 0, 1, None), **vars(config))
    model.optimizer.learning_rate = 0.005  # an error in Keras where the rate is a schedule


def test_one_callback_needs_no_list():
    early = keras.callbacks.EarlyStopping(monitor="loss")
    assert checked_callbacks(early, MobileConfig()) == [early]
    assert checked_callbacks(None, MobileConfig()) == []
    with pytest.raises(UsageError, match=r"custom_callbacks has 'early', which is no Keras"):
        checked_callbacks(["early"], MobileConfig())
