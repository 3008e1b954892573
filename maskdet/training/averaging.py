"""Averaged weights in the network wherever somebody looks at it: scores, checkpoints, the end."""

from typing import Any

import keras
import numpy as np
from keras import ops


class AveragedWeights(keras.callbacks.Callback):
    """The optimizer's averages stand in the network between an epoch's last and the next's first
    step; steps go on from the raw weights.

    Nothing where the optimizer averages none. Weights that do not train stay as they are, and
    moving statistics of batch norms, which are averages themselves, are always the present ones.
    First in the list of callbacks, so that all others see the averages. (Keras' SwapEMAWeights
    swaps by adding and subtracting, which rounds, and puts raw weights back after validation.)

    Args:
        model: with its optimizer.

    Attributes:
        raw: the weights that steps go on from, by the number of their variable, while averages
            stand in the network; empty at all other times.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.set_model(model)
        self.raw: list[np.ndarray] = []

    def put_in(self) -> None:
        """Averages into the network, raw weights aside; nothing where that is done."""
        optimizer = self.model.optimizer
        if optimizer.use_ema and not self.raw:
            variables = self.model.trainable_variables
            self.raw = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
            optimizer.finalize_variable_values(variables)

    def on_test_begin(self, logs: Any = None) -> None:
        self.put_in()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.put_in()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.raw:
            for variable, value in zip(self.model.trainable_variables, self.raw, strict=True):
                variable.assign(value)
            self.raw = []
