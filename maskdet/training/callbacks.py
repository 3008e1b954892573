"""What happens beside the steps: progress, checkpoints, logs, and stopping at the cause."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm.auto import tqdm

from maskdet.errors import UsageError
from maskdet.files import write_whole


class StageProgress(keras.callbacks.Callback):
    """One bar over all steps of a stage, with the time left and the present loss.

    Args:
        label: what the bar is called.
        steps: steps of the whole stage.
    """

    def __init__(self, label: str, steps: int) -> None:
        super().__init__()
        self.label, self.steps = label, steps
        self.bar: tqdm | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.bar = tqdm(total=self.steps, desc=self.label, unit="step", smoothing=0.05)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.bar is not None:
            self.bar.update(1)
            self.bar.set_postfix_str(f"loss {float((logs or {}).get('loss', math.nan)):.3f}", False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.bar is not None and "val_loss" in (logs or {}):
            loss, val_loss = float(logs["loss"]), float(logs["val_loss"])  # type: ignore[index]
            self.bar.write(f"epoch {epoch + 1}: loss {loss:.3f}, val_loss {val_loss:.3f}")

    def on_train_end(self, logs: Any = None) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class SaveEachEpoch(keras.callbacks.Callback):
    """Calls ``save(epoch)`` after each epoch; epochs are counted from 1."""

    def __init__(self, save: Callable[[int], None]) -> None:
        super().__init__()
        self.save = save

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.save(epoch + 1)


class HistoryFile(keras.callbacks.Callback):
    """One CSV row an epoch, kept whole at every moment and continued by later stages.

    Args:
        path: the file; rows of earlier stages stay.
        stage: written into each row.
    """

    def __init__(self, path: Path, stage: str) -> None:
        super().__init__()
        self.path, self.stage = path, stage

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        rows = read_history(self.path)
        row = {"epoch": str(epoch + 1), "stage": self.stage}
        row |= {name: f"{float(value):.6g}" for name, value in (logs or {}).items()}
        rows = [old for old in rows if int(old["epoch"]) <= epoch] + [row]
        columns = list(dict.fromkeys(name for old in rows for name in old))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, text.getvalue())


def read_history(path: Path) -> list[dict[str, str]]:
    """Rows of a history file, oldest first; [] if there is none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


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
