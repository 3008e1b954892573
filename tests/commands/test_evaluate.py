"""Promise: ``maskdet evaluate`` says in one sentence why there are no figures."""

import shutil

import h5py
import pytest

from maskdet.commands.answers import MISTAKE
from maskdet.commands.main import main
from maskdet.commands.options import WEIGHTS_FILE
from maskdet.jobs import run_folder
from tests.commands.test_detect import untrained  # noqa: F401
from tests.jobs.conftest import made_colours, made_things  # noqa: F401


@pytest.fixture
def mistake(tmp_path, monkeypatch, capsys):
    """The sentence of a call that must be a mistake and leave nothing."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        before = sorted(tmp_path.rglob("*"))
        assert main(["evaluate", *map(str, arguments)]) == MISTAKE
        assert sorted(tmp_path.rglob("*")) == before
        lines = [line for line in capsys.readouterr().err.splitlines() if ": note: " not in line]
        lines = [line for line in lines if not line.startswith(("detecting", "\r"))]
        assert len(lines) == 1 and lines[0].startswith("maskdet: ")
        return lines[0]

    return call


def test_commands_and_jobs_call_the_weights_alike():
    assert WEIGHTS_FILE == run_folder.WEIGHTS


def test_without_photos(mistake, untrained):  # noqa: F811
    assert mistake(untrained) == "maskdet: Say which photos: maskdet evaluate WEIGHTS DATA."


def test_a_set_of_other_classes_names_the_near_miss(
    mistake,
    untrained,  # noqa: F811
    made_things,  # noqa: F811
    tmp_path,
):
    shutil.copytree(made_things, tmp_path / "data")
    for path in (tmp_path / "data" / "Annotations").iterdir():
        text = path.read_text().replace("kind 0", "Cats").replace("kind 1", "dog")
        path.write_text(text)
    sentence = mistake(untrained, "data")
    assert "cannot be scored on it (is 'Cats' what the weights call 'cat'?); name the" in sentence


def test_a_set_for_another_task(mistake, untrained, made_colours):  # noqa: F811
    assert mistake(untrained, made_colours) == (
        "maskdet: This network is for detection, but the set has a class for each photo; give a "
        "set or weights that fit."
    )


def test_photos_that_are_not_there(mistake, untrained):  # noqa: F811
    assert mistake(untrained, "nowhere") == (
        "maskdet: There is no nowhere; check the path of the data set."
    )


def test_an_unknown_part(mistake, untrained, made_things):  # noqa: F811
    sentence = mistake(untrained, made_things, "--part", "tset")
    assert "has no part 'tset'" in sentence and "leave out --part" in sentence


def test_a_setting_that_is_none(mistake, untrained, made_things):  # noqa: F811
    sentence = mistake(untrained, made_things, "-s", "DETECTION_NMS_TRESHOLD=0.4")
    assert "did you mean DETECTION_NMS_THRESHOLD?" in sentence


def test_weights_that_do_not_say_what_they_are(mistake, made_things, tmp_path):  # noqa: F811
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        layer = file.create_group("conv")
        layer["conv/kernel:0"] = [1.0]
        layer.attrs["weight_names"] = [b"conv/kernel:0"]
        file.attrs["layer_names"] = [b"conv"]
    sentence = mistake("plain.h5", made_things)
    assert "plain.h5 does not say how its network is made" in sentence
    assert "plain.h5.json is missing or damaged; copy it along" in sentence


def test_a_file_of_somebody_else(mistake, made_things, tmp_path):  # noqa: F811
    (tmp_path / "theirs.tflite").write_bytes(b"TFL3" * 20)
    assert "theirs.tflite" in mistake("theirs.tflite", made_things)


def test_a_report_of_an_exported_file_and_a_report_that_is_there(
    mistake,
    untrained,  # noqa: F811
    made_things,  # noqa: F811
    tmp_path,
):
    assert "gives figures only" in mistake("a.tflite", made_things, "--report", "r.html")
    assert "gives figures only" in mistake("a.tflite", made_things, "-s", "NAME=x")
    (tmp_path / "report.html").write_text("mine")
    assert "report.html is there already, and nothing is written over it" in (
        mistake(untrained, made_things)
    )
