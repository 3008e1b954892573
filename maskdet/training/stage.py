"""A stage: chosen layers, one optimizer and one schedule, from one epoch to another."""

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from maskdet.base_config import BaseConfig
from maskdet.errors import UsageError
from maskdet.training.schedules import has_schedule

#: Keras' callbacks that set the optimizer's rate.
RATE_CALLBACKS = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)


@dataclass(frozen=True)
class Stage:
    """What a stage trains, and from which epoch to which.

    Attributes:
        layers: a word of the family's stages or a regular expression.
        learning_rate: the (highest) rate.
        first_epoch: epochs done when the stage began; its schedule counts from there.
        last_epoch: epochs done after it; the total, not the difference.
        epoch: epochs done now: ``first_epoch``, or more where a stage that was cut goes on.
        callbacks: the user's.
        following: what a training has still to do afterwards, in words; empty for nothing.
    """

    layers: str
    learning_rate: float
    first_epoch: int
    last_epoch: int
    epoch: int
    callbacks: Sequence[keras.callbacks.Callback] = field(default_factory=list)
    following: str = ""

    @property
    def epochs(self) -> int:
        """Of the whole stage, which its schedule is stretched over."""
        return self.last_epoch - self.first_epoch

    @property
    def continued(self) -> bool:
        """Whether a part of the stage is done already."""
        return self.epoch > self.first_epoch

    def facts(self) -> dict[str, Any]:
        """What stands beside weights, so that a cut stage can go on: see :func:`planned`."""
        return {
            "layers": self.layers,
            "learning_rate": self.learning_rate,
            "first_epoch": self.first_epoch,
            "last_epoch": self.last_epoch,
        }


def planned(
    layers: str,
    learning_rate: float,
    epoch: int,
    last_epoch: int,
    cut: Mapping[str, Any] | None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    following: str = "",
) -> Stage:
    """The stage that a call of train() means.

    It goes on with the stage in which the weights were cut, if layers and rate are the same;
    otherwise it is a new one.

    Args:
        epoch: epochs done.
        last_epoch: epochs to be done.
        cut: :meth:`Stage.facts` of the stage that the weights come from; None where nobody knows.
        callbacks, following: see :class:`Stage`.

    Raises:
        UsageError: for a rate that is no number.
    """
    if isinstance(learning_rate, bool) or not isinstance(learning_rate, numbers.Real):
        raise UsageError(
            f"learning_rate is {learning_rate!r}; give the stage's highest rate as a number: its "
            "course is Config.LEARNING_RATE_SCHEDULE."
        )
    if not (math.isfinite(learning_rate) and learning_rate >= 0):
        raise UsageError(f"learning_rate is {learning_rate!r}; give a number such as 0.001.")
    same = (
        cut is not None
        and (cut.get("layers"), cut.get("learning_rate")) == (layers, learning_rate)
        and int(cut["first_epoch"]) < epoch < int(cut["last_epoch"])
    )
    first_epoch = int(cut["first_epoch"]) if same and cut is not None else epoch
    rate = float(learning_rate)
    return Stage(layers, rate, first_epoch, last_epoch, epoch, list(callbacks), following)


def checked_callbacks(callbacks: Any, config: BaseConfig) -> list[keras.callbacks.Callback]:
    """The user's callbacks as a list; a single one may come without.

    Raises:
        UsageError: for something else, and for callbacks that set the rate where the Config's
            schedule does.
    """
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    listed = list(callbacks or ())
    for callback in listed:
        if not isinstance(callback, keras.callbacks.Callback):
            raise UsageError(f"custom_callbacks has {callback!r}, which is no Keras callback.")
        if isinstance(callback, RATE_CALLBACKS) and has_schedule(config):
            raise UsageError(
                f"custom_callbacks has a {type(callback).__name__}, but the Config sets the rate: "
                'LEARNING_RATE_SCHEDULE = "constant" and WARMUP_STEPS = 0 leave it to callbacks.'
            )
    return listed
