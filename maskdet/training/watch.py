"""Evaluations during a training: when they are made, which weights are the best, when to stop."""

import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from maskdet.base_config import BaseConfig
from maskdet.errors import MaskdetWarning
from maskdet.files import write_whole
from maskdet.progress import write_line
from maskdet.trained import Trained
from maskdet.training.checkpoints import remove_old_checkpoints
from maskdet.training.logs import HISTORY_FILE, read_history
from maskdet.training.stage import Stage

BEST_FILE = "best.h5"
_STOPS_FILE = "stopped_stages.json"


class Evaluate(Protocol):
    """What scores weights on the validation set; whoever trains hands it in."""

    def __call__(self, trained: Trained, picture: Path | None) -> dict[str, float]:
        """Figures by their names in logs, the one that decides first.

        Args:
            trained: the training network with the weights to score.
            picture: where a sheet of photos with results goes; None for none.
        """
        ...


@dataclass(frozen=True)
class WeightNotes:
    """How weights are written, and what is known of written ones.

    Attributes:
        write: takes weights and a path.
        read: takes a path and gives the facts of the file there.
    """

    write: Callable[[Trained, Path], Any]
    read: Callable[[Path], Mapping[str, Any]]


@dataclass(frozen=True)
class Best:
    """The best evaluation of a log folder.

    Attributes:
        epoch: after which it was made.
        figure: name in logs of the figure that decides.
        value: of the figure.
    """

    epoch: int
    figure: str
    value: float

    @classmethod
    def known(cls, facts: Mapping[str, Any]) -> "Best | None":
        """What the facts of a best.h5 say, or None where they do not."""
        evaluation = facts.get("evaluation")
        if evaluation is None:
            return None
        figure = evaluation["decided_by"]
        return cls(int(facts["epoch"]), figure, float(evaluation["figures"][figure]))

    def sentence(self, epochs: int) -> str:
        """What is said after so many epochs."""
        return (
            f"The best weights so far are those of epoch {self.epoch} of {epochs} "
            f"({self.figure} {self.value:.3f})"
        )


class Watch:
    """Looks after a stage: evaluates, keeps the best weights as best.h5, says when to stop, and
    removes checkpoints that are not to be kept.

    Args:
        evaluate: None where nothing is evaluated.
        notes: of weight files.
        log_dir: of the training.
        stage: that is watched.
        config: says how often, how patiently, and what is kept.
    """

    def __init__(
        self,
        evaluate: Evaluate | None,
        notes: WeightNotes,
        log_dir: Path,
        stage: Stage,
        config: BaseConfig,
    ) -> None:
        self.evaluate, self.notes, self.config = evaluate, notes, config
        self.log_dir, self.stage = log_dir, stage
        self._said = False
        best = known_best(log_dir, notes)
        # A best of later epochs belongs to a course that this training takes anew.
        self.best = best if best is not None and best.epoch <= stage.epoch else None

    def epoch_done(self, trained: Trained, logs: dict[str, Any]) -> bool:
        """To be called when an epoch's checkpoint is written; whether the stage should stop.

        Args:
            trained: with the checkpoint's weights and facts.
            logs: of the epoch; the figures of an evaluation join them.
        """
        epoch = trained.facts.epoch
        stop = self._is_due(epoch) and self._evaluated(trained, logs)
        best_epoch = None if self.best is None else self.best.epoch
        remove_old_checkpoints(self.log_dir, trained.family.name, self.config, epoch, best_epoch)
        return stop

    def _is_due(self, epoch: int) -> bool:
        every = self.config.EVALUATE_EVERY
        return bool(every) and (epoch % every == 0 or epoch == self.stage.last_epoch)

    def _evaluated(self, trained: Trained, logs: dict[str, Any]) -> bool:
        assert self.evaluate is not None
        epoch = trained.facts.epoch
        picture = self.log_dir / f"evaluation_{epoch:04d}.jpg"
        figures = self.evaluate(trained, picture if self.config.EVALUATION_PICTURES else None)
        # As history files hold them: a training that goes on from there compares the same numbers.
        figures = {name: float(f"{value:.6g}") for name, value in figures.items()}
        logs.update(figures)
        name, value = next(iter(figures.items()))
        if math.isnan(value):
            self._say_nothing_to_find(name, epoch)
            return False
        if self.best is None or self.best.figure != name or value > self.best.value:
            self.best = Best(epoch, name, value)
            evaluation = {"decided_by": name, "figures": figures}
            self.notes.write(trained.with_facts(evaluation=evaluation), self.log_dir / BEST_FILE)
        return self._is_out_of_patience(epoch, name, value)

    def _say_nothing_to_find(self, name: str, epoch: int) -> None:
        if not self._said:
            self._said = True
            warnings.warn(
                f"{name} after epoch {epoch} is not a number: the validation set has nothing to "
                "find, so no weights are the best; validate on photos with objects.",
                MaskdetWarning,
                stacklevel=2,
            )

    def _is_out_of_patience(self, epoch: int, name: str, value: float) -> bool:
        """Whether the stage's own best is PATIENCE evaluations old.

        Earlier evaluations are read from the history file, so a training that was cut counts on.
        """
        patience = self.config.PATIENCE
        first = self.stage.first_epoch
        evaluations = [
            (int(row["epoch"]), float(row[name]))
            for row in read_history(self.log_dir / HISTORY_FILE)
            if first < int(row["epoch"]) < epoch and row.get(name) and row[name] != "nan"
        ]
        evaluations.append((epoch, value))
        best = max(range(len(evaluations)), key=lambda i: evaluations[i][1])  # the first of equals
        without_better = len(evaluations) - 1 - best
        if not patience or without_better < patience or epoch == self.stage.last_epoch:
            return False
        best_epoch, best_value = evaluations[best]
        write_line(
            f"Stage {self.stage.layers!r} stops after epoch {epoch} of {self.stage.last_epoch}: "
            f"{without_better} evaluations brought no better {name} than {best_value:.3f} of epoch "
            f"{best_epoch} (PATIENCE)."
        )
        note_stop(self.log_dir, self.stage, epoch)
        return True


def known_best(log_dir: Path, notes: WeightNotes) -> Best | None:
    """The best evaluation of a log folder; None where there was none."""
    path = log_dir / BEST_FILE
    return Best.known(notes.read(path)) if path.is_file() else None


def note_stop(log_dir: Path, stage: Stage, epoch: int) -> None:
    """Write down that a stage stopped before its last epoch."""
    stops = [stop for stop in read_stops(log_dir) if stop["epoch"] < epoch]
    stops.append({**stage.facts(), "epoch": epoch})
    write_whole(log_dir / _STOPS_FILE, json.dumps(stops, indent=1) + "\n")


def read_stops(log_dir: Path) -> list[dict[str, Any]]:
    """Stages of a log folder that stopped early: their facts and the "epoch" of the stop."""
    path = log_dir / _STOPS_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def stopped_epoch(
    log_dir: Path, layers: str, learning_rate: float, last_epoch: int, epoch: int
) -> int | None:
    """The epoch after which a stage has stopped already, or None.

    A script that is run again after a cut calls its stages from the first; one that stopped early
    looks unfinished by its number of epochs, and must not be taken up again.

    Args:
        last_epoch: of the stage as it was called for.
        epoch: epochs done now.
    """
    wanted = (layers, learning_rate, last_epoch)
    for stop in read_stops(log_dir):
        called = (stop["layers"], stop["learning_rate"], stop["last_epoch"])
        if called == wanted and stop["epoch"] <= epoch:
            return int(stop["epoch"])
    return None
