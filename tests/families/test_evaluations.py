"""Promise: a training of any family evaluates itself as its user would and keeps its best."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet import open_model
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.images import read_image
from maskdet.models.evaluating import MIN_SCORE, Evaluator
from maskdet.models.weight_files import read_facts
from maskdet.training.logs import read_history, read_lines
from tests.families.toy_classifier import ToyClassifier, ToyClassifierConfig
from tests.families.toy_detector import ToyDetector, ToyDetectorConfig
from tests.models.conftest import BoxedRectangles


def detector(folder, **settings):
    config = ToyDetectorConfig()
    small = {"BACKBONE": "mobilenet_v2_0.5", "STEPS_PER_EPOCH": 3, "OPTIMIZER": "adamw"}
    for name, value in (small | {"EVALUATE_EVERY": 2} | settings).items():
        setattr(config, name, value)
    return ToyDetector("training", config, folder)


class Seen(keras.callbacks.Callback):
    """A user's callback that reads the logs."""

    def __init__(self):
        super().__init__()
        self.figures = []

    def on_epoch_end(self, epoch, logs=None):
        self.figures += [logs["val_ap"]] if "val_ap" in logs else []


@pytest.fixture(scope="module")
def trained(families, rectangles, tmp_path_factory):
    model = detector(tmp_path_factory.mktemp("watched"))
    seen = Seen()
    history = model.train(rectangles, rectangles, 0.005, 5, "heads", custom_callbacks=seen)
    return model, history, seen.figures


def checkpoint(model, epoch):
    return Path(model.checkpoint_path.format(epoch=epoch))


def test_the_figures_are_those_of_the_checkpoints(trained, rectangles):
    model, history, _ = trained
    assert history["val_ap50"][-1] > 0 and len(history["val_ap"]) == 3
    for epoch, ap50 in zip((2, 4, 5), history["val_ap50"], strict=True):
        opened = open_model(checkpoint(model, epoch), min_score=MIN_SCORE)
        evaluation = opened.evaluate(rectangles, progress=False)
        assert ap50 == pytest.approx(evaluation.box.ap50, rel=1e-5)


def test_they_stand_in_both_histories_and_reach_the_users_callbacks(trained):
    model, history, seen = trained
    assert seen == history["val_ap"]
    rows = read_history(Path(model.log_dir) / "history.csv")
    assert [float(row["val_ap"]) for row in rows if row["val_ap"]] == history["val_ap"]
    lines = read_lines(Path(model.log_dir) / "history.jsonl")
    assert [line["val_ap"] for line in lines if "val_ap" in line] == history["val_ap"]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    assert all(line["learning_rate"] == pytest.approx(0.005) for line in lines)


