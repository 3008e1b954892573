"""The course of the learning rate over a stage."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from maskdet.base_config import BaseConfig


@keras.saving.register_keras_serializable("maskdet")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """From a tenth up to ``peak`` in ``warmup`` steps, then flat (Goyal et al. 2017, section 2.2).

    Args:
        peak: the highest rate.
        warmup: steps of the rise; 0: the stage begins at its peak.
    """

    def __init__(self, peak: float, warmup: int) -> None:
        super().__init__()
        self.peak, self.warmup = float(peak), int(warmup)

    def __call__(self, step: Any) -> Any:
        """The rate of a step, counted from 0; a scalar float32."""
        step = ops.cast(step, "float32")
        return self.peak * self._rise(step) * self._fall(step)

    def _rise(self, step: Any) -> Any:
        if self.warmup == 0:
            return ops.ones_like(step)
        return 0.1 + 0.9 * ops.minimum(step / self.warmup, 1.0)

    def _fall(self, step: Any) -> Any:
        return ops.ones_like(step)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup": self.warmup}


@keras.saving.register_keras_serializable("maskdet")
class WarmupCosine(Warmup):
    """After the rise half a cosine down to a hundredth (Loshchilov and Hutter 2017, equation 5).

    Args:
        peak: the highest rate.
        warmup: steps of the rise; 0: the stage begins at its peak.
        total: steps of the stage.
    """

    def __init__(self, peak: float, warmup: int, total: int) -> None:
        super().__init__(peak, warmup)
        self.total = int(total)

    def _fall(self, step: Any) -> Any:
        done = ops.clip((step - self.warmup) / max(self.total - self.warmup, 1), 0.0, 1.0)
        return 0.01 + 0.99 * 0.5 * (1.0 + ops.cos(math.pi * done))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "total": self.total}


@keras.saving.register_keras_serializable("maskdet")
class WarmupDrops(Warmup):
    """After the rise flat, but for drops (He et al. 2017, section 3.1, has one).

    Args:
        peak: the highest rate.
        warmup: steps of the rise; 0: the stage begins at its peak.
        drops: steps from which on the rate is multiplied by ``factor`` once more.
        factor: what a drop leaves of the rate.
    """

    def __init__(self, peak: float, warmup: int, drops: Sequence[int], factor: float) -> None:
        super().__init__(peak, warmup)
        self.drops, self.factor = [int(drop) for drop in drops], float(factor)

    def _fall(self, step: Any) -> Any:
        fall = ops.ones_like(step)
        for drop in self.drops:
            fall = fall * ops.where(step >= drop, self.factor, 1.0)
        return fall

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "drops": self.drops, "factor": self.factor}


def has_schedule(config: BaseConfig) -> bool:
    """Whether the Config changes the rate within a stage, so that nobody else can."""
    return config.LEARNING_RATE_SCHEDULE != "constant" or bool(config.WARMUP_STEPS)


def rate_of(config: BaseConfig, peak: float, steps: int) -> Any:
    """What an optimizer gets as its rate: a number where it stays, else a schedule.

    Args:
        config: LEARNING_RATE_SCHEDULE and what it needs, WARMUP_STEPS.
        peak: the stage's highest rate.
        steps: the stage's length.
    """
    if not has_schedule(config):
        return peak
    # Of a short stage a fifth at most, but a step where a warm-up is asked for.
    warmup = min(config.WARMUP_STEPS, max(steps // 5, 1))
    if config.LEARNING_RATE_SCHEDULE == "cosine":
        return WarmupCosine(peak, warmup, steps)
    if config.LEARNING_RATE_SCHEDULE == "step":
        drops = [round(share * steps) for share in config.LEARNING_RATE_STEPS]
        return WarmupDrops(peak, warmup, drops, config.LEARNING_RATE_DROP)
    return Warmup(peak, warmup)
