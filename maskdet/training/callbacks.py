"""What happens beside the steps: checkpoints, and stopping at the cause."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maskdet.errors import UsageError


class SaveEachEpoch(keras.callbacks.Callback):
    """Calls ``save(epoch, logs)`` after each epoch; epochs are counted from 1.

    What ``save`` adds to the logs reaches the callbacks behind this one.
    """

    def __init__(self, save: Callable[[int, dict[str, Any]], Any]) -> None:
        super().__init__()
        self.save = save

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.save(epoch + 1, {} if logs is None else logs)


class StopAtNonFinite(keras.callbacks.Callback):
    """Stops at the first loss or weight that is not a number, and says which and for which images.

    The network then has the weights again that it had after the last epoch, or at first. Weights
    that are no numbers never reach the callbacks behind this one, which write checkpoints.

    Args:
        network: whose weights are watched and kept.
        names_of_batch: step within the stage -> references of that batch's images.
        checkpoint: a file with the weights that the network has now; None where there is none.

    Attributes:
        checkpoint: a file with the kept weights; whoever writes one says so.
    """

    def __init__(
        self,
        network: keras.Model,
        names_of_batch: Callable[[int], list[str]],
        checkpoint: Path | None = None,
    ) -> None:
        super().__init__()
        self.network, self.names_of_batch, self.checkpoint = network, names_of_batch, checkpoint
        self.kept = network.get_weights()
        self.seen = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.seen += 1
        broken = [name for name, value in (logs or {}).items() if not math.isfinite(float(value))]
        if broken:
            parts = [name for name in broken if name != "loss"] or broken
            self._stop(f"{parts[0]} is not a finite number in step {self.seen}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        weights = self.network.get_weights()
        for variable, value in zip(self.network.weights, weights, strict=True):
            if not np.isfinite(value).all():
                self._stop(f"{variable.path} is not finite any more after step {self.seen}")
        self.kept = weights

    def _stop(self, what: str) -> None:
        self.network.set_weights(self.kept)
        images = ", ".join(self.names_of_batch(self.seen - 1))
        origin = f"of {self.checkpoint}" if self.checkpoint else "that this call began with"
        raise UsageError(
            f"Training diverged: {what} (images {images}); the network has the weights {origin} "
            "again: lower the learning rate, or look at these images' boxes, and train on."
        )