def test_the_best_weights_are_those_of_its_checkpoint_and_say_so(trained):
    model, history, _ = trained
    number = int(np.argmax(history["val_ap"]))
    epoch = (2, 4, 5)[number]
    assert model.best_path == str(Path(model.log_dir) / "best.h5")
    facts = read_facts(model.best_path)
    assert facts["epoch"] == epoch and facts["class_names"] == ["BG", "red", "blue"]
    assert facts["evaluation"]["decided_by"] == "val_ap"
    assert facts["evaluation"]["figures"]["val_ap"] == history["val_ap"][number]
    assert json.loads(Path(f"{model.best_path}.json").read_text()) == facts
    best, whole = open_model(model.best_path), open_model(checkpoint(model, epoch))
    for ours, theirs in zip(best.network.get_weights(), whole.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert best.epoch == 0  # weights to begin with, not a training to go on with
    assert model.find_last() == str(checkpoint(model, 5))


def test_each_evaluation_leaves_a_sheet_of_the_same_photos(trained):
    model, *_ = trained
    sheets = sorted(Path(model.log_dir).glob("evaluation_*.jpg"))
    assert [sheet.name[-8:-4] for sheet in sheets] == ["0002", "0004", "0005"]
    assert len({read_image(sheet).shape for sheet in sheets}) == 1


def test_evaluating_changes_nothing_in_a_training(families, rectangles, tmp_path, trained):
    plain = detector(tmp_path, EVALUATE_EVERY=0)
    losses = plain.train(rectangles, rectangles, 0.005, 3, "heads")
    assert losses["loss"] == pytest.approx(trained[1]["loss"][:3], rel=1e-3)
    assert plain.best_path is None and "val_ap" not in losses
    assert not list(Path(plain.log_dir).glob("evaluation_*"))


@pytest.mark.thorough
def test_a_stage_that_stopped_is_over_for_a_script_that_is_run_again(
    families, rectangles, tmp_path, monkeypatch, capsys
):
    model = detector(tmp_path, EVALUATE_EVERY=1, PATIENCE=1, CHECKPOINTS_KEPT=1)
    monkeypatch.setattr(type(model.family.task), "logged", lambda self, evaluation: {"ap": 0.5})
    assert len(model.train(rectangles, rectangles, 0.005, 30, "heads")["loss"]) == 2
    assert "'heads' stops after epoch 2 of 30" in capsys.readouterr().out
    model.train(rectangles, rectangles, 0.001, 3, "toy_class0")
    again = detector(tmp_path, EVALUATE_EVERY=1, PATIENCE=1, CHECKPOINTS_KEPT=1)
    again.load_weights(model.find_last())
    assert again.train(rectangles, rectangles, 0.005, 30, "heads") == {}
    assert "stopped already, after epoch 2" in capsys.readouterr().out
    assert again.epoch == 3
    again.config.PATIENCE = 0
    with pytest.raises(UsageError, match="no set to evaluate"):  # so it would train
        again.train(rectangles, None, 0.005, 30, "heads")
    names = sorted(path.name for path in Path(model.log_dir).glob("toy_*.h5"))
    assert names == [f"toy_detector_toy_000{epoch}.h5" for epoch in (1, 3)]  # the best, the newest


def test_without_a_set_to_evaluate_it_says_what_to_do(families, rectangles, tmp_path):
    model = detector(tmp_path)
    with pytest.raises(UsageError, match="EVALUATE_EVERY is 2, but there is no set.*val_dataset"):
        model.train(rectangles, None, 0.005, 1, "heads")
    assert not list(tmp_path.iterdir())


def test_an_epoch_whose_evaluation_is_interrupted_keeps_its_row(
    families, rectangles, tmp_path, monkeypatch
):
    def interrupted(self, trained, picture):
        raise KeyboardInterrupt

    monkeypatch.setattr(Evaluator, "__call__", interrupted)
    model = detector(tmp_path, EVALUATE_EVERY=1, VALIDATION_STEPS=0, STEPS_PER_EPOCH=1)
    with pytest.raises(KeyboardInterrupt):
        model.train(rectangles, rectangles, 0.005, 2, "toy_class0")
    assert checkpoint(model, 1).is_file()
    for rows in (read_history, "history.csv"), (read_lines, "history.jsonl"):
        [row] = rows[0](Path(model.log_dir) / rows[1])
        assert int(row["epoch"]) == 1 and float(row["loss"]) > 0


class Damaged(BoxedRectangles):
    def load_image(self, image_id):
        if self.image_info[image_id]["id"] == "image 3":
            raise OSError("the photo is torn")
        return super().load_image(image_id)


@pytest.mark.thorough
def test_a_damaged_photo_is_left_out_where_the_config_says_so(families, rectangles, tmp_path):
    model = detector(tmp_path, ON_ERROR="skip", STEPS_PER_EPOCH=1, VALIDATION_STEPS=0)
    with pytest.warns(MaskdetWarning, match=r"Image 3 \(.*\) is left out.*the photo is torn"):
        history = model.train(rectangles, Damaged().fill(6), 0.005, 1, "heads")
    assert len(history["val_ap"]) == 1


@pytest.mark.thorough
def test_a_classifier_is_evaluated_by_accuracy(families, coloured, tmp_path):
    config = ToyClassifierConfig()
    config.BACKBONE, config.EVALUATE_EVERY = "mobilenet_v2_0.5", 1
    model = ToyClassifier("training", config, tmp_path)
    history = model.train(coloured, coloured, 0.001, 1, "heads")
    accuracy = open_model(model.best_path).evaluate(coloured, progress=False).accuracy
    assert history["val_accuracy"] == [pytest.approx(accuracy, rel=1e-5)]
    assert read_facts(model.best_path)["evaluation"]["decided_by"] == "val_accuracy"
    assert read_image(Path(model.log_dir) / "evaluation_0001.jpg").ndim == 3
