"""Promise: each photo gets a line and a picture of its own; a damaged one harms no other."""

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.errors import DataError, UsageError
from maskdet.images import read_image, write_image
from maskdet.jobs.detecting import detect_photos, is_live
from maskdet.jobs.exported import is_exported


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("camera", True),
        ("camera:1", True),
        ("picamera", True),
        ("/dev/video0", True),
        ("play:folder", True),
        ("walk.mp4", True),
        ("WALK.MOV", True),
        ("photo.jpg", False),
        ("camera_photos", False),
        ("cameras/photo.jpg", False),
        ("folder", False),
    ],
)
def test_what_gives_frames(source, live):
    assert is_live(source) is live


def test_a_folder_that_is_called_camera_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "camera").mkdir()
    assert not is_live("camera")


def test_exported_files_are_known_by_their_ending():
    assert is_exported("a.tflite") and is_exported("A.TFLITE")
    assert not is_exported("a.h5") and not is_exported("tflite")


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(["a.jpg", "b.png", "sub/c.jpg"]):
        write_image(tmp_path / "photos" / name, np.full((20, 30, 3), 60 * number, np.uint8))
    return tmp_path / "photos"


@pytest.fixture
def model(monkeypatch):
    """Finds one thing in each photo, and notes the scores that it was asked for."""

    class Model:
        asked = []

        def results(self, images, ahead=0):
            for image in list(images):  # networks take several photos at once
                yield Detections(
                    np.array([[2, 3, 10, 12]], np.float32),
                    np.array([1]),
                    np.array([image.mean() / 255 + 0.5], np.float32),
                    image_shape=image.shape[:2],
                    class_names=("BG", "thing"),
                )

    def open_model(weights, min_score):
        Model.asked.append(min_score)
        return Model()

    monkeypatch.setattr("maskdet.models.opening.open_model", open_model)
    return Model


def test_each_photo_has_its_line_its_picture_and_its_result(photos, tmp_path, model, capsys):
    heard = []
    pictures = detect_photos(
        "w.h5", [str(photos)], tmp_path / "out", 0.3, heard=lambda *told: heard.append(told)
    )
    names = ["a.jpg", "b.jpg", "sub/c.jpg"]
    assert pictures == [tmp_path / "out" / name for name in names]
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        str(photos / name) for name in ("a.jpg", "b.png", "sub/c.jpg")
    ]
    assert all(line.endswith(f" -> {path}") for line, path in zip(lines, pictures, strict=True))
    assert [told[1] for told in heard] == pictures
    assert [round(float(told[2].scores[0]), 2) for told in heard] == [0.5, 0.74, 0.97]
    assert model.asked[-1] == 0.3
    assert (read_image(pictures[0]) != read_image(photos / "a.jpg")).any()


def test_without_a_folder_nothing_is_written(photos, tmp_path, model):
    heard = []
    assert detect_photos("w", [str(photos)], None, heard=lambda *told: heard.append(told)) == []
    assert [told[1] for told in heard] == [None] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_damaged_photo_is_named_and_the_others_keep_their_results(
    photos, tmp_path, model, capsys
):
    (photos / "b.png").write_bytes(b"no picture")
    heard = []
    detect_photos("w", [str(photos)], tmp_path / "out", heard=lambda *told: heard.append(told))
    assert [told[0].path.name for told in heard] == ["a.jpg", "c.jpg"]
    assert [round(float(told[2].scores[0]), 2) for told in heard] == [0.5, 0.97]
    assert "b.png" in capsys.readouterr().out


def test_a_damaged_photo_is_named_where_it_stands(photos, tmp_path, model, capsys):
    (photos / "b.png").write_bytes(b"no picture")
    detect_photos("w", [str(photos)], tmp_path / "out")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(name in line for name, line in zip(("a.jpg", "b.png", "c.jpg"), lines, strict=True))


def test_where_no_photo_can_be_read_it_is_said_once(photos, tmp_path, model, capsys):
    asked = len(model.asked)
    with pytest.raises(DataError, match=r"There is no photo .*nothing\.jpg; check the path\."):
        detect_photos("w", ["nothing.jpg"], tmp_path / "out")
    assert capsys.readouterr().out == ""
    assert len(model.asked) == asked and not (tmp_path / "out").exists()
    for path in photos.rglob("*.*g"):
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"None of 3 photos is whole; the first: "):
        detect_photos("w", [str(photos)], tmp_path / "out")


def test_a_folder_without_photos_is_said(tmp_path, model):
    with pytest.raises(UsageError, match="There are no photos in "):
        detect_photos("w", [str(tmp_path)], tmp_path / "out")
    assert model.asked == [] and not (tmp_path / "out").exists()


def test_pictures_are_not_written_over_without_being_asked(photos, tmp_path, model):
    out = tmp_path / "out"
    detect_photos("w", [str(photos / "a.jpg")], out)
    before = (out / "a.jpg").read_bytes()
    asked = len(model.asked)
    with pytest.raises(UsageError, match=r"a\.jpg is there already.* --out, or add --overwrite"):
        detect_photos("w", [str(photos)], out, overwrite=False)
    assert len(model.asked) == asked  # before the network is built
    assert (out / "a.jpg").read_bytes() == before and not (out / "b.jpg").exists()
    detect_photos("w", [str(photos)], out, overwrite=True)
    assert (out / "b.jpg").exists()


def test_a_file_of_others_is_weights_whose_family_knows_its_classes(tmp_path):
    """COCO's published detector says "person", where its file alone knows numbers."""
    path = tmp_path / "theirs.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3 and so on")
    assert not is_exported(path)
