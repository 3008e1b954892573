"""Promise: a training that was cut and resumed is the training that was not cut."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maskdet.errors import MaskdetWarning, WeightsError
from maskdet.models.weight_files import read_facts
from maskdet.training.logs import read_history
from maskdet.training.schedules import WarmupCosine
from maskdet.training.stage import planned
from maskdet.training.state import TrainingState, load_state, remove_old_states, state_path

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 4


def run(family, folder):
    """The weights' sum at the end of the plan, and what was said on the way."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.training.resumable_run", family, str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split("WEIGHTS")[1].strip(), done.stderr


def cut(source, target, epoch):
    """What a training left that was killed after an epoch."""
    shutil.copytree(source, target)
    for path in target.rglob("*_*.h5*"):
        if int(path.name.split(".h5")[0][-4:]) > epoch:
            path.unlink()
    return target


@pytest.fixture(scope="module")
def uncut_toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncut")
    return folder, run("toy_detector", folder)[0]


@pytest.mark.parametrize(
    "epoch", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_cut_after_any_epoch_and_resumed_in_a_new_process(uncut_toy, tmp_path, epoch):
    folder, expected = uncut_toy
    weights, said = run("toy_detector", cut(folder, tmp_path / "cut", epoch))
    assert weights == expected
    assert "training state" not in said
    assert figures_of(tmp_path / "cut") == figures_of(folder)


def figures_of(folder):
    """Each epoch's AP, and the facts of the best weights."""
    [history], [best] = folder.rglob("history.csv"), folder.rglob("best.h5")
    return [row["val_ap50"] for row in read_history(history)], read_facts(best)


@pytest.mark.thorough
def test_without_its_state_a_training_says_so_and_differs(uncut_toy, tmp_path):
    folder = cut(uncut_toy[0], tmp_path / "cut", 3)
    for path in folder.rglob("*.state.npz"):
        path.unlink()
    weights, said = run("toy_detector", folder)
    assert weights != uncut_toy[1]
    assert "state of mask" not in said and "0003.h5 is not there" in said
    assert "not exactly as if it had never been cut" in said


@pytest.fixture(
    scope="module",
    params=[pytest.param("averaging_sgd", marks=pytest.mark.slow), "averaging_adamw"],
)
def uncut_averages(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncut")
    return request.param, folder, run(request.param, folder)[0]


@pytest.mark.thorough
@pytest.mark.parametrize("epoch", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_averaged_weights_go_on_from_the_raw_ones(uncut_averages, tmp_path, epoch):
    family, folder, expected = uncut_averages
    weights, said = run(family, cut(folder, tmp_path / "cut", epoch))
    assert weights == expected
    assert "training state" not in said


@pytest.mark.slow
def test_averaged_weights_without_their_state_go_on_from_the_averages(uncut_averages, tmp_path):
    family, folder, expected = uncut_averages
    folder = cut(folder, tmp_path / "cut", 3)
    for path in folder.rglob("*.state.npz"):
        path.unlink()
    weights, said = run(family, folder)
    assert weights != expected
    assert "0003.h5 is not there" in said and "not exactly as if" in said


@pytest.mark.slow
def test_gradients_that_wait_for_their_step_are_not_lost(tmp_path):
    """A cut between the batches of one step."""
    weights, _ = run("accumulating", tmp_path / "uncut")
    resumed, said = run("accumulating", cut(tmp_path / "uncut", tmp_path / "cut", 3))
    assert resumed == weights
    assert "training state" not in said


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncut")
    return folder, run("mask_rcnn", folder)[0]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "epoch", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow), 3]
)
def test_mask_rcnn_with_warm_up_cosine_and_drawn_targets(uncut, tmp_path, epoch):
    folder, expected = uncut
    weights, said = run("mask_rcnn", cut(folder, tmp_path / "cut", epoch))
    assert weights == expected
    assert "training state" not in said


# ---- the plan of a stage ---------------------------------------------------------------------
CUT = {"layers": "all", "learning_rate": 0.001, "first_epoch": 8, "last_epoch": 40}


