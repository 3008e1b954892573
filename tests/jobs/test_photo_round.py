"""Promise: photos that are read, drawn and written in threads come out as they would one by one,
in their order, and no more than a bounded number of them is in memory."""

import contextlib
import gc
import time
import weakref

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.images import read_image, write_image
from maskdet.jobs import photo_round
from maskdet.jobs.photo_round import AHEAD, answered, picture_path
from maskdet.photo_results import asked_photos

BATCH = 5


class Model:
    """Finds something in each photo that only it has; takes photos by batches, as networks do."""

    def find(self, image):
        height, width = image.shape[:2]
        box = [2, 3, height - 3, 4 + image[0, 0, 0] % (width - 5)]
        small = np.add.outer(np.linspace(0, 0.7, 14), np.linspace(0, 0.7, 14))[None]
        score = [image.mean() / 255]
        return Detections([box], [1], score, ("BG", "thing"), (height, width), small)

    def results(self, images, ahead=0):
        waiting = []
        for image in images:
            waiting.append(image)
            if len(waiting) == BATCH:
                yield from map(self.find, waiting)
                waiting = []
        yield from map(self.find, waiting)


@pytest.fixture
def asked(tmp_path):
    """37 photos of different sizes, three of them damaged."""
    rng = np.random.default_rng(0)
    for number in range(37):
        path = tmp_path / "photos" / f"{number:02}.png"
        shape = rng.integers(20, 90, 2)
        write_image(path, rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
        if number in (0, 17, 36):
            path.write_bytes(b"no picture")
    return asked_photos([tmp_path / "photos"])


def test_pictures_are_those_of_one_after_another_bit_for_bit(asked, tmp_path):
    answers = list(answered(Model(), asked, tmp_path / "out"))
    assert [one.photo for one in answers] == asked
    for number, (one, photo) in enumerate(zip(answers, asked, strict=True)):
        if number in (0, 17, 36):
            assert photo.path.name in one.failure and one.result is one.picture is None
            continue
        image = read_image(photo.path)
        expected = Model().find(image)
        assert one.result == expected and not one.failure
        assert one.picture == picture_path(tmp_path / "out", photo)
        write_image(tmp_path / "alone.jpg", expected.draw(image))
        assert one.picture.read_bytes() == (tmp_path / "alone.jpg").read_bytes()
    assert len(list((tmp_path / "out").iterdir())) == 34


@pytest.mark.parametrize("folder", [None, "out"])
def test_the_number_of_photos_in_memory_does_not_grow(asked, tmp_path, monkeypatch, folder):
    alive, most = set(), [0]

    def noted(path):
        image = read_image(path)
        alive.add(id(image))
        most[0] = max(most[0], len(alive))
        weakref.finalize(image, alive.discard, id(image))
        return image

    monkeypatch.setattr(photo_round, "read_image", noted)
    good = [photo for photo in asked if photo.path.name not in ("00.png", "17.png", "36.png")] * 6
    assert len(list(answered(Model(), good, folder and tmp_path / folder))) == 34 * 6
    gc.collect()
    assert not alive
    # Read ahead; a batch in the network and its results; being drawn and waiting for it.
    assert AHEAD <= most[0] <= 2 * (AHEAD + 1) + 2 * BATCH


def test_who_stops_leaves_whole_pictures_and_no_thread(asked, tmp_path):
    """Ctrl-C, or a reader of the output who has seen enough."""
    with contextlib.closing(answered(Model(), asked, tmp_path / "out")) as answers:
        for _ in range(3):
            next(answers)
    written = sorted((tmp_path / "out").iterdir())
    assert 2 <= len(written) <= 3 + AHEAD + photo_round._THREADS
    for path in written:
        read_image(path)
    time.sleep(0.05)
    assert sorted((tmp_path / "out").iterdir()) == written


def test_a_picture_that_cannot_be_written_is_the_callers_error(asked, tmp_path, monkeypatch):
    def full(path, array):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(photo_round, "write_image", full)
    with pytest.raises(OSError, match="No space left"):
        list(answered(Model(), asked, tmp_path / "out"))
