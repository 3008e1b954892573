"""What a training writes down of each epoch: two histories, and files for TensorBoard."""

import csv
import importlib.util
import io
import json
import math
from pathlib import Path
from typing import Any

import keras
from keras import ops

from maskdet.base_config import BaseConfig
from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.training.progress import EpochClock

HISTORY_FILE = "history.csv"
LINES_FILE = "history.jsonl"


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


class HistoryLines(keras.callbacks.Callback):
    """One JSON object an epoch, a line each, kept whole at every moment.

    Beside the CSV's values it has "learning_rate" (at the end of the epoch), "seconds" (of the
    whole epoch, validation and evaluation too) and "images_per_second" (of its training steps).
    What is no finite number is null.

    Args:
        path: the file; lines of earlier stages stay.
        stage: written into each line.
        clock: of the epochs; stands before this callback.
    """

    def __init__(self, path: Path, stage: str, clock: EpochClock) -> None:
        super().__init__()
        self.path, self.stage, self.clock = path, stage, clock

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        rate = ops.convert_to_numpy(self.model.optimizer.learning_rate)
        values = {
            "learning_rate": rate,
            "seconds": self.clock.seconds,
            "images_per_second": self.clock.images_per_second,
            **(logs or {}),
        }
        line = {"epoch": epoch + 1, "stage": self.stage}
        line |= {name: _finite(float(value)) for name, value in values.items()}
        lines = [old for old in read_lines(self.path) if int(old["epoch"]) <= epoch] + [line]
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in lines))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a history of :class:`HistoryLines`, oldest first; [] if there is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def tensorboard(log_dir: Path) -> keras.callbacks.Callback:
    """Keras' TensorBoard callback into a log folder."""
    # The graph of a detector takes minutes to write and tells little.
    return keras.callbacks.TensorBoard(str(log_dir), write_graph=False)


def check_tensorboard(config: BaseConfig) -> None:
    """Raises UsageError where the Config wants TensorBoard's files and the package is missing."""
    if config.TENSORBOARD and importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "TENSORBOARD is True, but the package tensorboard is not installed; run pip install "
            '"maskdet[tensorboard]", or set TENSORBOARD = False.'
        )
