"""Promise: a training takes a folder of its own, touches nothing of anybody else's there, and goes
on only as what it was."""

import os

import pytest

from maskdet.errors import UsageError
from maskdet.jobs.run_folder import RunFolder, folder_of

OPTIONS = {"data": "/photos", "seed": 3, "settings": {"RPN_ANCHOR_SCALES": (8, 16)}}


@pytest.fixture
def begun(tmp_path):
    """A folder with a training, and files that people have put beside it."""
    folder = RunFolder(tmp_path / "out")
    folder.begin(OPTIONS, {})
    for path in (folder.weights, folder.report, folder.metrics, folder.logs / "a" / "history.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    (folder.path / "notes.txt").write_text("mine")
    return folder


def test_a_new_or_empty_folder_is_free(tmp_path):
    RunFolder(tmp_path / "a" / "b").check_free(overwrite=False)
    RunFolder(tmp_path).check_free(overwrite=False)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("overwrite", [True, False])
def test_somebodys_own_folder_is_never_taken(tmp_path, overwrite):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(UsageError, match="is no training's folder; give another one with --out"):
        RunFolder(tmp_path).check_free(overwrite)


def test_a_file_and_what_lies_below_one_cannot_be_a_folder(tmp_path):
    file = tmp_path / "out"
    file.write_text("mine")
    for path in (file, file / "below"):
        with pytest.raises(UsageError, match=r"out is a file; give another folder with --out\."):
            RunFolder(path).check_free(overwrite=True)
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match=r"cannot be written; give another folder with --out\."):
        RunFolder(tmp_path / "new" / "out").check_free(overwrite=False)


def test_a_training_is_replaced_when_asked_and_peoples_files_stay(begun):
    with pytest.raises(UsageError, match=r"--resume .* --overwrite .* --out"):
        begun.check_free(overwrite=False)
    begun.check_free(overwrite=True)
    begun.begin({"data": "/other"}, {})
    assert sorted(path.name for path in begun.path.iterdir()) == ["notes.txt", "run.json"]
    assert (begun.path / "notes.txt").read_text() == "mine"
    assert begun.options() == {"data": "/other"}


def test_the_same_options_go_on_and_tuples_are_the_same_as_before(begun):
    assert begun.resumed(OPTIONS)["settings"] == {"RPN_ANCHOR_SCALES": [8, 16]}
    assert begun.resumed({"data": "/photos"})["seed"] == 3


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"seed": 4}, r"was begun with --seed 3, not with --seed 4; leave --seed out"),
        ({"held_out": 0.3}, r"was begun without --held-out, not with --held-out 0\.3"),
        ({"settings": {}}, r"was begun with -s \{'RPN_ANCHOR_SCALES': \[8, 16\]\}, not with -s"),
        ({"data": "/a"}, r"is of /photos, not of /a; give that set .* or another --out"),
    ],
)
def test_another_option_is_named(begun, option, sentence):
    with pytest.raises(UsageError, match=sentence):
        begun.resumed(option)


def test_nothing_to_go_on_with(tmp_path):
    with pytest.raises(UsageError, match=r"There is no training in .*none.*; leave out --resume"):
        RunFolder(tmp_path / "none").options()


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"format": "other"}', '{"format": "maskdet.run"}', "\0"]
)
def test_a_damaged_run_file_is_said(begun, text):
    begun.run.write_text(text)
    with pytest.raises(UsageError, match=r"run\.json is damaged \(.*\), so .* --overwrite\.$"):
        begun.options()


def test_weights_and_checkpoints_know_their_training(begun, tmp_path):
    assert folder_of(begun.weights).path == begun.path
    assert folder_of(begun.logs / "a" / "best.h5").path == begun.path
    assert folder_of(tmp_path / "mine.h5") is None


def test_the_log_folder_is_the_last_one(begun, tmp_path):
    (begun.logs / "b").mkdir()
    assert begun.log_dir() == begun.logs / "a"  # the other has no history
    (begun.logs / "b" / "history.csv").touch()
    assert begun.log_dir() == begun.logs / "b"
    assert RunFolder(tmp_path / "none").log_dir() is None
