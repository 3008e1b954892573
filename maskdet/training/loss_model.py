"""The model that Keras fits: a family's training network with its losses."""

from typing import Any

import keras
from keras import ops

from maskdet.config import Config
from maskdet.family import Family
from maskdet.training.devices import replicas


class LossModel(keras.Model):
    """A functional model whose loss is the weighted sum of a family's losses.

    Made by :func:`make_loss_model`. Each loss is also a metric of its own name, and ``loss`` is
    the sum.
    """

    family: Family
    settings: Config

    def track_losses(self, family: Family, config: Config, names: list[str]) -> None:
        """Set what the losses are; ``names`` decides their order in logs."""
        self.family = family
        self.settings = config
        self._parts = {name: keras.metrics.Mean(name=name) for name in names}
        self._decayed: list[Any] = []

    def decay(self, variables: list[Any]) -> None:
        """Add matterport's L2 term for these variables: WEIGHT_DECAY * mean(w ** 2) each."""
        self._decayed = variables

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        losses = self.family.losses(y_pred, self.settings)
        total = ops.zeros(())
        for name, loss in losses.items():
            self._parts[name].update_state(loss)
            total = total + loss * self.settings.LOSS_WEIGHTS.get(name, 1.0)
        for variable in self._decayed:
            total = total + self.settings.WEIGHT_DECAY * ops.mean(ops.square(variable))
        # Gradients of copies on several devices are added up.
        return total / replicas(self)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return self.get_metrics_result()


def make_loss_model(
    network: keras.Model, family: Family, config: Config, with_masks: bool
) -> LossModel:
    """The fitted model over a training network's layers (shared, not copied)."""
    inputs, outputs = family.training_outputs(network, with_masks)
    model = LossModel(inputs=inputs, outputs=outputs, name=f"{network.name}_training")
    model.track_losses(family, config, family.loss_names(with_masks))
    return model
