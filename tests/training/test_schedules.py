"""Promise: the rate of every step of a stage is the one that the Config describes."""

import math

import keras
import pytest

from maskdet.config import Config
from maskdet.training.schedules import Warmup, WarmupCosine, WarmupDrops, has_schedule, rate_of


def rates(steps, peak=1.0, **settings):
    """The rate of each step of a stage, the last one being after it."""
    config = Config()
    for name, value in settings.items():
        setattr(config, name, value)
    rate = rate_of(config, peak, steps)
    return [float(rate(step)) if callable(rate) else rate for step in range(steps + 1)]


def test_cosine_rises_to_the_peak_and_falls_to_a_hundredth():
    found = rates(24, 0.5, LEARNING_RATE_SCHEDULE="cosine", WARMUP_STEPS=4)
    assert found[0] == pytest.approx(0.05)  # a tenth
    assert found[1:4] == pytest.approx([0.5 * share for share in (0.325, 0.55, 0.775)])
    assert found[4] == pytest.approx(0.5)
    assert found[9] == pytest.approx(0.5 * (0.01 + 0.99 * (1 + math.cos(math.pi / 4)) / 2))
    assert found[14] == pytest.approx(0.5 * 0.505)  # half of the way down
    assert found[24] == pytest.approx(0.005)
    assert found[4:] == sorted(found[4:], reverse=True)


def test_cosine_stays_at_its_end():
    assert float(WarmupCosine(2.0, 3, 10)(25)) == pytest.approx(0.02)


@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_without_a_warm_up_a_stage_begins_at_its_peak(schedule):
    found = rates(20, 0.5, LEARNING_RATE_SCHEDULE=schedule, WARMUP_STEPS=0)
    assert found[0] == pytest.approx(0.5)
    assert found == sorted(found, reverse=True) and found[-1] < found[0]


def test_warm_up_takes_a_fifth_of_the_stage_at_most():
    found = rates(20, LEARNING_RATE_SCHEDULE="cosine", WARMUP_STEPS=50)
    assert max(found) == pytest.approx(1.0)
    assert found.index(max(found)) == 4
    assert found[2] == pytest.approx(0.55)


def test_the_shortest_stage_has_a_step_of_the_warm_up_that_is_asked_for():
    assert rates(3, WARMUP_STEPS=50) == pytest.approx([0.1, 1, 1, 1])


def test_a_constant_rate_stays():
    assert rates(10, 0.125) == [0.125] * 11


def test_a_constant_rate_with_warm_up_rises_and_stays():
    assert rates(10, 0.5, WARMUP_STEPS=2) == pytest.approx([0.05, 0.275, *[0.5] * 9])


def test_the_rate_drops_at_its_shares_of_the_stage():
    found = rates(9, 0.5, LEARNING_RATE_SCHEDULE="step")
    assert found == pytest.approx([0.5] * 6 + [0.05] * 2 + [0.005] * 2)
    others = {"LEARNING_RATE_STEPS": (0.2,), "LEARNING_RATE_DROP": 0.5}
    found = rates(10, 0.5, LEARNING_RATE_SCHEDULE="step", **others)
    assert found == pytest.approx([0.5] * 2 + [0.25] * 9)


def test_drops_go_with_a_warm_up():
    found = rates(20, LEARNING_RATE_SCHEDULE="step", WARMUP_STEPS=2, LEARNING_RATE_STEPS=(0.5,))
    assert found == pytest.approx([0.1, 0.55, *[1] * 8, *[0.1] * 11])


def test_the_config_sets_the_rate_unless_it_is_constant_without_a_warm_up():
    config = Config()
    assert not has_schedule(config) and rate_of(config, 0.5, 10) == 0.5
    for name, value in (("WARMUP_STEPS", 3), ("LEARNING_RATE_SCHEDULE", "step")):
        config = Config()
        setattr(config, name, value)
        assert has_schedule(config) and callable(rate_of(config, 0.5, 10))


@pytest.mark.parametrize(
    "schedule", [WarmupCosine(0.5, 4, 24), Warmup(0.5, 4), WarmupDrops(0.5, 4, [6, 14], 0.2)]
)
def test_a_saved_schedule_is_the_same_schedule(schedule):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    for step in (0, 3, 4, 14, 24):
        assert float(again(step)) == float(schedule(step))
