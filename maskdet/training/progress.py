"""How far a training is: a bar in a terminal or notebook, a line an epoch everywhere else."""

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

import keras

from maskdet.progress import is_watched, progress_bar, span, write_line

_VAL_LOSS = "val_loss"


class EpochClock(keras.callbacks.Callback):
    """How long epochs take; stands before whatever reads it.

    Args:
        batch_size: images a step.
    """

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self._begun = self._first = self._last = time.perf_counter()
        self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begun, self._steps = time.perf_counter(), 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._last = time.perf_counter()
        if not self._steps:
            self._first = self._last
        self._steps += 1

    @property
    def seconds(self) -> float:
        """Since the epoch began; validation and evaluation count."""
        return time.perf_counter() - self._begun

    @property
    def images_per_second(self) -> float:
        """Of the epoch's training steps. The first one is left out where there are others: it may
        hold the building of the graph."""
        if self._steps > 1:
            return (self._steps - 1) * self.batch_size / max(self._last - self._first, 1e-9)
        return self._steps * self.batch_size / max(self._last - self._begun, 1e-9)


class StageProgress(keras.callbacks.Callback):
    """How far a stage is, with losses, speed and the time left.

    In a terminal or notebook one bar over all steps, and a line for each evaluation; elsewhere
    (a file) a line on stderr after each epoch, since a bar there would be thousands
    of lines.

    Args:
        label: what the stage is called.
        steps: steps of the whole stage.
        epochs: epochs of it that are still to be done.
        clock: of the epochs; stands before this callback.
        with_bar: None: where somebody sees it.
        following: what comes after the stage, said behind the time left; empty for nothing.
    """

    def __init__(
        self,
        label: str,
        steps: int,
        epochs: int,
        clock: EpochClock,
        with_bar: bool | None = None,
        following: str = "",
    ) -> None:
        super().__init__()
        self.following = following
        self.label, self.steps, self.epochs, self.clock = label, steps, epochs, clock
        self.with_bar = is_watched() if with_bar is None else with_bar
        self.bar: Any = None
        self._begun = time.perf_counter()
        self._done = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._begun, self._done = time.perf_counter(), 0
        if self.with_bar:
            self.bar = progress_bar(None, self.label, self.steps, "step", smoothing=0.05)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.bar is not None:
            self.bar.update(1)
            # The sum first: where the terminal is narrow, the end is cut off.
            total, _, parts = losses_text(logs or {}).partition(" (")
            speed = f"{self.clock.images_per_second:.1f} images/s"
            self.bar.set_postfix_str(f"{total}, {speed}{f' ({parts}' if parts else ''}", False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        self._done += 1
        if self.bar is None:
            left = (time.perf_counter() - self._begun) / self._done * (self.epochs - self._done)
            print(
                f"{self.label}, epoch {epoch + 1}: {losses_text(logs)}{held_out_text(logs)}, "
                f"{self.clock.images_per_second:.1f} images/s, {span(self.clock.seconds)}, "
                f"{span(left)} left{self.following and f', then {self.following}'}",
                file=sys.stderr,
                flush=True,
            )
        elif len(held_out(logs)) > (_VAL_LOSS in logs):  # an evaluation: not each epoch has one
            loss = float(logs.get("loss", math.nan))
            write_line(f"epoch {epoch + 1}: loss {loss:.3f}{held_out_text(logs)}")

    def on_train_end(self, logs: Any = None) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def losses_text(logs: Mapping[str, Any]) -> str:
    """The sum and its parts, short: "loss 1.234 (rpn class 0.12, mrcnn mask 0.40)"."""
    parts = [
        f"{name.removesuffix('_loss').replace('_', ' ')} {float(value):.2f}"
        for name, value in logs.items()
        if name != "loss" and name.endswith("_loss") and not name.startswith("val_")
    ]
    total = f"loss {float(logs.get('loss', math.nan)):.3f}"
    return f"{total} ({', '.join(parts)})" if len(parts) > 1 else total


def held_out(logs: Mapping[str, Any]) -> dict[str, float]:
    """What the validation set says: its loss and the task's figures, without the loss's parts."""
    parts = {name.removeprefix("val_") for name in logs if not name.startswith("val_")} - {"loss"}
    return {
        name: float(value)
        for name, value in logs.items()
        if name.startswith("val_") and name.removeprefix("val_") not in parts
    }


def held_out_text(logs: Mapping[str, Any]) -> str:
    """:func:`held_out` behind a comma; "" where an epoch has nothing of it."""
    return "".join(f", {name} {value:.3f}" for name, value in held_out(logs).items())
