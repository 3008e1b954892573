"""Promise: a photo is found by its name however another system spells it, and a photo that cannot
be opened here is named, with what to do; in every format that names photos.
"""

import shutil
import unicodedata
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data.formats import (
    coco,
    createml,
    csv_table,
    cvat,
    image_folders,
    labelme,
    mask_folders,
    via,
    voc,
    yolo,
)
from maskdet.data.formats.names_alike import NamesAlike, most_alike
from maskdet.data.formats.photo_files import PhotoFinder
from maskdet.errors import DataError, SkippedData

FORMS = [coco, createml, csv_table, cvat, labelme, via, voc]
SPELLINGS = {
    "decomposed letters": lambda name: unicodedata.normalize("NFD", name),
    "capitals": str.upper,
    "percent signs": quote,
    "all of them": lambda name: quote(unicodedata.normalize("NFD", name).upper()),
}


def picture(path, shade=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40), (shade, 20, 20)).save(path)
    return path


class One(Dataset):
    """A cat on a photo."""

    def load_boxes(self, image_id):
        return np.array([[4, 6, 20, 30]], np.float32), np.array([1], np.int32)


def written(form, folder, name="Käfig_1"):
    """A set of one photo as a format writes it; gives the photo."""
    source = picture(folder.parent / "source" / f"{unicodedata.normalize('NFC', name)}.png")
    dataset = One()
    dataset.add_class("made", 1, "cat")
    dataset.add_image("made", source.stem, str(source))
    dataset.prepare()
    form.write(dataset, folder)
    (photo,) = folder.rglob("*.png")
    return photo


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.NAME)
def test_a_photo_in_another_spelling(form, spelling, tmp_path):
    photo = written(form, tmp_path / "set")
    other = photo.rename(photo.with_name(SPELLINGS[spelling](photo.name)))
    dataset = form.read(tmp_path / "set")
    assert dataset.image_info[0]["path"] == str(other)
    np.testing.assert_array_equal(dataset.load_boxes(0)[0], [[4, 6, 20, 30]])


@pytest.mark.parametrize("form", [f for f in FORMS if f is not voc], ids=lambda form: form.NAME)
def test_the_name_to_the_letter_comes_first(form, tmp_path):
    photo = written(form, tmp_path / "set", "ä")
    shutil.copy(photo, photo.with_name(photo.name.upper()))
    shutil.copy(photo, photo.with_name(quote(photo.name)))
    assert form.read(tmp_path / "set").image_info[0]["path"] == str(photo)


def test_a_stated_name_comes_before_another_spelling_of_the_file_s(tmp_path):
    folder = tmp_path / "set"
    photo = written(voc, folder)
    (xml,) = folder.rglob("*.xml")
    xml.write_text(xml.read_text(encoding="utf-8").replace(photo.name, "other.png"), "utf-8")
    photo.rename(photo.with_name(photo.name.upper()))
    assert voc.read(folder).image_info[0]["path"].endswith(photo.name.upper())
    other = picture(photo.with_name("other.png"))
    assert voc.read(folder).image_info[0]["path"] == str(other)


def test_folders_may_be_spelt_otherwise_too(tmp_path):
    train = picture(tmp_path / "Train" / "Käfig 1" / "a.png")
    picture(tmp_path / "val" / "b" / "a.png")
    finder = PhotoFinder(tmp_path)
    stated = unicodedata.normalize("NFD", "train/Käfig 1/a.png").replace(" ", "%20")
    assert finder.find(tmp_path / "x.json", stated) == train


def test_two_photos_spelt_alike_are_named(tmp_path):
    photos = [picture(tmp_path / name) for name in ("A.png", "a.PNG")]
    with pytest.raises(DataError, match=r"Both .*A\.png and .*a\.PNG may belong") as raised:
        PhotoFinder(tmp_path / ".").find(tmp_path / "x.json", "%41.Png")
    assert raised.value.kind == "ambiguous photo" and len(photos) == 2


def test_the_nearest_spelling_counts():
    decomposed = unicodedata.normalize("NFD", "Ä")
    names = NamesAlike([("ä", 1), (decomposed, 2), ("%C3%84", 3), ("b", 4), ("b", 5)])
    assert len(names) == 5
    assert names.find("Ä") == [2] and names.exact("Ä") == []
    assert names.find("%C3%84") == names.exact("%C3%84") == [3]
    assert names.find("B") == [4, 5] and names.find("c") == []
    assert most_alike([("x.PNG", 1), ("x.jpg", 2)], "X.jpg") == [2]
    # A sign that stands for no character is one of the name.
    assert NamesAlike([("50%.png", 6)]).find("50%.PNG") == [6]


