"""Promise: a training learns from the photos that it names, is judged by others, begins only when
all it needs is sound, and goes on after a stop."""

import shutil
import warnings

import pytest

from maskdet.data.dataset import Dataset
from maskdet.data.formats import coco
from maskdet.data.image_sets import read_image_sets
from maskdet.errors import ConfigError, DataError, MaskdetWarning, UsageError, WeightsError
from maskdet.jobs import training
from maskdet.jobs.training import TrainingOptions, default_folder, train_folder
from maskdet.jobs.training_data import training_data
from tests.models.classifier.conftest import write_folders

QUIET = {"say": lambda text: None}


def names(dataset):
    return sorted(str(info["id"]) for info in dataset.image_info)


# ---- photos ---------------------------------------------------------------------------------
def test_photos_to_learn_from_and_photos_held_out_are_others(made_things, tmp_path, stand_in):
    said = []
    result = train_folder(TrainingOptions(str(made_things)), tmp_path / "out", say=said.append)
    parts = stand_in.made[0].parts
    train, val = names(parts["train"]), names(parts["val"])
    assert (len(train), len(val)) == (10, 2) == (result.photos["train"], result.photos["val"])
    assert set(train).isdisjoint(val)
    assert said[0] == (
        f"{made_things}: 10 photos of kind 0, kind 1 to train on; 2 more are held out for the "
        "figures (--held-out takes another share, --test another set)."
    )
    lists = {path.stem: path.read_text().split() for path in result.folder.lists.iterdir()}
    assert {name: sorted(ids) for name, ids in lists.items()} == {"train": train, "val": val}


def test_the_seed_decides_the_split(made_things):
    first, same, other = (
        names(training_data(str(made_things), None, None, seed, None).parts["val"])
        for seed in (1, 1, 2)
    )
    assert first == same != other


def test_a_share_is_held_out_or_nothing(made_things, tmp_path, stand_in):
    halves = training_data(str(made_things), None, 0.5, 0, None)
    assert [len(part.image_ids) for part in halves.parts.values()] == [6, 6]
    options = TrainingOptions(str(made_things), held_out=0)
    result = train_folder(options, tmp_path / "out", **QUIET)
    assert (result.photos, stand_in.made[0].parts["val"]) == ({"train": 12}, None)
    assert not result.folder.lists.exists()
    assert stand_in.made[0].config.EVALUATE_EVERY == 0


@pytest.mark.parametrize("share", [1, -0.1, 20])
def test_a_share_that_is_none_is_said(made_things, share):
    with pytest.raises(UsageError, match=f"--held-out is {share}; give a share"):
        training_data(str(made_things), None, share, 0, None)


