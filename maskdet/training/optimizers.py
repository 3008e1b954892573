"""Optimizers with a rate for each layer, and the schedules of a stage."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from maskdet.base_config import BaseConfig


class _Rated:
    """Mixin: multiplies the learning rate of single variables; ``rates`` is by variable path."""

    rates: Mapping[str, float] = {}

    @property
    def lr(self) -> Any:
        """The learning rate under Keras 2's name, which callbacks of old scripts read and set."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    _rate_by_index: Sequence[float] = ()

    def build(self, variables: Sequence[Any]) -> None:
        super().build(variables)  # type: ignore[misc]
        self._rate_by_index = tuple(self.rates.get(v.path, 1.0) for v in variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # On TensorFlow the variable arrives without its path, but every optimizer knows its index.
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]
        rate = self._rate_by_index[index]
        super().update_step(gradient, variable, learning_rate * rate)  # type: ignore[misc]


class RatedSGD(_Rated, keras.optimizers.SGD):
    """SGD with momentum and a rate for each variable."""


class RatedAdamW(_Rated, keras.optimizers.AdamW):
    """AdamW (Loshchilov and Hutter 2019) with a rate for each variable."""


@keras.saving.register_keras_serializable("maskdet")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """From a tenth up to ``peak`` in ``warmup`` steps; then flat, or down to a hundredth.

    Args:
        peak: the highest rate.
        warmup: steps of the rise.
        total: steps of the stage; None keeps the rate at its peak after the rise.
    """

    def __init__(self, peak: float, warmup: int, total: int | None) -> None:
        super().__init__()
        self.peak, self.warmup, self.total = float(peak), int(warmup), total

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rise = 0.1 + 0.9 * ops.minimum(step / max(self.warmup, 1), 1.0)
        if self.total is None:
            return self.peak * rise
        done = ops.clip((step - self.warmup) / max(self.total - self.warmup, 1), 0.0, 1.0)
        fall = 0.01 + 0.99 * 0.5 * (1.0 + ops.cos(math.pi * done))
        return self.peak * ops.minimum(rise, 1.0) * fall

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total}


def has_schedule(config: BaseConfig) -> bool:
    """Whether the Config changes the rate within a stage, so that nobody else can."""
    return config.LEARNING_RATE_SCHEDULE == "cosine" or bool(config.WARMUP_STEPS)


def make_optimizer(
    config: BaseConfig, learning_rate: float, steps: int, rates: Mapping[str, float]
) -> keras.optimizers.Optimizer:
    """The optimizer of a stage.

    Args:
        config: OPTIMIZER, LEARNING_RATE_SCHEDULE, WARMUP_STEPS, GRADIENT_CLIP_NORM and the rest.
        learning_rate: the stage's (highest) rate.
        steps: the stage's length.
        rates: share of the rate by variable path, 1 where absent.
    """
    rate: Any = learning_rate
    if has_schedule(config):
        cosine = config.LEARNING_RATE_SCHEDULE == "cosine"
        warmup = min(config.WARMUP_STEPS, steps // 5)
        rate = WarmupCosine(learning_rate, warmup, steps if cosine else None)
    clip = config.GRADIENT_CLIP_NORM or None
    optimizer: Any
    if config.OPTIMIZER == "adamw":
        optimizer = RatedAdamW(rate, weight_decay=config.WEIGHT_DECAY, global_clipnorm=clip)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    else:
        optimizer = RatedSGD(rate, momentum=config.LEARNING_MOMENTUM, clipnorm=clip)
    optimizer.rates = dict(rates)
    return optimizer
