"""Promise: ``maskdet train`` leads from a folder to weights and a report, and says in one sentence
what keeps it from it."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from maskdet import Classifier
from maskdet.commands import train as command
from maskdet.commands.answers import DONE, MISTAKE, STOPPED
from maskdet.commands.main import main
from maskdet.family import BEST_PRETRAINED, PRETRAINED
from maskdet.jobs.choice import CONFIGS
from maskdet.jobs.training import STARTS
from maskdet.training.logs import read_history
from tests.jobs.conftest import made_colours, made_things  # noqa: F401
from tests.jobs.small import make_small, stopping
from tests.jobs.stand_in import stand_in  # noqa: F401


def test_names_in_help_are_those_that_there_are():
    assert command._CONFIGS == tuple(CONFIGS)
    assert set(command._STARTS) == set(STARTS) == {BEST_PRETRAINED, *PRETRAINED, "none"}


@pytest.fixture
def mistake(tmp_path, monkeypatch, capsys):
    """The sentence of a call that must be a mistake and leave nothing."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        before = sorted(tmp_path.rglob("*"))
        assert main(["train", *map(str, arguments)]) == MISTAKE
        assert sorted(tmp_path.rglob("*")) == before
        lines = [line for line in capsys.readouterr().err.splitlines() if ": note: " not in line]
        assert len(lines) == 1 and lines[0].startswith("maskdet: ")
        return lines[0]

    return call


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path)


# ---- bad input ------------------------------------------------------------------------------
def test_a_folder_that_is_not_there(mistake):
    assert mistake("nowhere") == "maskdet: There is no nowhere; check the path of the data set."


def test_an_empty_folder(mistake, tmp_path):
    (tmp_path / "empty").mkdir()
    sentence = "maskdet: empty is an empty folder; put photos and what is said of them into it."
    assert mistake("empty") == sentence


def test_photos_without_annotations(mistake, tmp_path):
    for number in range(9):
        photo(tmp_path / "photos" / f"{number}.jpg")
    assert mistake("photos") == (
        "maskdet: photos has photos (9) and no annotations; label them, with LabelImg for example, "
        "or sort them into a folder for each class."
    )


def test_an_unknown_format(mistake, tmp_path):
    photo(tmp_path / "photos" / "a.jpg")
    (tmp_path / "photos" / "a.doc").write_text("a cat")
    assert "photos holds no data set in a known format; looked for" in mistake("photos")


def test_one_class_of_whole_photos(mistake, tmp_path):
    for number in range(9):
        photo(tmp_path / "photos" / "cats" / f"{number}.jpg")
    assert "to tell classes apart takes two or more" in mistake("photos")


def test_three_photos(mistake, made_things, tmp_path):  # noqa: F811
    shutil.copytree(made_things, tmp_path / "few")
    for path in sorted((tmp_path / "few" / "Annotations").iterdir())[3:]:
        path.unlink()
        (tmp_path / "few" / "JPEGImages" / f"{path.stem}.jpg").unlink()
    shutil.rmtree(tmp_path / "few" / "ImageSets", ignore_errors=True)
    assert "few has 3 photos with objects, and a training needs at least 8" in mistake("few")


@pytest.mark.filterwarnings("ignore::maskdet.errors.MaskdetWarning")
def test_photos_that_are_all_damaged(mistake, made_things, tmp_path):  # noqa: F811
    shutil.copytree(made_things, tmp_path / "bad")
    for path in (tmp_path / "bad" / "JPEGImages").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert "bad" in mistake("bad", "--weights", "none")


def test_out_that_is_a_file_or_somebodys_folder(mistake, made_things, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("mine")
    assert "file is a file; give another folder" in mistake(made_things, "--out", "file")
    photo(tmp_path / "own" / "a.jpg")
    for more in ([], ["--overwrite"]):
        sentence = mistake(made_things, "--out", "own", *more)
        assert "own is there already and is no training's folder" in sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say what to train on: maskdet train FOLDER"),
        (["DATA", "--epochs", "3"], "--epochs goes with --pipeline; "),
        (["DATA", "--resume", "--overwrite"], "--resume goes on .* --overwrite removes it; give"),
        (["DATA", "--resume"], "There is no training in trained/my_things to go on with; leave"),
        (["DATA", "-s", "IMAGE_MAX_DIM"], "-s IMAGE_MAX_DIM is no NAME=VALUE"),
        (["DATA", "-s", "IMAGE_MAXDIM=3"], "did you mean IMAGE_MAX_DIM?"),
        (["DATA", "-s", "IMAGE_MAX_DIM=big"], "IMAGE_MAX_DIM is 'big'; give a number"),
        (["DATA", "--weights", "no.h5"], "There are no weights no.h5; give a file, a training's"),
        (["DATA", "--weights", "."], r"\. is a folder without weights\.h5; give the folder of a"),
        (["DATA", "--recipe", "slow"], "There is no recipe 'slow'"),
        (["DATA", "--held-out", "20"], "--held-out is 20; give a share"),
        (["DATA", "--config", "classifier"], "--config classifier is not for a set"),
        (["DATA", "--test", "nowhere"], "There is no nowhere; check the path"),
    ],
)
def test_mistakes_in_a_call(mistake, made_things, arguments, sentence):  # noqa: F811
    words = [str(made_things) if word == "DATA" else word for word in arguments]
    assert re.search(sentence, mistake(*words))


