"""Promise: ``maskdet export`` writes over nothing, and says in one sentence what it lacks."""

import shutil

import numpy as np
import pytest

from maskdet.commands.answers import DONE, MISTAKE
from maskdet.commands.main import main
from maskdet.data.dataset import Dataset
from maskdet.data.formats import coco
from maskdet.images import write_image
from tests.commands.test_detect import untrained  # noqa: F401
from tests.jobs.conftest import made_things  # noqa: F401


@pytest.fixture
def mistake(tmp_path, monkeypatch, capsys):
    """The sentence of a call that must be a mistake and leave nothing."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        before = sorted(tmp_path.rglob("*"))
        assert main(["export", *map(str, arguments)]) == MISTAKE
        assert sorted(tmp_path.rglob("*")) == before
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("maskdet: ")
        return lines[0]

    return call


def test_nothing_is_written_over(mistake, untrained, tmp_path):  # noqa: F811
    (tmp_path / "mine.tflite").write_text("mine")
    assert mistake(untrained, "mine.tflite") == (
        "maskdet: mine.tflite is there already, and nothing is written over it; give another name, "
        "or add --overwrite."
    )
    write_image(tmp_path / "page" / "photo.jpg", np.zeros((9, 9, 3), np.uint8))
    assert "page is there already" in mistake(untrained, "page")


def test_what_is_lacking(mistake, untrained):  # noqa: F811
    assert "int8" in mistake(untrained, "mine.tflite", "--precision", "int8")
    assert mistake(untrained, "mine.tflite", "--calibration", "nowhere") == (
        "maskdet: There is no nowhere; check the path of the data set."
    )
    assert "no.h5" in mistake("no.h5", "mine.tflite")


@pytest.mark.filterwarnings("ignore::maskdet.errors.MaskdetWarning")
def test_whatever_can_be_trained_on_can_be_calibrated_with(
    untrained,  # noqa: F811
    made_things,  # noqa: F811
    tmp_path,
    monkeypatch,
    capsys,
):
    """``maskdet train`` ends with such a line; damaged photos and folders of parts do no harm."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made_things, tmp_path / "damaged")
    next((tmp_path / "damaged" / "JPEGImages").iterdir()).write_bytes(b"no photo")
    for part in ("train", "val"):
        coco.write(Dataset.load(made_things), tmp_path / "parts" / part)
    calibrated = []

    def export(self, path, precision, profile, calibration, *rest, **options):
        calibrated.append(len(calibration.image_ids))
        return type("Report", (), {"rows": [], "size": 7})

    monkeypatch.setattr("maskdet.MaskRCNN.export", export)
    for data in ("damaged", "parts"):
        assert main(["export", str(untrained), "a.tflite", "--calibration", data]) == DONE
    assert calibrated[0] == 11 and calibrated[1] >= 12
    assert "written: a.tflite" in capsys.readouterr().out


def test_overwrite_replaces(untrained, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.tflite").write_text("old")
    assert main(["export", str(untrained), "mine.tflite", "--no-verify", "--overwrite"]) == DONE
    assert (tmp_path / "mine.tflite").read_bytes()[4:8] == b"TFL3"
