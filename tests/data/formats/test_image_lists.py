"""Promise: a list of images is read line by line as it was meant, odd lines included."""

import unicodedata

import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data.formats import voc
from maskdet.data.formats.image_lists import listed_names
from maskdet.data.image_sets import read_image_sets, write_image_sets
from maskdet.errors import DataError, SkippedData

LINES = {
    "photo 1": (1, "photo 1", ""),
    "photo 1  -1": (1, "photo 1", "-1"),
    "a 1": (1, "a 1", ""),  # a name that ends like a mark
    "b 1": (1, "b", "1"),
    "b.JPG": (1, "b", ""),
    "b.xml 0": (1, "b", "0"),
    "c.jpg": (1, "c.jpg", ""),
    "zz 1": (1, "zz", "1"),
    "z y": (1, "z y", ""),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line(line, tmp_path):
    (tmp_path / "l.txt").write_text(f"\ufeff {line} \r\n\r\n", encoding="utf-8")
    known = {"photo 1", "a 1", "a", "b", "c.jpg", "c"}
    assert list(listed_names(tmp_path / "l.txt", known.__contains__)) == [LINES[line]]


def put(folder, *names):
    for name in names:
        photo = folder / "JPEGImages" / f"{name}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40)).save(photo)
        file = folder / "Annotations" / f"{name}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<annotation><filename>{photo.name}</filename></annotation>")
    return folder


def listing(folder, text, encoding="utf-8"):
    path = folder / "ImageSets" / "Main" / "train.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return folder


def ids(dataset):
    return [unicodedata.normalize("NFC", str(info["id"])) for info in dataset.image_info]


def test_both_readers_of_lists_agree(tmp_path):
    put(tmp_path, "Käfig 1", "photo 2", "c")
    decomposed = unicodedata.normalize("NFD", "Käfig 1")
    listing(tmp_path, f"\ufeff{decomposed}\r\nPHOTO 2 1\r\n")
    assert ids(voc.read(tmp_path, image_set="train")) == ["Käfig 1", "photo 2"]
    parts = read_image_sets(Dataset.load(tmp_path), tmp_path / "ImageSets" / "Main")
    assert ids(parts["train"]) == ["Käfig 1", "photo 2"]


def test_names_in_several_folders(tmp_path):
    folder = put(tmp_path, "one/a", "two/a")
    with pytest.raises(DataError, match=r"lists a, which may be .*one/a\.xml or .*two/a\.xml"):
        voc.read(listing(folder, "a\n"), image_set="train")
    with pytest.warns(SkippedData, match="lists a, which may be"), pytest.raises(DataError):
        voc.read(folder, image_set="train", on_error="skip")
    dataset = voc.read(folder)
    write_image_sets(tmp_path / "ImageSets" / "Main", {"train": dataset.subset([1])})
    part = voc.read(folder, image_set="train")
    assert [info["path"] for info in part.image_info] == [dataset.image_info[1]["path"]]


def test_a_list_that_is_no_text_is_named(tmp_path):
    folder = listing(put(tmp_path, "a"), "a\n", "utf-16")
    with pytest.raises(DataError, match=r"train\.txt cannot be read"):
        voc.read(folder, image_set="train")
    with pytest.raises(DataError, match=r"train\.txt cannot be read"):
        read_image_sets(Dataset.load(folder), folder / "ImageSets" / "Main")