def test_a_misspelt_network_is_named(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "photos", "--config", "moble"])
    assert end.value.code == MISTAKE
    assert "there is no choice 'moble'; did you mean mobile?" in capsys.readouterr().err


# ---- what is said ---------------------------------------------------------------------------
@pytest.fixture
def quick(stand_in, made_things, tmp_path, monkeypatch):  # noqa: F811
    """A folder "my things", whose trainings take no time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my things").symlink_to(made_things)
    return stand_in


def test_what_is_said_can_be_typed_as_it_stands(quick, capsys):
    assert main(["train", "my things", "--out", "a run"]) == DONE
    said = capsys.readouterr().out
    assert "my things: 10 photos of kind 0, kind 1 to train on; 2 more are held out" in said
    assert (
        "Network: a light Mask R-CNN for laptops and the Pi (MobileConfig), since the objects have "
        "masks; --config takes another." in said
    )
    assert "  maskdet detect 'a run' new_photos\n" in said
    assert "  maskdet export 'a run' 'a run'.tflite --calibration 'my things'\n" in said


def test_the_answer_for_programs(quick, capsys):
    assert main(["train", "my things", "--json", "--config", "pi"]) == DONE
    facts = json.loads(capsys.readouterr().out)
    assert facts["out"] == "trained/my_things"
    assert facts["weights"] == "trained/my_things/weights.h5"
    assert (facts["config"], facts["photos"]) == ("PiConfig", {"train": 10, "val": 2})
    assert facts["figures"] is facts["report"] is None


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (KeyboardInterrupt(), STOPPED, "stopped."),
        (OSError(28, "No space left on device"), MISTAKE, "the disk is full; free some space."),
    ],
)
def test_after_a_stop_it_is_said_how_to_go_on(quick, capsys, error, status, sentence):
    quick.error = error
    assert main(["train", "my things"]) == status
    assert capsys.readouterr().err.strip() == (
        f"maskdet: {sentence} Every finished epoch is kept; to go on from there: maskdet train "
        "'my things' --resume"
    )
    assert main(["train", "my things", "--resume"]) == DONE
    assert quick.made[1].start.endswith("stand_in_1.h5")


def test_a_stop_before_anything_was_begun_promises_nothing(quick, capsys, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("maskdet.jobs.training.choose", stopped)
    assert main(["train", "my things"]) == STOPPED
    assert capsys.readouterr().err.strip() == "maskdet: stopped."


# ---- real trainings -------------------------------------------------------------------------
@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
def test_a_stopped_training_ends_with_the_weights_of_an_uncut_one(
    made_colours,  # noqa: F811
    tmp_path,
    monkeypatch,
    capsys,
):
    make_small(monkeypatch)
    monkeypatch.chdir(tmp_path)
    arguments = ["train", str(made_colours), "--weights", "none"]
    assert main([*arguments, "--out", "uncut"]) == DONE
    stopping(monkeypatch, Classifier, 2, KeyboardInterrupt())
    assert main([*arguments, "--out", "cut"]) == STOPPED
    hint = capsys.readouterr().err.rpartition("maskdet train ")[2].split()
    assert not (tmp_path / "cut" / "weights.h5").exists()
    assert main(["train", *hint]) == DONE
    histories = [
        [
            {name: row[name] for name in ("epoch", "loss", "val_loss", "val_accuracy")}
            for row in read_history(path)
        ]
        for path in (tmp_path / run for run in ("uncut", "cut"))
        for path in path.glob("logs/*/history.csv")
    ]
    assert len(histories[0]) == 2
    assert histories[0] == histories[1]
    assert figures(tmp_path / "uncut") == figures(tmp_path / "cut")


def figures(run):
    return json.loads((run / "metrics.json").read_text())["figures"]
