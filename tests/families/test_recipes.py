"""Promise: ``train(photos)`` is a whole training of any family: it says what it does, can be cut
and gone on with, and scores itself at the end of each stage."""

from pathlib import Path

import keras
import pytest

from maskdet.errors import UsageError
from maskdet.training.logs import read_history, read_lines
from tests.families.toy_detector import ToyDetector, ToyDetectorConfig

#: For 16 photos: 40 / 100 * sqrt(100 * 16) / 16 = 1 epoch, then 2.
RECIPES = {"default": (("heads", 1.0, 40), ("all", 0.5, 80)), "short": (("heads", 0.1, 1),)}
SAID = (
    "Recipe 'default' for 16 photos: 1 epoch of 'heads' at rates up to 0.004, "
    "then 2 epochs of 'all' at rates up to 0.002.\n"
)
STAGES = [("1", "heads"), ("2", "all"), ("3", "all")]


def toy(folder, **settings):
    config = ToyDetectorConfig()
    small = {"BACKBONE": "mobilenet_v2_0.5", "STEPS_PER_EPOCH": 1, "LEARNING_RATE": 0.004}
    small |= {"RECIPES": RECIPES, "LEARNING_RATE_SCHEDULE": "cosine", "EVALUATION_PICTURES": False}
    for name, value in (small | settings).items():
        setattr(config, name, value)
    return ToyDetector("training", config, folder)


def stages(model):
    rows = read_history(Path(model.log_dir) / "history.csv")
    return [(row["epoch"], row["stage"]) for row in rows]


def rates(model):
    lines = read_lines(Path(model.log_dir) / "history.jsonl")
    return [line["learning_rate"] for line in lines]


@pytest.fixture(scope="module")
def whole(families, rectangles, tmp_path_factory):
    """A training that was told nothing but its photos."""
    model = toy(tmp_path_factory.mktemp("whole"))
    return model, model.train(rectangles)


def test_told_nothing_it_trains_by_the_default_recipe(whole):
    model, history = whole
    assert stages(model) == STAGES and model.epoch == 3
    assert len(history["loss"]) == len(history["toy_box_loss"]) == 3
    assert Path(model.find_last()).name.endswith("_0003.h5")


def test_without_a_validation_set_nothing_is_scored(whole):
    model, history = whole
    assert not [name for name in history if name.startswith("val_")]
    assert model.best_path is None


class Cut(keras.callbacks.Callback):
    """A power cut in the epoch of that number."""

    def __init__(self, epoch):
        super().__init__()
        self.wanted = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.wanted:
            raise KeyboardInterrupt


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("epoch", "rest"),
    [(2, 2), pytest.param(3, 1, marks=pytest.mark.slow)],
    ids=["between the stages", "in the second"],
)
def test_cut_it_goes_on_in_its_stage_and_ends_at_the_same_total(
    whole, rectangles, tmp_path, capsys, epoch, rest
):
    model = toy(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        model.train(rectangles, custom_callbacks=Cut(epoch))
    again = toy(tmp_path)
    again.load_weights(again.find_last())
    assert again.epoch == epoch - 1
    capsys.readouterr()
    history = again.train(rectangles)
    assert SAID in capsys.readouterr().out
    assert len(history["loss"]) == rest and again.epoch == 3
    assert again.log_dir == model.log_dir and stages(again) == STAGES
    # The second stage's course is that of two epochs, wherever it was cut.
    assert rates(again) == pytest.approx(rates(whole[0]))


def test_what_is_done_is_not_done_again(whole, rectangles):
    model, _ = whole
    match = r"'default' has 3 epochs for 16 photos, and 3 are done already.*learning_rate, epochs"
    with pytest.raises(UsageError, match=match):
        model.train(rectangles)
    assert model.epoch == 3


@pytest.mark.thorough
def test_with_a_validation_set_each_stage_ends_with_scores(rectangles, families, tmp_path, capsys):
    model = toy(tmp_path)
    history = model.train(rectangles, rectangles)
    said = capsys.readouterr()
    assert SAID in said.out
    lines = [line for line in said.err.splitlines() if ", epoch " in line]
    # Which 0 seconds are those of the whole training.
    assert lines[0].endswith(" 0 s left, then 2 epochs of 'all'") and lines[2].endswith(" 0 s left")
    assert len(history["val_ap"]) == 2 and len(history["val_loss"]) == 3
    lines = read_lines(Path(model.log_dir) / "history.jsonl")
    assert [line["epoch"] for line in lines if "val_ap" in line] == [1, 3]
    assert model.best_path == str(Path(model.log_dir) / "best.h5")
    assert model.config.EVALUATE_EVERY == 0  # the user's Config is as it was


@pytest.mark.thorough
def test_a_config_that_wants_more_evaluations_gets_them(rectangles, families, tmp_path):
    history = toy(tmp_path, EVALUATE_EVERY=1).train(rectangles, rectangles)
    assert len(history["val_ap"]) == 3


def test_a_set_of_one_photo(rectangles, families, tmp_path, capsys):
    """1 / 100 * sqrt(100) / 1 is a tenth of an epoch: one."""
    model = toy(tmp_path)
    model.train(rectangles.subset([3]), recipe="short")
    assert "Recipe 'short' for 1 photo: 1 epoch of 'heads' at rates up to 0.0004." in (
        capsys.readouterr().out
    )
    assert stages(model) == [("1", "heads")]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"recipe": "defalt"}, "no recipe 'defalt' .did you mean 'default'"),
        ({"epochs": 3}, r"train\(\) lacks learning_rate and layers"),
        (
            {"epochs": 3, "layers": "all", "learning_rate": 0.1, "recipe": "short"},
            "one or the other",
        ),
    ],
    ids=["unknown", "some of a stage", "both"],
)
def test_calls_that_mean_nothing_train_nothing(rectangles, families, tmp_path, arguments, match):
    model = toy(tmp_path)
    with pytest.raises(UsageError, match=match):
        model.train(rectangles, **arguments)
    assert model.epoch == 0 and not list(tmp_path.rglob("*.h5"))


def test_a_set_without_photos_says_so(rectangles, families, tmp_path):
    with pytest.raises(UsageError, match="has no photos; look at what was loaded"):
        toy(tmp_path).train(rectangles.subset([]))


def test_a_model_for_detection_has_no_recipe(rectangles, families, tmp_path):
    model = ToyDetector("inference", toy(tmp_path).config, tmp_path)
    with pytest.raises(UsageError, match="mode='training'"):
        model.train(rectangles)
