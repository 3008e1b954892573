"""Optimizers with a rate for each layer and averages of the weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from maskdet.base_config import BaseConfig
from maskdet.training.grouped import Grouped
from maskdet.training.schedules import rate_of

#: The last part of the names of what norms and biases train: decay would only hold them back.
_NOT_DECAYED = frozenset({"gamma", "beta", "bias", "scale"})


class _Rated(Grouped):
    """Mixin: multiplies the learning rate of single variables; ``rates`` is by variable path.

    A variable decays by its own rate, not by the optimizer's as Keras has it: what moves at a fifth
    of the rate is pulled to 0 at a fifth of it (Loshchilov and Hutter 2019, algorithm 2, where one
    factor scales both).

    With ``use_ema`` an average follows each variable, at first in longer strides, so that it is not
    held back by where it began: the momentum of step t is min(ema_momentum, (1 + t) / (10 + t)),
    TensorFlow's rule for ExponentialMovingAverage with ``num_updates``.
    """

    rates: Mapping[str, float] = {}

    # Of Keras' optimizers, which this class stands before.
    ema_momentum: float
    weight_decay: float | None
    iterations: Any
    learning_rate: Any
    assign_add: Callable[[Any, Any], None]
    assign_sub: Callable[[Any, Any], None]
    _get_variable_index: Callable[[Any], int]

    @property
    def lr(self) -> Any:
        """The learning rate under Keras 2's name, which callbacks of old scripts read and set."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    # By the group's number: on TensorFlow a step gets variables without their path, or with the
    # layer's name in theirs, but every optimizer knows their numbers.
    _kinds: Sequence[tuple[float, bool]] = ()

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        kinds = [(float(self.rates.get(v.path, 1.0)), is_decayed(v)) for v in variables]
        stand_ins = self.group(variables, kinds)
        super().build(stand_ins)  # type: ignore[misc]
        self._kinds = tuple(kinds[group.numbers[0]] for group in self.groups)
        if self.use_ema:
            # Not from Keras' zeros: a stage may go on in its middle without what it knew.
            averages = self._model_variables_moving_average
            for group, average in zip(self.groups, averages, strict=True):
                average.assign(group.joined(group.variables))

    def shares(self) -> list[float]:
        """Each variable's share of the rate, in the order this was built with."""
        pairs = zip(self.groups, self._kinds, strict=True)
        by_number = {number: rate for group, (rate, _) in pairs for number in group.numbers}
        return [by_number[number] for number in range(len(by_number))]

    # Both nothing: a variable decays, and its average follows, in the variable's own step.
    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        pass

    def _update_model_variables_moving_average(self, trainable_variables: Sequence[Any]) -> None:
        pass

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        share, decays = self._kinds[index]
        rate = learning_rate * share
        if self.weight_decay and decays:
            self.assign_sub(variable, variable * self.weight_decay * rate)
        super().update_step(gradient, variable, rate)  # type: ignore[misc]
        if self.use_ema:
            self._follow(self._model_variables_moving_average[index], variable)

    def _follow(self, average: Any, variable: Any) -> None:
        """Take an average on after a step; what has not moved leaves it bit for bit."""
        step = ops.cast(self.iterations, variable.dtype)
        momentum = ops.minimum(self.ema_momentum, (1.0 + step) / (10.0 + step))
        self.assign_add(average, (1.0 - momentum) * (variable - average))


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
        config: OPTIMIZER, LEARNING_RATE_SCHEDULE, WARMUP_STEPS, GRADIENT_CLIP_NORM, EMA_DECAY,
            GRADIENT_ACCUMULATION and the rest.
        learning_rate: the stage's (highest) rate.
        steps: the stage's length in batches.
        rates: share of the rate by variable path, 1 where absent.
    """
    batches = int(config.GRADIENT_ACCUMULATION)
    rate = rate_of(config, learning_rate, steps)  # Keras asks for it by the number of the batch
    clip = config.GRADIENT_CLIP_NORM or None
    options: dict[str, Any] = {
        "use_ema": config.EMA_DECAY > 0,
        "ema_momentum": config.EMA_DECAY,
        "gradient_accumulation_steps": batches if batches > 1 else None,
    }
    optimizer: Any
    if config.OPTIMIZER == "adamw":
        decay = config.WEIGHT_DECAY
        optimizer = RatedAdamW(rate, weight_decay=decay, global_clipnorm=clip, **options)
    else:
        momentum = config.LEARNING_MOMENTUM
        optimizer = RatedSGD(rate, momentum=momentum, clipnorm=clip, **options)
    optimizer.rates = dict(rates)
    return optimizer
