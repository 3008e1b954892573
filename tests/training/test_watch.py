"""Promise: the best weights are kept, a stage stops when nothing gets better, what is not to be
kept goes, and a training that was cut does all this as if it had not been."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from maskdet.base_config import BaseConfig
from maskdet.errors import MaskdetWarning
from maskdet.trained import Facts, Trained
from maskdet.training.checkpoints import checkpoint_path, remove_old_checkpoints, sidecar_path
from maskdet.training.logs import HISTORY_FILE, HistoryFile, read_history
from maskdet.training.stage import planned
from maskdet.training.state import state_path
from maskdet.training.watch import (
    BEST_FILE,
    Best,
    Watch,
    WeightNotes,
    known_best,
    read_stops,
    stopped_epoch,
)

#: The files of weights without the weights.
NOTES = WeightNotes(
    lambda trained, path: path.write_text(
        json.dumps({"epoch": trained.facts.epoch, "evaluation": trained.facts.evaluation})
    ),
    lambda path: json.loads(path.read_text()),
)


class Watched(BaseConfig):
    NAME = "Small"
    EVALUATE_EVERY = 1


class Run:
    """A training of made-up figures: what the engine does after each epoch."""

    def __init__(self, folder, figures, name="val_ap", **settings):
        self.folder, self.name, self.config = folder, name, Watched()
        for setting, value in settings.items():
            setattr(self.config, setting, value)
        self.figures = dict(enumerate(figures, start=1))
        self.asked, self.pictures = [], []
        family = SimpleNamespace(name="toy")
        self.trained = Trained(family, None, self.config, Facts())

    def evaluate(self, trained, picture):
        self.asked.append(trained.facts.epoch)
        self.pictures.append(picture)
        return {self.name: self.figures[trained.facts.epoch], "val_other": 0.5}

    def go(self, last, layers="heads", first=0, epoch=None):
        """Train from ``epoch`` to ``last``; the epoch after which it stopped."""
        done = first if epoch is None else epoch
        cut = {"layers": layers, "learning_rate": 0.1, "first_epoch": first, "last_epoch": last}
        stage = planned(layers, 0.1, done, last, cut)
        watch = Watch(self.evaluate, NOTES, self.folder, stage, self.config)
        history = HistoryFile(self.folder / HISTORY_FILE, layers)
        for now in range(done + 1, last + 1):
            checkpoint_path(self.folder, "toy", self.config, now).write_text("weights")
            logs = {"loss": 1.0}
            trained = replace(self.trained, facts=Facts(epoch=now, stage=stage.facts()))
            stop = watch.epoch_done(trained, logs)
            history.on_epoch_end(now - 1, logs)
            if stop:
                return now
        return last

    @property
    def best(self):
        return known_best(self.folder, NOTES)


# ---- when -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("every", "epochs"), [(0, []), (1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5])]
)
def test_every_nth_epoch_and_the_last_of_a_stage_are_evaluated(tmp_path, every, epochs):
    run = Run(tmp_path, [0.1] * 5, EVALUATE_EVERY=every)
    run.go(5)
    assert run.asked == epochs
    rows = read_history(tmp_path / HISTORY_FILE)
    assert [int(row["epoch"]) for row in rows if row.get("val_ap")] == epochs
    assert (tmp_path / BEST_FILE).exists() == bool(epochs)


def test_pictures_are_numbered_by_epoch_and_can_be_switched_off(tmp_path):
    run = Run(tmp_path, [0.1])
    run.go(1)
    run.config.EVALUATION_PICTURES = False
    run.go(1)
    assert run.pictures == [tmp_path / "evaluation_0001.jpg", None]


# ---- the best ---------------------------------------------------------------------------------
def test_the_best_is_the_first_of_the_highest(tmp_path):
    run = Run(tmp_path, [0.1, 0.4, 0.3, 0.4, 0.2])
    run.go(5)
    assert run.best == Best(2, "val_ap", 0.4)
    facts = json.loads((tmp_path / BEST_FILE).read_text())
    assert facts["evaluation"]["figures"] == {"val_ap": 0.4, "val_other": 0.5}
    assert run.best.sentence(5).endswith("epoch 2 of 5 (val_ap 0.400)")


def test_a_later_stage_or_a_resumed_one_must_beat_the_best_of_before(tmp_path):
    run = Run(tmp_path, [0.4, 0.3, 0.35, 0.5])
    run.go(2)
    run.go(3, "all", first=2)
    assert run.best.epoch == 1
    run.go(4, "all", first=2, epoch=3)
    assert run.best.epoch == 4


def test_a_best_of_epochs_that_are_trained_anew_is_forgotten(tmp_path):
    run = Run(tmp_path, [0.1, 0.9, 0.2])
    run.go(3)
    run.figures[2] = 0.3
    run.go(3, epoch=1)
    assert run.best == Best(2, "val_ap", 0.3)


def test_another_figure_begins_anew(tmp_path):
    run = Run(tmp_path, [0.9, 0.1])
    run.go(1)
    run.name = "val_mask_ap"
    run.go(2, epoch=1)
    assert run.best == Best(2, "val_mask_ap", 0.1)


def test_a_set_with_nothing_to_find_is_said_and_decides_nothing(tmp_path):
    run = Run(tmp_path, [math.nan, math.nan, 0.2, 0.1], PATIENCE=2)
    with pytest.warns(MaskdetWarning, match="val_ap after epoch 1 is not a number.*nothing"):
        assert run.go(4) == 4
    assert run.best == Best(3, "val_ap", 0.2)


# ---- patience ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("patience", "figures", "stop"),
    [
        (2, [0.1, 0.2, 0.2, 0.1, 0.9], 4),
        (2, [0.3, 0.2, 0.4, 0.1, 0.5], 5),
        (1, [0.3, 0.3, 0.4, 0.5, 0.6], 2),
        (0, [0.3, 0.2, 0.1, 0.0, 0.0], 5),
        (4, [0.3, 0.2, 0.1, 0.0, 0.0], 5),
    ],
)
def test_a_stage_stops_after_so_many_evaluations_without_a_better_one(
    tmp_path, capsys, patience, figures, stop
):
    run = Run(tmp_path, figures, PATIENCE=patience)
    assert run.go(5) == stop
    said = capsys.readouterr().out
    assert said.count("\n") == len(read_stops(tmp_path)) == (stop < 5)
    if stop < 5:
        assert f"'heads' stops after epoch {stop} of 5: {patience} evaluations" in said


def test_patience_counts_evaluations_and_not_epochs(tmp_path):
    assert Run(tmp_path, [0.5, 0.4] + [0.1] * 6, PATIENCE=2, EVALUATE_EVERY=2).go(8) == 6


def test_a_stage_has_its_own_patience(tmp_path):
    """A stage that begins below the best of the one before gets better in its own time."""
    run = Run(tmp_path, [0.9, 0.1, 0.2, 0.3, 0.2, 0.2], PATIENCE=2)
    run.go(1)
    assert run.go(9, "all", first=1) == 6
    assert run.best.epoch == 1


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_stage_that_was_cut_stops_where_it_would_have(tmp_path, cut):
    run = Run(tmp_path, [0.3, 0.2, 0.2, 0.1, 0.9], PATIENCE=3)
    run.figures |= {4: 0.2}
    for epoch in range(1, cut + 1):  # what the cut training left
        Run(tmp_path, run.figures.values(), PATIENCE=0).go(epoch, epoch=epoch - 1)
    assert run.go(5, epoch=cut) == 4


def test_a_stopped_stage_is_told_from_an_unfinished_one(tmp_path):
    Run(tmp_path, [0.3, 0.2, 0.1], PATIENCE=1).go(40)
    assert stopped_epoch(tmp_path, "heads", 0.1, 40, epoch=2) == 2
    assert stopped_epoch(tmp_path, "heads", 0.1, 40, epoch=7) == 2
    assert stopped_epoch(tmp_path, "heads", 0.1, 40, epoch=1) is None  # gone back before it
    assert stopped_epoch(tmp_path, "heads", 0.1, 60, epoch=7) is None
    assert stopped_epoch(tmp_path, "heads", 0.2, 40, epoch=7) is None
    assert stopped_epoch(tmp_path, "all", 0.1, 40, epoch=7) is None
    assert stopped_epoch(tmp_path / "none", "all", 0.1, 40, epoch=7) is None


# ---- checkpoints ------------------------------------------------------------------------------
def test_the_newest_checkpoints_and_the_best_stay(tmp_path):
    run = Run(tmp_path, [0.1, 0.9, 0.3, 0.2, 0.1, 0.1], CHECKPOINTS_KEPT=2)
    run.go(6)
    assert kept(tmp_path) == [2, 5, 6]


def kept(folder):
    return [int(path.stem[-4:]) for path in sorted(folder.glob("toy_small_*.h5"))]


def test_what_lies_beside_a_checkpoint_goes_with_it_and_nothing_else_does(tmp_path):
    config = Watched()
    for epoch in range(1, 6):
        path = checkpoint_path(tmp_path, "toy", config, epoch)
        for beside in (path, sidecar_path(path), state_path(path)):
            beside.write_text("")
    others = ["best.h5", "mine_small_0001.h5", "toy_small_0001.h5.bak", "config.json"]
    for name in others:
        (tmp_path / name).write_text("")
    remove_old_checkpoints(tmp_path, "toy", config, 5)
    assert kept(tmp_path) == [1, 2, 3, 4, 5]  # None keeps all
    config.CHECKPOINTS_KEPT = 1
    remove_old_checkpoints(tmp_path, "toy", config, 3, best_epoch=1)
    left = {path.name for path in tmp_path.iterdir()}
    expected = {
        f"toy_small_{epoch:04d}.h5{ending}"
        for epoch in (1, 3, 4, 5)  # those after epoch 3, from which a training went back, stay
        for ending in ("", ".json", ".state.npz")
    }
    assert left == expected | set(others)