def masks_beside(folder, photo, mask):
    """A photo and its mask, and another photo with its own."""
    for stem, number in ((photo, 1), ("other", 2)):
        picture(folder / "images" / f"{stem}.jpg", 90 * number)
        plane = np.zeros((40, 60), np.uint8)
        plane[: 10 * number, 5:20] = 1
        path = folder / "masks" / f"{mask if stem == photo else stem}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(plane).save(path)
    return folder


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_masks_and_labels_in_another_spelling(spelling, tmp_path):
    name = SPELLINGS[spelling]("Käfig 1")
    dataset = mask_folders.read(masks_beside(tmp_path, "Käfig 1", name))
    assert [dataset.load_boxes(i)[0].tolist() for i in (0, 1)] == [
        [[0, 5, 10, 20]],
        [[0, 5, 20, 20]],
    ]
    photo = picture(tmp_path / "yolo" / "images" / "Käfig 1.jpg")
    (tmp_path / "yolo" / "labels").mkdir()
    (tmp_path / "yolo" / "labels" / f"{name}.txt").write_text("0 .5 .5 .5 .5\n")
    (tmp_path / "yolo" / "data.yaml").write_text("names: [cat]\n")
    dataset = yolo.read(tmp_path / "yolo")
    assert dataset.image_info[0]["path"] == str(photo)
    assert dataset.load_boxes(0)[0].tolist() == [[10, 15, 30, 45]]


def test_a_mask_is_not_taken_from_the_photo_it_is_of(tmp_path):
    masks_beside(tmp_path, "a", "a")
    picture(tmp_path / "images" / "A.jpg")
    with pytest.raises(DataError, match=r"no mask for .*A\.jpg"):
        mask_folders.read(tmp_path)


# ---- photos that cannot be opened ----------------------------------------------------------
@pytest.mark.parametrize("ending", [".HEIC", ".cr2"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.NAME)
def test_a_photo_of_a_phone_is_named(form, ending, tmp_path):
    photo = written(form, tmp_path / "set")
    other = photo.rename(photo.with_suffix(ending))
    other.write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(DataError, match=f"{other.name}.*convert it") as raised:
        form.read(tmp_path / "set")
    assert raised.value.kind == "unreadable photo"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.NAME)
def test_a_converted_photo_serves_in_the_place_of_the_first(form, tmp_path):
    photo = written(form, tmp_path / "set")
    for file in (tmp_path / "set").rglob("*.*"):
        if file.suffix in (".json", ".xml", ".csv"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(".png", ".heic"), encoding="utf-8")
    photo.with_suffix(".heic").write_bytes(b"x")
    assert form.read(tmp_path / "set").image_info[0]["path"] == str(photo)


def test_masks_and_labels_of_such_a_photo_name_it(tmp_path):
    masks_beside(tmp_path, "a", "a")
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "images" / "a.HEIC").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.HEIC.*convert it"):
        mask_folders.read(tmp_path)
    (tmp_path / "images" / "data.yaml").write_text("names: [cat]\n")
    with pytest.raises(DataError, match=r"a\.HEIC.*convert it"):
        yolo.read(tmp_path / "images")


def test_a_table_without_header_names_it(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    (tmp_path / "t.csv").write_text("a.heic,1,2,9,9,cat\n")
    with pytest.raises(DataError, match=r"a\.heic.*convert it"):
        Dataset.load(tmp_path)


def test_class_folders_name_them_too(tmp_path):
    for kind in ("cat", "dog"):
        picture(tmp_path / kind / "a.png")
    (tmp_path / "cat" / "b.heic").write_bytes(b"x")
    with pytest.raises(DataError, match=r"b\.heic.*convert it"):
        image_folders.read(tmp_path)
    with pytest.warns(SkippedData, match=r"b\.heic"):
        assert len(image_folders.read(tmp_path, on_error="skip").image_ids) == 2
    picture(tmp_path / "cat" / "b.png")
    assert len(image_folders.read(tmp_path).image_ids) == 3
