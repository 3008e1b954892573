"""Optimizers with a rate for each layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from maskdet.base_config import BaseConfig
from maskdet.training.schedules import rate_of

#: The last part of the names of what norms and biases train: decay would only hold them back.
_NOT_DECAYED = frozenset({"gamma", "beta", "bias", "scale"})


class _Rated:
    """Mixin: multiplies the learning rate of single variables; ``rates`` is by variable path.

    A variable decays by its own rate, not by the optimizer's as Keras has it: what moves at a fifth
    of the rate is pulled to 0 at a fifth of it (Loshchilov and Hutter 2019, algorithm 2, where one
    factor scales both).
    """

    rates: Mapping[str, float] = {}

    @property
    def lr(self) -> Any:
        """The learning rate under Keras 2's name, which callbacks of old scripts read and set."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    # By the variable's number: on TensorFlow a step gets variables without their path, or with the
    # layer's name in theirs, but every optimizer knows their numbers.
    _rate_by_index: Sequence[float] = ()
    _decays_by_index: Sequence[bool] = ()

    def build(self, variables: Sequence[Any]) -> None:
        super().build(variables)  # type: ignore[misc]
        self._rate_by_index = tuple(self.rates.get(v.path, 1.0) for v in variables)
        self._decays_by_index = tuple(is_decayed(v) for v in variables)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Nothing: each variable decays in its own step."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]
        rate = learning_rate * self._rate_by_index[index]
        decay = self.weight_decay  # type: ignore[attr-defined]
        if decay and self._decays_by_index[index]:
            self.assign_sub(variable, variable * decay * rate)  # type: ignore[attr-defined]
        super().update_step(gradient, variable, rate)  # type: ignore[misc]


class RatedSGD(_Rated, keras.optimizers.SGD):
    """SGD with momentum and a rate for each variable."""


class RatedAdamW(_Rated, keras.optimizers.AdamW):
    """AdamW (Loshchilov and Hutter 2019) with a rate for each variable."""


def is_decayed(variable: keras.Variable) -> bool:
    """Whether weight decay is for a variable: not for biases and what norms train."""
    name = variable.path.split("/")[-1]
    return name not in _NOT_DECAYED and not name.endswith("_bias")


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
    else:
        optimizer = RatedSGD(rate, momentum=config.LEARNING_MOMENTUM, clipnorm=clip)
    optimizer.rates = dict(rates)
    return optimizer
