"""A model that learns nothing in no time, for what a training does around it."""

from pathlib import Path

import pytest

from maskdet.jobs import training

EPOCHS = 2


class StandIn:
    """Notes what it is trained on; its checkpoint is an empty file."""

    made: "list[StandIn]" = []
    #: Raised by the next training, in its second epoch.
    error: BaseException | None = None

    def __init__(self, mode, config, model_dir):
        self.mode, self.config, self.model_dir = mode, config, Path(model_dir)
        self.epoch, self.start, self.parts = 0, None, {}
        self.log_dir = self.model_dir / "mine20260101T0000"
        StandIn.made.append(self)

    @property
    def checkpoint(self):
        return self.log_dir / f"stand_in_{self.epoch}.h5"

    def find_last(self):
        checkpoints = sorted(self.log_dir.glob("*.h5"))
        if not checkpoints:
            raise FileNotFoundError("There is no checkpoint.")
        return checkpoints[-1]

    def load_weights(self, weights, exclude=()):
        self.start = str(weights)
        if str(self.log_dir) in self.start:
            self.epoch = int(Path(weights).stem.rpartition("_")[2])

    def train(self, train, val, recipe):
        self.parts, self.recipe = {"train": train, "val": val}, recipe
        self.log_dir.mkdir(parents=True, exist_ok=True)
        while self.epoch < EPOCHS:
            error, StandIn.error = (StandIn.error, None) if self.epoch else (None, StandIn.error)
            if error is not None:
                raise error
            self.epoch += 1
            self.checkpoint.touch()

    def save_weights(self, path):
        Path(path).write_text(f"after {self.epoch} epochs")


@pytest.fixture
def stand_in(monkeypatch):
    """The models that were made, in order; nothing is evaluated."""
    monkeypatch.setattr(training, "family_class", lambda name: StandIn)
    monkeypatch.setattr(training, "_evaluated", lambda *arguments: None)
    monkeypatch.setattr(training, "_epochs", lambda *arguments: EPOCHS)
    monkeypatch.setattr(StandIn, "made", [])
    monkeypatch.setattr(StandIn, "error", None)
    return StandIn