def test_another_set_for_the_figures(made_things, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(made_things, other)
    for path in sorted((other / "Annotations").iterdir())[3:]:
        path.unlink()
        (other / "JPEGImages" / f"{path.stem}.jpg").unlink()
    data = training_data(str(made_things), str(other), None, 0, None)
    assert {name: len(part.image_ids) for name, part in data.parts.items()} == {
        "train": 12,
        "test": 3,
    }
    assert list(data.parts["test"].class_names) == list(data.parts["train"].class_names)
    assert data.sentence.endswith(f"the figures will be of {other} (3 photos).")
    with pytest.raises(UsageError, match="--test .* --held-out .*; give one"):
        training_data(str(made_things), str(other), 0.2, 0, None)


def test_a_sets_own_parts_are_taken(made_things, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(made_things, own)
    ids = names(Dataset.load(own))
    lists = own / "ImageSets" / "Main"
    shutil.rmtree(lists, ignore_errors=True)
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("\n".join(ids[:9]))
    (lists / "val.txt").write_text("\n".join(ids[9:]))
    data = training_data(str(own), None, None, 0, None)
    assert [names(part) for part in data.parts.values()] == [ids[:9], ids[9:]]
    assert data.sentence.endswith("it has parts of its own for the figures: val (3).")
    assert data.divided == {}
    divided = training_data(str(own), None, 0.25, 0, None)
    assert names(divided.parts["val"]) != ids[9:] and len(divided.divided) == 2


def test_figures_are_of_the_part_that_the_training_has_not_watched(
    made_things, tmp_path, stand_in, monkeypatch
):
    """Validation photos are looked at all along; where there are others, those count."""
    own = tmp_path / "own"
    shutil.copytree(made_things, own)
    ids = names(Dataset.load(own))
    lists = own / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", ids[:8]), ("val", ids[8:10]), ("test", ids[10:])):
        (lists / f"{name}.txt").write_text("\n".join(part))
    evaluated = []
    monkeypatch.setattr(
        training, "_evaluated", lambda folder, part, *others: evaluated.append(names(part))
    )
    train_folder(TrainingOptions(str(own)), tmp_path / "run")
    assert evaluated == [ids[10:]]
    assert names(stand_in.made[0].parts["val"]) == ids[8:10]


def test_too_few_photos_are_said_and_nothing_is_written(tmp_path, stand_in):
    write_folders(tmp_path / "few", count=2)
    with pytest.raises(UsageError, match=r"few has 6 photos with a class.* needs at least 8"):
        train_folder(TrainingOptions(str(tmp_path / "few")), tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()


def test_photos_without_objects_teach_nothing(made_things, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(made_things, data)
    shutil.rmtree(data / "SegmentationObject")
    files = sorted((data / "Annotations").iterdir())
    for path in files[7:]:
        head = path.read_text().partition("<object>")[0]
        path.write_text(f"{head}</annotation>")
    with pytest.raises(UsageError, match="has 7 photos with objects"):
        training_data(str(data), None, None, 0, None)


def test_photos_that_are_all_damaged_are_said(tmp_path):
    write_folders(tmp_path / "data")
    for path in (tmp_path / "data").rglob("*.png"):
        path.write_bytes(b"\x89PNG\r\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)
        with pytest.raises((DataError, UsageError), match=r"data"):
            training_data(str(tmp_path / "data"), None, None, 0, None)


# ---- settings -------------------------------------------------------------------------------
def test_settings_reach_the_network_and_those_of_the_user_win(made_things, tmp_path, stand_in):
    settings = {"IMAGE_MAX_DIM": 192, "IMAGE_MIN_DIM": 192, "CHECKPOINTS_KEPT": 7}
    options = TrainingOptions(str(made_things), seed=5, settings=settings)
    said = []
    train_folder(options, tmp_path / "out", say=said.append)
    config = stand_in.made[0].config
    assert (config.IMAGE_MAX_DIM, config.CHECKPOINTS_KEPT) == (192, 7)
    assert (config.NAME, config.SEED, config.NUM_CLASSES) == ("my_things", 5, 3)
    assert (config.ON_ERROR, config.STATES_KEPT, config.EVALUATE_EVERY) == ("skip", 2, 1)
    assert "  IMAGE_MAX_DIM=192, IMAGE_MIN_DIM=192, CHECKPOINTS_KEPT=7, as you said" in said


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"IMAGE_MAX_DIMS": 64}, UsageError, r"no setting of MobileConfig; did you mean IMAGE_M"),
        ({"image_max_dim": 64}, UsageError, "did you mean IMAGE_MAX_DIM?"),
        ({"validate": 3}, UsageError, "validate is no setting of MobileConfig"),
        ({"IMAGE_MAX_DIM": "big"}, ConfigError, "IMAGE_MAX_DIM is 'big'; give a number"),
        ({"IMAGE_MAX_DIM": 64.5}, ConfigError, r"IMAGE_MAX_DIM is 64\.5; give a whole number"),
        ({"LEARNING_RATE": "fast"}, ConfigError, "LEARNING_RATE is 'fast'; give a number"),
        ({"LOSS_WEIGHTS": 2}, ConfigError, "LOSS_WEIGHTS is 2; give values by name"),
        ({"TENSORBOARD": "yes"}, ConfigError, "TENSORBOARD is 'yes'; give True or False"),
        ({"AUGMENTATION": "lots"}, ConfigError, "no augmentation 'lots'; use one of"),
        ({"OPTIMIZER": "adam"}, ConfigError, "OPTIMIZER is 'adam'; use 'sgd' or 'adamw'"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    made_things, tmp_path, stand_in, settings, error, sentence
):
    options = TrainingOptions(str(made_things), settings=settings)
    with pytest.raises(error, match=sentence):
        train_folder(options, tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()


def test_an_unknown_recipe_is_said_before_anything_is_done(made_things, tmp_path, monkeypatch):
    options = TrainingOptions(str(made_things), recipe="quik")
    with pytest.raises(UsageError, match="no recipe 'quik' .did you mean 'quick'"):
        train_folder(options, tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()


# ---- start ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("weights", "start"), [(None, "pretrained"), ("imagenet", "imagenet"), ("none", None)]
)
def test_what_a_training_starts_from(made_things, tmp_path, stand_in, weights, start):
    options = TrainingOptions(str(made_things), weights=weights)
    train_folder(options, tmp_path / "out", **QUIET)
    assert stand_in.made[0].start == start


def test_missing_weights_are_said_before_the_folder_is_taken(made_things, tmp_path, stand_in):
    options = TrainingOptions(str(made_things), weights="mine.h5")
    with pytest.raises(WeightsError, match=r"no weights mine\.h5; give a file, .* pretrained"):
        train_folder(options, tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()


def test_a_folder_is_called_as_its_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.set.yaml").touch()
    assert default_folder("photos of/my cat!").as_posix() == "trained/my_cat"
    assert default_folder("a.set.yaml").as_posix() == "trained/a.set"
    assert default_folder("/").as_posix() == "trained/mine"


# ---- going on -------------------------------------------------------------------------------
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_stopped_training_goes_on(made_things, tmp_path, stand_in, error):
    options, out = TrainingOptions(str(made_things), seed=3, held_out=0.5), tmp_path / "out"
    stand_in.error = error
    with pytest.raises(type(error)):
        train_folder(options, out, **QUIET)
    assert not (out / "weights.h5").exists()
    said = []
    train_folder(TrainingOptions(str(made_things)), out, resume=True, say=said.append)
    first, second = stand_in.made
    assert second.start.endswith("stand_in_1.h5")
    assert (second.config.SEED, (out / "weights.h5").read_text()) == (3, "after 2 epochs")
    assert names(second.parts["val"]) == names(first.parts["val"])
    assert len(second.parts["val"].image_ids) == 6
    # Once more: all is done, and said.
    train_folder(TrainingOptions(str(made_things)), out, resume=True, say=said.append)
    assert "All 2 epochs are done already." in said
    assert stand_in.made[2].parts == {}


def test_a_training_without_an_epoch_begins_anew(made_things, tmp_path, stand_in):
    options, out = TrainingOptions(str(made_things), weights="none"), tmp_path / "out"
    stand_in.error = KeyboardInterrupt()
    train = stand_in.train
    stand_in.train = lambda self, *arguments, **options: (_ for _ in ()).throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train_folder(options, out, **QUIET)
    stand_in.train = train
    stand_in.error = None
    said = []
    train_folder(TrainingOptions(str(made_things)), out, resume=True, say=said.append)
    assert "No epoch of it was finished, so it begins anew." in said
    assert stand_in.made[1].start is None  # with --weights none, as it was begun


def test_nothing_to_go_on_with_and_another_option(made_things, tmp_path, stand_in):
    with pytest.raises(UsageError, match="no training in .*; leave out --resume"):
        train_folder(TrainingOptions(str(made_things)), tmp_path / "no", resume=True, **QUIET)
    out = tmp_path / "out"
    train_folder(TrainingOptions(str(made_things)), out, **QUIET)
    with pytest.raises(UsageError, match="begun without --seed, not with --seed 9"):
        train_folder(TrainingOptions(str(made_things), seed=9), out, resume=True, **QUIET)
    text = (out / "run.json").read_text()
    (out / "run.json").write_text(text.replace('"data"', '"dada": 1, "data"'))
    with pytest.raises(UsageError, match=r"run\.json has options that this version does not know"):
        train_folder(TrainingOptions(str(made_things)), out, resume=True, **QUIET)


def test_settings_go_on_as_they_were(made_things, tmp_path, stand_in):
    settings = {"RPN_ANCHOR_RATIOS": (0.5, 1, 2), "IMAGE_MAX_DIM": 128, "IMAGE_MIN_DIM": 128}
    options, out = TrainingOptions(str(made_things), settings=settings), tmp_path / "out"
    train_folder(options, out, **QUIET)
    for again in (options, TrainingOptions(str(made_things))):
        train_folder(again, out, resume=True, **QUIET)
        assert list(stand_in.made[-1].config.RPN_ANCHOR_RATIOS) == [0.5, 1, 2]
        assert stand_in.made[-1].config.IMAGE_MAX_DIM == 128


def test_paths_are_shown_as_they_are_written(made_things, tmp_path, stand_in, monkeypatch):
    monkeypatch.chdir(made_things.parent)
    for resume in (False, True):
        said = []
        options = TrainingOptions("my things")
        train_folder(options, tmp_path / "out", resume=resume, say=said.append)
        assert said[0].startswith("my things: 10 photos")


def test_a_photo_that_went_missing_is_named(made_colours, tmp_path, stand_in):
    data = tmp_path / "data"
    shutil.copytree(made_colours, data)
    out = tmp_path / "out"
    train_folder(TrainingOptions(str(data)), out, **QUIET)
    lost = (out / "split" / "train.txt").read_text().split()[0]
    (data / lost).unlink()
    with pytest.raises(DataError, match=rf"train\.txt, line 1 lists '{lost}', which the data set"):
        train_folder(TrainingOptions(str(data)), out, resume=True, **QUIET)


def test_a_training_is_replaced_when_asked(made_things, tmp_path, stand_in):
    out = tmp_path / "out"
    train_folder(TrainingOptions(str(made_things), seed=1), out, **QUIET)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="has a training already"):
        train_folder(TrainingOptions(str(made_things)), out, **QUIET)
    train_folder(TrainingOptions(str(made_things), held_out=0.5), out, overwrite=True, **QUIET)
    assert (out / "notes.txt").read_text() == "mine"
    assert len(read_image_sets(Dataset.load(made_things), out / "split")["val"].image_ids) == 6
    assert stand_in.made[1].start == "pretrained"


def test_parts_that_are_sets_of_their_own_are_one_set_where_all_is_wanted(made_things, tmp_path):
    """COCO sets as they are handed out: a folder a part, a file in each."""
    for part in ("train", "valid"):
        coco.write(Dataset.load(made_things), tmp_path / part)
    data = training_data(str(tmp_path), None, None, 0, None)
    assert {name: len(part.image_ids) for name, part in data.parts.items()} == {
        "train": 12,
        "val": 12,
    }
