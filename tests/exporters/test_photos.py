"""Promise: photos to calibrate with may be named in any plausible way, are read one by one when
they are needed, and what is no photos is refused before the work begins.
"""

from itertools import count

import numpy as np
import pytest

import maskdet.exporters.photos as module
from maskdet import Dataset
from maskdet.errors import UsageError
from maskdet.exporters.photos import (
    PhotoFiles,
    any_photos,
    calibration_images,
    compared_photos,
    photos_given,
)
from maskdet.images import write_image


def shade(image):
    """What the photo was made with: its number."""
    return int(np.asarray(image).mean())


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["0.png", "1.png", "2.png", "3.png", "sub/4.png"]):
        write_image(tmp_path / name, np.full((6, 8, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("no photo")
    return tmp_path


@pytest.fixture
def reads(monkeypatch):
    """Names of the photos read so far."""
    names = []

    def counted(path, read=module.read_image):
        names.append(str(path).replace("\\", "/").rpartition("/")[2])
        return read(path)

    monkeypatch.setattr(module, "read_image", counted)
    return names


# ---- what may be given ----------------------------------------------------------------------
@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_a_folder_with_its_sub_folders(kind, folder):
    photos = photos_given(kind(folder))
    assert [shade(photo) for photo in photos] == [0, 1, 2, 3, 4]
    assert photos[0].dtype == np.uint8
    assert photos[0].shape == (6, 8, 3)


def test_one_photos_path(folder):
    assert [shade(photo) for photo in photos_given(folder / "2.png")] == [2]


@pytest.mark.parametrize("kind", [list, tuple])
def test_paths_in_their_order(kind, folder):
    photos = photos_given(kind([str(folder / "3.png"), folder / "1.png"]))
    assert [shade(photo) for photo in photos] == [3, 1]


def test_images_of_one_array_are_images_each():
    array = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 6, 8, 3), np.uint8)
    photos = photos_given(array)
    assert any_photos(photos)
    assert [photo.shape for photo in photos] == [(6, 8, 3)] * 3
    assert [shade(photo) for photo in calibration_images(photos, 2, False)] == [0, 1]
    assert not any_photos(photos_given(array[:0]))


def test_one_image_is_not_taken_for_a_list_of_its_rows():
    with pytest.raises(UsageError, match="one image"):
        photos_given(np.zeros((6, 8, 3), np.uint8))


def test_data_sets_lists_of_images_and_generators_stay_as_they_are():
    dataset, images = Dataset(), [np.zeros((6, 8, 3), np.uint8)]
    endless = (image for image in images * 2)
    for source in (None, dataset, images, [], endless):
        assert photos_given(source) is source
    assert next(endless) is images[0]  # nothing was taken from it


@pytest.mark.parametrize("source", [5, 0, 2.5, True])
def test_anything_else_is_refused_by_its_kind(source):
    with pytest.raises(UsageError, match=f"a {type(source).__name__}; give a data set, images"):
        photos_given(source)


def test_a_folder_without_photos_is_refused_by_its_name(tmp_path):
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(UsageError, match="no photos in .*calibrate") as caught:
        photos_given(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_export_says_so_before_it_works(tiny_model, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for calibration, said in ((5, "is a int"), (empty, "no photos in"), (str(empty), "no photos")):
        with pytest.raises(UsageError, match=said):
            tiny_model.export(tmp_path / "x.tflite", calibration=calibration, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


# ---- read when needed -----------------------------------------------------------------------
def test_a_photo_is_read_when_it_is_asked_for(folder, reads):
    """A folder of ten thousand photos does not fill the memory."""
    photos = photos_given(folder)
    assert len(photos) == 5
    assert any_photos(photos)
    assert reads == []
    assert shade(photos[2]) == 2
    assert shade(photos[-1]) == 4
    assert reads == ["2.png", "4.png"]
    photos[2]  # not kept either
    assert reads == ["2.png", "4.png", "2.png"]


def test_a_slice_is_read_no_sooner(folder, reads):
    some = photos_given(folder)[1:4]
    assert isinstance(some, PhotoFiles)
    assert len(some) == 3
    assert reads == []
    assert [shade(photo) for photo in some[::-2]] == [3, 1]
    assert reads == ["3.png", "1.png"]


def test_beyond_the_last_photo_is_an_index_error(folder):
    photos = photos_given(folder)
    with pytest.raises(IndexError):
        photos[5]


def test_no_more_photos_are_read_than_are_measured(folder, reads):
    images = calibration_images(photos_given(folder), 3, False)
    assert reads == []
    assert shade(next(images)) == 0
    assert reads == ["0.png"]
    assert [shade(image) for image in images] == [1, 2]
    assert reads == ["0.png", "1.png", "2.png"]


def test_fewer_photos_than_the_limit_are_all_taken(folder):
    assert len(list(calibration_images(photos_given(folder), 100, False))) == 5


def test_an_endless_generator_is_not_emptied():
    source = count()
    assert list(calibration_images(source, 4, False)) == [0, 1, 2, 3]
    assert next(source) == 4


def test_file_and_network_are_compared_on_photos_that_were_not_measured_with(folder, reads):
    compared = compared_photos(None, photos_given(folder), calibrated=3, most=2)
    assert [shade(image) for image in compared.images] == [3, 4]
    assert reads == ["3.png", "4.png"]
    assert not compared.made_up
