"""The model that Keras fits: a family's training network with its losses."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from maskdet.base_config import BaseConfig
from maskdet.convolutions.winograd import winograd_convolutions
from maskdet.family import Family
from maskdet.training.devices import replicas
from maskdet.training.step import watched_step


def weighted_sum(losses: Mapping[str, Any], config: BaseConfig, decayed: Iterable[Any] = ()) -> Any:
    """What is minimised: losses by LOSS_WEIGHTS, and matterport's L2 term of some variables.

    Args:
        losses: scalars by name; one that LOSS_WEIGHTS does not name counts once.
        decayed: variables w that add WEIGHT_DECAY * mean(w ** 2) each.
    """
    total = ops.zeros(())
    for name, loss in losses.items():
        total = total + loss * config.LOSS_WEIGHTS.get(name, 1.0)
    for variable in decayed:
        total = total + config.WEIGHT_DECAY * ops.mean(ops.square(variable))
    return total


@dataclass(frozen=True)
class WeightFiles:
    """How weights of the fitted network are written and read by callbacks such as ModelCheckpoint.

    Attributes:
        write: takes a path.
        read: takes a path.
    """

    write: Callable[[str], Any]
    read: Callable[[str], Any]


class LossModel(keras.Model):
    """A functional model whose loss is the weighted sum of a family's losses.

    Made by :func:`make_loss_model`. Each loss is also a metric of its own name, and ``loss`` is
    the sum.
    """

    family: Family
    settings: BaseConfig
    #: What writes and what reads weights of the fitted network; None: Keras' own.
    weight_files: "WeightFiles | None" = None

    def track_losses(self, family: Family, config: BaseConfig, names: list[str]) -> None:
        """Set what the losses are; ``names`` decides their order in logs."""
        self.family = family
        self.settings = config
        self._parts = {name: keras.metrics.Mean(name=name) for name in names}
        self._decayed: list[Any] = []

    def decay(self, variables: list[Any]) -> None:
        """Add matterport's L2 term for these variables: WEIGHT_DECAY * mean(w ** 2) each."""
        self._decayed = variables

    def save_weights(self, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        """Those of the fitted network in the library's layout, which ``load_weights`` reads."""
        if self.weight_files is None:
            super().save_weights(filepath, overwrite, **options)
        elif overwrite or not os.path.exists(filepath):
            self.weight_files.write(filepath)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **options: Any) -> None:
        """What :meth:`save_weights` wrote."""
        if self.weight_files is None:
            super().load_weights(filepath, skip_mismatch, **options)
        else:
            self.weight_files.read(filepath)

    def train_step(self, *arguments: Any) -> Any:
        """Keras' step; on TensorFlow one whose graph leaves frozen layers' gradients out."""
        if keras.backend.backend() != "tensorflow" or replicas(self) > 1:
            return super().train_step(*arguments)
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(*arguments)
        with winograd_convolutions():
            return watched_step(self, inputs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        losses = self.family.losses(y_pred, self.settings)
        for name, loss in losses.items():
            self._parts[name].update_state(loss)
        total = weighted_sum(losses, self.settings, self._decayed)
        # Gradients of copies on several devices are added up.
        return total / replicas(self)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return self.get_metrics_result()


def make_loss_model(
    network: keras.Model, family: Family, config: BaseConfig, lessons: frozenset[str]
) -> LossModel:
    """The fitted model over a training network's layers (shared, not copied).

    Args:
        lessons: what the set to train on teaches, see :meth:`maskdet.tasks.task.Task.lessons`.
    """
    inputs, tensors = family.training_outputs(network, lessons)
    model = LossModel(inputs=inputs, outputs=tensors, name=f"{network.name}_training")
    model.track_losses(family, config, family.loss_names(lessons))
    return model
