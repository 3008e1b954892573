"""What a training needs beside its weights to go on as if it had never been cut.

One file beside each checkpoint: the optimizer's memory, how far its schedule is, the raw weights
where the checkpoint holds averages, and the states of the random generators in the network. The
order of photos and their augmentation need nothing: the loader works them out from the seed and the
number of the batch. Losing the file loses exactness.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maskdet.errors import WeightsError
from maskdet.files import write_whole
from maskdet.training.memory import memory_of, remember

_SUFFIX = ".state.npz"
_FORMAT = "maskdet.training_state"


@dataclass(frozen=True)
class TrainingState:
    """The memory of a training after an epoch.

    Attributes:
        stage: of :meth:`maskdet.training.stage.Stage.facts`.
        optimizer: its memory, see :func:`maskdet.training.memory.memory_of`.
        seeds: states of the network's random generators, in their order.
        raw: where the checkpoint holds averaged weights, those that the next step begins from, of
            the variables that train, in their order; else empty.
    """

    stage: Mapping[str, Any]
    optimizer: Mapping[str, np.ndarray]
    seeds: list[np.ndarray]
    raw: Sequence[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        stage: Mapping[str, Any],
        raw: Sequence[np.ndarray] = (),
    ) -> "TrainingState":
        """The present state of a training; ``raw`` where averages stand in the network."""
        memory = memory_of(optimizer)
        return cls(stage, memory, [np.asarray(v) for v in seed_variables(network)], list(raw))

    def restore_seeds(self, network: keras.Model) -> bool:
        """Put the random generators where they were; False, and nothing, where they do not fit."""
        variables = seed_variables(network)
        if [v.shape for v in self.seeds] != [tuple(v.shape) for v in variables]:
            return False
        for variable, value in zip(variables, self.seeds, strict=True):
            variable.assign(value)
        return True

    def restore_optimizer(self, model: keras.Model) -> bool:
        """Give a model's built optimizer its memory back, and the model raw weights for averages.

        False, and nothing, where they do not fit.
        """
        optimizer = model.optimizer
        trained = model.trainable_variables if optimizer.use_ema else []
        if [tuple(v.shape) for v in trained] != [value.shape for value in self.raw]:
            return False
        if not remember(optimizer, self.optimizer):
            return False
        for variable, value in zip(trained, self.raw, strict=True):
            variable.assign(value)
        return True

    def save(self, checkpoint: str | os.PathLike[str]) -> None:
        """Write the state beside a checkpoint, whole."""
        facts = {
            "format": _FORMAT,
            "version": 1,
            "checkpoint": _digest(checkpoint),
            "stage": dict(self.stage),
            "optimizer": list(self.optimizer),
            "seeds": len(self.seeds),
            "raw": len(self.raw),
        }
        arrays = {f"optimizer_{i}": value for i, value in enumerate(self.optimizer.values())}
        arrays |= {f"seed_{i}": value for i, value in enumerate(self.seeds)}
        arrays |= {f"raw_{i}": value for i, value in enumerate(self.raw)}
        content = io.BytesIO()
        np.savez(content, **{"facts": np.array(json.dumps(facts)), **arrays})  # type: ignore[arg-type]
        write_whole(state_path(checkpoint), content.getvalue())


def seed_variables(network: keras.Model) -> list[keras.Variable]:
    """States of the random generators in a network's layers."""
    weights = {id(variable) for variable in network.weights}
    return [variable for variable in network.variables if id(variable) not in weights]


def state_path(checkpoint: str | os.PathLike[str]) -> Path:
    """Where the state of a checkpoint lies: beside it."""
    return Path(f"{os.fspath(checkpoint)}{_SUFFIX}")


def load_state(checkpoint: str | os.PathLike[str]) -> TrainingState | None:
    """The state beside a checkpoint, or None where there is none.

    Raises:
        WeightsError: if it is damaged, or belongs to other weights.
    """
    path = state_path(checkpoint)
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as content, np.load(content, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"][()]))
            if facts["format"] != _FORMAT or int(facts["version"]) > 1:
                raise ValueError(f"its format is {facts['format']} {facts['version']}")
            memory = {key: file[f"optimizer_{i}"] for i, key in enumerate(facts["optimizer"])}
            seeds = [file[f"seed_{i}"] for i in range(int(facts["seeds"]))]
            raw = [file[f"raw_{i}"] for i in range(int(facts.get("raw", 0)))]
            stage, digest = dict(facts["stage"]), facts["checkpoint"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(f"The training state {path} is damaged ({error})") from error
    if digest != _digest(checkpoint):
        raise WeightsError(f"The training state {path} belongs to other weights than {checkpoint}")
    return TrainingState(stage, memory, seeds, raw)


def remove_old_states(log_dir: Path, count: int | None) -> None:
    """Leave the ``count`` newest states of a log folder; None leaves all."""
    if count is None:
        return
    paths = sorted(log_dir.glob(f"*{_SUFFIX}"))
    for path in paths[: max(0, len(paths) - count)]:
        path.unlink(missing_ok=True)


def _digest(path: str | os.PathLike[str]) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
