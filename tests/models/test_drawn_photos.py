"""Promise: ``python -m maskdet detect`` gives every whole photo a picture of its own and says the
rest in a sentence; a single image in place of a list is said, not taken apart.
"""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from maskdet.errors import DataError, UsageError
from maskdet.images import read_image, write_image
from maskdet.inference.detect import detect
from maskdet.jobs.detecting import detect_photos


class Found:
    """A result that remembers its image; it is drawn as a plain picture of its number."""

    def __init__(self, image):
        self.shade = int(image.mean())

    def listing(self):
        return f"found {self.shade}"

    def draw(self, image):
        assert int(image.mean()) == self.shade  # a result is drawn into its own photo
        return image


class Model:
    """Takes photos by batches of two, as a network does: it reads ahead of its results."""

    def results(self, images, ahead=0):
        waiting = []
        for image in images:
            waiting.append(image)
            if len(waiting) == 2:
                yield from map(Found, waiting)
                waiting = []
        yield from map(Found, waiting)


@pytest.fixture
def opened(monkeypatch):
    """What the weights were opened with."""
    calls = []

    def open_model(weights, **settings):
        calls.append((weights, settings))
        return Model()

    monkeypatch.setattr("maskdet.models.opening.open_model", open_model)
    return calls


def make_photos(folder, *names):
    for number, name in enumerate(names, start=1):
        write_image(folder / name, np.full((8, 8, 3), 20 * number, np.uint8))
    return folder


def shades(folder):
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): round(float(read_image(path).mean()) / 20)
        for path in found
    }


def test_pictures_keep_sub_folders_and_photos_of_one_stem_apart(opened, tmp_path, capsys):
    photos = make_photos(tmp_path / "photos", "a.jpg", "a.png", "cam1/a.png", "cam2/a.png")
    out = tmp_path / "new" / "out"
    pictures = detect_photos("w.h5", [str(photos)], out, min_score=0.3)
    assert opened == [("w.h5", {"min_score": 0.3})]
    assert shades(out) == {"a_jpg.jpg": 1, "a_png.jpg": 2, "cam1/a.jpg": 3, "cam2/a.jpg": 4}
    assert {path.relative_to(out).as_posix() for path in pictures} == set(shades(out))
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 4
    assert f"a.jpg: found 20 -> {out / 'a_jpg.jpg'}" in said[0]


def test_pictures_of_an_earlier_run_are_not_photos_again(opened, tmp_path):
    make_photos(tmp_path, "a.jpg", "b.jpg")
    for _ in range(2):
        assert len(detect_photos("w.h5", [str(tmp_path)], tmp_path / "out")) == 2
    assert shades(tmp_path / "out") == {"a.jpg": 1, "b.jpg": 2}


def test_a_damaged_photo_among_others_is_named_and_the_others_stay_in_step(
    opened, tmp_path, capsys
):
    photos = make_photos(tmp_path / "photos", "a.png", "b.png", "c.png", "d.png")
    (photos / "b.png").write_bytes(b"no picture")
    detect_photos("w.h5", [str(photos)], tmp_path / "out")
    assert shades(tmp_path / "out") == {"a.jpg": 1, "c.jpg": 3, "d.jpg": 4}
    assert "b.png is no picture" in capsys.readouterr().out


def test_photos_of_which_none_is_whole_are_one_error(opened, tmp_path, capsys):
    photos = make_photos(tmp_path / "photos", "a.png", "b.png")
    for photo in photos.iterdir():
        photo.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"None of 2 photos.*a\.png"):
        detect_photos("w.h5", [str(photos)], tmp_path / "out")
    capsys.readouterr()
    with pytest.raises(DataError, match=r"^The file .*a\.png is no picture"):
        detect_photos("w.h5", [str(photos / "a.png")], tmp_path / "out")
    assert capsys.readouterr().out == ""  # the error says it, once


@pytest.mark.parametrize("out", ["photos", "taken.txt", "taken.txt/deep"])
def test_places_where_pictures_cannot_go(out, opened, tmp_path):
    photos = make_photos(tmp_path / "photos", "a.jpg")
    (tmp_path / "taken.txt").write_text("mine")
    before = (photos / "a.jpg").read_bytes()
    with pytest.raises(UsageError, match="--out"):
        detect_photos("w.h5", [str(photos)], tmp_path / out)
    assert [path.name for path in photos.iterdir()] == ["a.jpg"]
    assert (photos / "a.jpg").read_bytes() == before
    assert (tmp_path / "taken.txt").read_text() == "mine"


def test_no_photos_are_said_before_weights_are_opened(opened, tmp_path):
    with pytest.raises(UsageError, match="no photos in .*"):
        detect_photos("w.h5", [str(tmp_path)], tmp_path / "out")
    assert opened == []
    assert list(tmp_path.iterdir()) == []


# ---- a single image -------------------------------------------------------------------------
def _as_it_comes():
    """A network that gives its images back."""
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Identity()(images))


BRIGHTEST = SimpleNamespace(
    config=SimpleNamespace(
        BATCH_SIZE=2, IMAGE_CHANNEL_COUNT=3, placement_rule=lambda detecting: None
    ),
    family=SimpleNamespace(
        side_multiple=lambda config: 1,
        inference_inputs=lambda pixels, placements, config: [pixels],
        decode=lambda arrays, *facts: [int(image.max()) for image in arrays[0]],
    ),
    network=_as_it_comes(),
    class_names=(),
    facts=SimpleNamespace(outputs=()),
)


@pytest.mark.parametrize("shape", [(5, 6, 3), (5, 6)])
def test_a_single_image_is_refused_at_once(shape):
    """Its rows would pass for grey images. Nobody need ask for a result to hear of it."""
    with pytest.raises(UsageError, match=r"one image of shape \(5, 6.*\[image\]"):
        detect(BRIGHTEST, np.zeros(shape, np.uint8))


def test_images_of_one_array_are_images_each():
    images = np.zeros((3, 5, 6, 3), np.uint8)
    images[1], images[2] = 7, 9
    for given in (images, list(images), iter(images)):
        assert list(detect(BRIGHTEST, given, prepare=lambda image: (image, None))) == [0, 7, 9]
