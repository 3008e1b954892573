"""The learning rates of a pipeline.config."""

import math
from itertools import pairwise
from typing import Any

from maskdet.models.ssd.pipeline_fields import Section, shortest

# The rises and falls of maskdet.training.schedules begin and end at these shares of the rate.
_WARM, _COLD = 0.1, 0.01


def take_rate(rate: Section, steps: int, config: Any) -> None:
    """LEARNING_RATE and its schedule over ``steps`` (0: not known) of ``learning_rate``."""
    kinds = {
        "constant_learning_rate": _constant,
        "exponential_decay_learning_rate": _exponential,
        "manual_step_learning_rate": _manual,
        "cosine_decay_learning_rate": _cosine,
    }
    name = next((name for name in kinds if rate.has(name)), "")
    config.LEARNING_RATE_SCHEDULE, config.WARMUP_STEPS = "constant", 0
    if name:
        kinds[name](rate.section(name), steps, config)
    elif rate.given:
        rate.nearest("", f"LEARNING_RATE = {config.LEARNING_RATE}: no such schedule here")


def _constant(rate: Section, steps: int, config: Any) -> None:
    config.LEARNING_RATE = rate.number("learning_rate", 0.002)
    rate.carried("", f"LEARNING_RATE = {config.LEARNING_RATE}, LEARNING_RATE_SCHEDULE = 'constant'")


def _exponential(rate: Section, steps: int, config: Any) -> None:
    config.LEARNING_RATE = rate.number("initial_learning_rate", 0.002)
    every = max(rate.whole("decay_steps", 4000000), 1)
    factor = rate.number("decay_factor", 0.95)
    staircase = rate.flag("staircase", True)
    config.WARMUP_STEPS = rate.whole("burnin_steps")
    rate.expect("a warm-up rises from a tenth", burnin_learning_rate=0.0)
    rate.expect("drops go on to the end", min_learning_rate=0.0)
    drops = list(range(every, steps, every))
    said = _take_drops(drops, factor, steps, config)
    if drops and not staircase:
        rate.nearest("", f"{said}: in steps, not evenly")
    else:
        rate.carried("", said if drops else f"{said}: no drop within num_steps")


def _take_drops(drops: list[int], factor: float, steps: int, config: Any) -> str:
    """A rate that is multiplied at each of these steps; what is said of it."""
    text = f"LEARNING_RATE = {config.LEARNING_RATE}"
    if config.WARMUP_STEPS:
        text += f", WARMUP_STEPS = {config.WARMUP_STEPS}"
    if not drops or not 0 < factor < 1:
        return f"{text}, LEARNING_RATE_SCHEDULE = 'constant'"
    config.LEARNING_RATE_SCHEDULE = "step"
    config.LEARNING_RATE_STEPS = tuple(step / steps for step in drops)
    config.LEARNING_RATE_DROP = factor
    return (
        f"{text}, LEARNING_RATE_SCHEDULE = 'step', LEARNING_RATE_STEPS of {len(drops)}, "
        f"LEARNING_RATE_DROP = {factor:g}"
    )


def _manual(rate: Section, steps: int, config: Any) -> None:
    rates = {0: rate.number("initial_learning_rate", 0.002)}
    for entry in rate.sections("schedule"):
        rates[entry.whole("step")] = entry.number("learning_rate", 0.002)
    if rate.flag("warmup"):
        rate.dropped("warmup", "a rise up to the first step; WARMUP_STEPS makes a shorter one")
    kept = {step: value for step, value in sorted(rates.items()) if step == 0 or step < steps}
    config.LEARNING_RATE = kept[0]
    drops, values = list(kept)[1:], list(kept.values())
    factors = [after / before if before else 0.0 for before, after in pairwise(values)]
    # Of drops that differ, the even one that ends at the same rate.
    even = shortest(math.prod(factors) ** (1 / len(factors))) if factors else 1.0
    said = _take_drops(drops, even, steps, config)
    if len(rates) > 1 and not steps:
        rate.nearest("", f"{said}: without num_steps nobody knows when to drop")
    elif all(math.isclose(factor, even, rel_tol=1e-3) for factor in factors):
        rate.carried("", said)
    else:
        rate.nearest("", f"{said}: drops are alike here")


def _cosine(rate: Section, steps: int, config: Any) -> None:
    base = rate.number("learning_rate_base", 0.002)
    total = rate.whole("total_steps", 4000000)
    warm = rate.number("warmup_learning_rate", 0.0002)
    config.LEARNING_RATE, config.LEARNING_RATE_SCHEDULE = base, "cosine"
    config.WARMUP_STEPS = rate.whole("warmup_steps", 10000)
    text = (
        f"LEARNING_RATE = {base}, LEARNING_RATE_SCHEDULE = 'cosine', WARMUP_STEPS = "
        f"{config.WARMUP_STEPS}"
    )
    rate.carried("", f"{text}, at most a fifth of the training; down to {_COLD:g} of the rate")
    if config.WARMUP_STEPS and not math.isclose(warm, base * _WARM, rel_tol=0.01):
        rate.nearest("warmup_learning_rate", f"{base * _WARM:g}: a warm-up rises from a tenth")
    if steps and total != steps:
        rate.nearest("total_steps", f"num_steps, {steps}: the cosine lasts as long as the training")
    rate.expect("the fall begins behind the warm-up", hold_base_rate_steps=0)
