"""Promise: a stage trains what it says at the rate it says, also where it goes on after a cut."""

import keras
import numpy as np
import pytest

from maskdet import MobileConfig
from maskdet.training.loss_model import LossModel
from maskdet.training.stage import planned
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
            model.optimizer._rate_by_index,
            strict=True,
        )
    )
    assert rates == {"back": 0.25, "head": 1.0}
