"""Optimizers with a rate for each layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from maskdet.base_config import BaseConfig
from maskdet.training.schedules import rate_of


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
    rate = rate_of(config, learning_rate, steps)
    clip = config.GRADIENT_CLIP_NORM or None
    optimizer: Any
    if config.OPTIMIZER == "adamw":
        optimizer = RatedAdamW(rate, weight_decay=config.WEIGHT_DECAY, global_clipnorm=clip)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    else:
        optimizer = RatedSGD(rate, momentum=config.LEARNING_MOMENTUM, clipnorm=clip)
    optimizer.rates = dict(rates)
    return optimizer
