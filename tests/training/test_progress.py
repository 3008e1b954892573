"""Promise: somebody at a terminal sees one bar, a log file gets a line an epoch."""

import pytest

from maskdet.training import progress
from maskdet.training.progress import EpochClock, StageProgress, losses_text, span

LOGS = {"loss": 1.25, "rpn_class_loss": 0.5, "mrcnn_mask_loss": 0.75}
HELD_OUT = {"val_loss": 2.5, "val_rpn_class_loss": 1.0, "val_mrcnn_mask_loss": 1.5, "val_ap": 0.3}


def run(with_bar=None):
    """Two epochs of two steps, the second validated."""
    clock = EpochClock(8)
    shown = StageProgress("heads epochs 1-2", 4, 2, clock, with_bar)
    shown.on_train_begin()
    for epoch in range(2):
        clock.on_epoch_begin(epoch)
        for batch in range(2):
            clock.on_train_batch_end(batch)
            shown.on_train_batch_end(batch, LOGS)
        shown.on_epoch_end(epoch, LOGS | HELD_OUT if epoch else LOGS)
    return shown


def test_one_bar_over_the_steps_of_all_epochs_with_losses_and_speed(capsys):
    shown = run(with_bar=True)
    assert shown.bar.n == shown.bar.total == 4
    assert shown.bar.desc == "heads epochs 1-2"
    assert shown.bar.postfix.startswith("loss 1.250, ")
    assert shown.bar.postfix.endswith(" images/s (rpn class 0.50, mrcnn mask 0.75)")
    shown.on_train_end()
    assert shown.bar is None
    output = "".join(capsys.readouterr())
    assert "epoch 2: loss 1.250, val_loss 2.500, val_ap 0.300\n" in output
    assert "epoch 1:" not in output


def test_a_log_file_gets_a_line_an_epoch(capsys):
    shown = run()  # pytest's stderr is no terminal
    assert shown.bar is None
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("heads epochs 1-2, epoch 1: loss 1.250 (rpn class 0.50, mrcnn mask")
    assert "images/s" in first and first.endswith("left")
    assert "val_loss 2.500, val_ap 0.300, " in second and second.endswith(" 0 s left")
    assert "val_rpn" not in second


def test_what_comes_after_the_stage_stands_behind_the_time_left(capsys):
    """Eight seconds left would be believed of the whole training."""
    clock = EpochClock(8)
    shown = StageProgress("heads", 2, 2, clock, following="12 epochs of 'all'")
    shown.on_train_begin()
    for epoch in range(2):
        clock.on_epoch_begin(epoch)
        clock.on_train_batch_end(0)
        shown.on_epoch_end(epoch, LOGS)
    lines = capsys.readouterr().err.splitlines()
    assert all(line.endswith(" left, then 12 epochs of 'all'") for line in lines) and lines


def test_the_first_step_of_an_epoch_counts_for_its_time_and_not_for_its_speed(monkeypatch):
    times = iter([0.0, 10.0, 110.0, 111.0, 112.0, 120.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    clock = EpochClock(8)
    clock.on_epoch_begin(0)
    for batch in range(3):
        clock.on_train_batch_end(batch)
    assert clock.images_per_second == 8.0
    assert clock.seconds == 110.0


def test_a_single_loss_has_no_parts_to_show():
    assert losses_text({"loss": 1.0, "label_loss": 1.0}) == "loss 1.000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5940, "99 min"), (11100, "3 h 05 min")],
)
def test_times_are_said_in_words(seconds, text):
    assert span(seconds) == text


def test_a_terminal_gets_no_line_for_an_epoch_without_evaluation(capsys):
    """A training of a hundred epochs would push everything else off the screen."""
    clock = EpochClock(8)
    shown = StageProgress("all", 1, 1, clock, with_bar=True)
    shown.on_train_begin()
    shown.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    shown.on_train_end()
    assert "epoch 1" not in "".join(capsys.readouterr())
