"""Promise: ``maskdet detect`` says in one sentence what it lacks, before a network is built where
that can be known, and leaves nothing behind then."""

import sys

import numpy as np
import pytest

from maskdet import MaskRCNN, PiConfig
from maskdet.commands.answers import MISTAKE
from maskdet.commands.main import main
from maskdet.images import write_image
from tests.docs.small import SETTINGS


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """Weights of a small network that has learnt nothing."""

    class Small(PiConfig):
        NAME, NUM_CLASSES = "mine", 3

    for name, value in SETTINGS.items():
        setattr(Small, name, value)
    folder = tmp_path_factory.mktemp("weights")
    model = MaskRCNN("inference", Small(), folder / "logs")
    model.class_names = ("BG", "cat", "dog")
    model.save_weights(folder / "mine.h5")
    return folder / "mine.h5"


@pytest.fixture
def mistake(tmp_path, monkeypatch, capsys):
    """The sentence of a call that must be a mistake and leave nothing."""
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "photo.jpg", np.zeros((20, 30, 3), np.uint8))

    def call(*arguments):
        before = sorted(tmp_path.rglob("*"))
        assert main(["detect", *map(str, arguments)]) == MISTAKE
        assert sorted(tmp_path.rglob("*")) == before
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("maskdet: ")
        return lines[0]

    return call


def test_a_missing_photo(mistake, untrained):
    assert mistake(untrained, "foto.jpg") == (
        "maskdet: There is no photo foto.jpg; check the path."
    )


def test_a_folder_without_photos(mistake, untrained, tmp_path):
    (tmp_path / "empty").mkdir()
    assert mistake(untrained, "empty") == (
        "maskdet: There are no photos in empty; give photos, or folders with some (.jpg, .png)."
    )


def test_a_video_beside_photos(mistake, untrained):
    assert mistake(untrained, "photo.jpg", "walk.mp4") == (
        "maskdet: walk.mp4 gives frames, not a photo; give it alone."
    )


def test_a_video_that_is_not_there(mistake, untrained):
    assert "There is no walk.mp4" in mistake(untrained, "walk.mp4")


def test_without_opencv(mistake, untrained, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / "walk.mp4").write_bytes(b"video")
    assert "OpenCV" in mistake(untrained, "walk.mp4", "--no-save")


def test_a_camera_that_is_not_there(mistake, untrained):
    sentence = mistake(untrained, "camera:7")
    assert "OpenCV" in sentence or "camera 7" in sentence.lower()


def test_photos_among_the_results(mistake, untrained):
    sentence = mistake(untrained, "photo.jpg", "--out", ".")
    assert "where the results are to go; give a folder of its own" in sentence


def test_a_score_that_is_none(mistake, untrained):
    assert "give a share between 0 and 1, such as 0.5" in mistake(
        untrained, "photo.jpg", "--min-score", "50"
    )


def test_weights_that_are_not_there_or_say_nothing(mistake, tmp_path, untrained):
    assert "no.h5" in mistake("no.h5", "photo.jpg")
    (tmp_path / "half").mkdir()
    assert "half is a folder without weights.h5; give the folder of a finished training" in (
        mistake("half", "photo.jpg")
    )
    (tmp_path / "foreign.tflite").write_bytes(b"no file")
    assert "foreign.tflite" in mistake("foreign.tflite", "photo.jpg")