@pytest.mark.parametrize(
    ("layers", "rate", "epoch", "first"),
    [
        ("all", 0.001, 30, 8),
        ("heads", 0.001, 30, 30),
        ("all", 0.002, 30, 30),
        ("all", 0.001, 40, 40),
        ("all", 0.001, 8, 8),
    ],
    ids=["the same", "other layers", "another rate", "finished", "not begun"],
)
def test_a_stage_goes_on_where_it_was_cut_or_is_a_new_one(layers, rate, epoch, first):
    stage = planned(layers, rate, epoch, 50, CUT)
    assert (stage.first_epoch, stage.epoch, stage.last_epoch) == (first, epoch, 50)
    assert stage.continued == (first < epoch)
    assert planned(layers, rate, epoch, 50, None).first_epoch == epoch


def test_a_rate_at_epoch_30_of_40_stays_down():
    """LiteConfig's schedule, 17 steps an epoch: no second warm-up, no climb."""
    stage = planned("all", 0.001, 30, 40, CUT)
    schedule = WarmupCosine(0.001, 50, stage.epochs * 17)
    done = (stage.epoch - stage.first_epoch) * 17
    assert float(schedule(done)) == pytest.approx(0.000272, abs=1e-6)
    assert float(schedule(done + 17)) < float(schedule(done))


# ---- the file --------------------------------------------------------------------------------
@pytest.fixture
def state(tmp_path):
    checkpoint = tmp_path / "a_0001.h5"
    checkpoint.write_bytes(b"weights")
    seeds, raw = [np.array([1, 2], np.uint32)], [np.float32([[0.5, 2.0]])]
    state = TrainingState(CUT, {"0 iteration": np.int64(3)}, seeds, raw)
    state.save(checkpoint)
    return checkpoint, state


def test_a_state_comes_back_as_it_was(state):
    checkpoint, saved = state
    loaded = load_state(checkpoint)
    assert loaded.stage == CUT and loaded.optimizer["0 iteration"] == 3
    np.testing.assert_array_equal(loaded.seeds, saved.seeds)
    np.testing.assert_array_equal(loaded.raw, saved.raw)
    assert sorted(p.name for p in checkpoint.parent.iterdir()) == [
        "a_0001.h5",
        "a_0001.h5.state.npz",
    ]


def test_a_state_of_other_weights_is_told_apart(state):
    checkpoint, _ = state
    checkpoint.write_bytes(b"other weights")
    with pytest.raises(WeightsError, match="belongs to other weights"):
        load_state(checkpoint)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_damaged_state_is_named(state, share):
    checkpoint, _ = state
    content = state_path(checkpoint).read_bytes()
    state_path(checkpoint).write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match=r"a_0001.h5.state.npz is damaged"):
        load_state(checkpoint)
    state_path(checkpoint).unlink()
    assert load_state(checkpoint) is None


def test_the_newest_states_are_kept(tmp_path):
    for number in range(1, 6):
        (tmp_path / f"a_{number:04d}.h5.state.npz").write_bytes(b"")
    remove_old_states(tmp_path, None)
    assert len(list(tmp_path.iterdir())) == 5
    remove_old_states(tmp_path, 2)
    assert sorted(p.name[:6] for p in tmp_path.iterdir()) == ["a_0004", "a_0005"]


def test_a_bad_state_is_said_and_the_training_goes_on(masked, make_config, tmp_path):
    from maskdet import MaskRCNN

    config = make_config(BACKBONE="mobilenet_v2_0.5", STEPS_PER_EPOCH=1)
    model = MaskRCNN("training", config, tmp_path)
    model.train(masked, None, 0.001, 1, "mrcnn_class_logits")
    checkpoint = model.find_last()
    facts = json.loads(Path(f"{checkpoint}.json").read_text())
    assert facts["stage"]["layers"] == "mrcnn_class_logits"
    state_path(checkpoint).write_bytes(b"no zip")
    again = MaskRCNN("training", config, tmp_path)
    with pytest.warns(MaskdetWarning, match="state.npz is damaged.*left aside"):
        again.load_weights(checkpoint)
    with pytest.warns(MaskdetWarning, match="is not there, so the training goes on"):
        again.train(masked, None, 0.001, 2, "mrcnn_class_logits")
    assert again.epoch == 2
