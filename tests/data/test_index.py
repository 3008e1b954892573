"""Promise: a large set opens from its index in no time, unchanged, and a change is noticed."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import formats
from maskdet.data.annotated import Shape
from maskdet.data.index import LazyInfos, _packed, _unpacked, _unpacked_warning, fingerprint
from maskdet.errors import DataWarning, MaskdetWarning, UsageError

XML = (
    "<annotation><filename>{0}.png</filename><size><width>20</width><height>10</height></size>"
    "<object><name>{1}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax>"
    "</bndbox></object></annotation>"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "home"))
    root = tmp_path / "set"
    root.mkdir()
    for number in range(12):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(root / f"{number:02}.png")
        (root / f"{number:02}.xml").write_text(XML.format(f"{number:02}", "ab"[number % 2]))
    return root


def boxes(dataset):
    return [
        (info["id"], *(array.tolist() for array in dataset.load_boxes(i)))
        for i, info in enumerate(dataset.image_info)
    ]


def test_the_index_gives_what_reading_gives(folder):
    plain = Dataset.load(folder, index=False)
    first, second = (Dataset.load(folder, index=True) for _ in range(2))
    assert isinstance(second.image_info, LazyInfos)
    for dataset in (first, second):
        assert boxes(dataset) == boxes(plain)
        assert dataset.class_names == plain.class_names
        assert dataset.class_counts() == plain.class_counts()
        assert dataset.image_from_source_map == plain.image_from_source_map
        assert (dataset.load_image(7) == plain.load_image(7)).all()


def test_the_second_time_no_annotation_is_read(folder, monkeypatch):
    Dataset.load(folder, index=True)
    monkeypatch.setattr(formats.voc, "read", lambda *a, **k: pytest.fail("read again"))
    assert len(Dataset.load(folder, index=True).image_ids) == 12


@pytest.mark.parametrize("change", ["new file", "new content", "gone", "new time"])
def test_a_changed_folder_is_read_anew(folder, change):
    Dataset.load(folder, index=True)
    before = fingerprint(folder)
    if change == "new file":
        Image.new("RGB", (20, 10)).save(folder / "new.png")
        (folder / "new.xml").write_text(XML.format("new", "c"))
    elif change == "new content":
        (folder / "03.xml").write_text(XML.format("03", "other"))
    elif change == "gone":
        (folder / "03.xml").unlink()
    else:
        os.utime(folder / "03.xml", ns=(1, 1))
    assert fingerprint(folder) != before
    assert boxes(Dataset.load(folder, index=True)) == boxes(Dataset.load(folder, index=False))
    indexes = [p for p in (Path(os.environ["MASKDET_HOME"]) / "index").glob("*/*") if p.is_dir()]
    assert len(indexes) == 1  # the old one went


def test_other_options_are_another_index(folder):
    assert Dataset.load(folder, index=True, classes=["b", "a"]).class_names == ["BG", "b", "a"]
    assert Dataset.load(folder, index=True, classes=["a", "b"]).class_names == ["BG", "a", "b"]


def test_warnings_come_again(folder):
    (folder / "05.xml").write_text("<annotation><object>")
    for _ in range(2):
        with pytest.warns(MaskdetWarning, match="05.xml"):
            assert len(Dataset.load(folder, index=True, on_error="skip").image_ids) == 11


def test_warnings_come_again_with_what_they_carry(folder):
    (folder / "05.xml").write_text("<annotation><object>")
    (folder / "06.xml").write_text(XML.format("06", "a").replace("<width>20", "<width>30"))
    seen = []
    for _ in range(2):
        with pytest.warns(DataWarning) as caught:
            Dataset.load(folder, index=True, on_error="skip")
        seen.append({entry.message.kind: entry.message for entry in caught})
    for first, again in zip(seen[0].values(), seen[1].values(), strict=True):
        assert (type(again), str(again)) == (type(first), str(first))
    error = seen[1]["broken XML"].error
    assert (error.path, error.line) == (str(folder / "05.xml"), 1)
    assert str(error) == str(seen[0]["broken XML"].error)
    assert set(seen[1]) == {"broken XML", "size of another photo"}


def test_warnings_of_older_indexes_are_still_given():
    old = _unpacked_warning("a.xml is odd.")
    assert type(old) is MaskdetWarning and str(old) == "a.xml is odd."


def test_parts_stay_lazy_and_travel_to_other_processes(folder):
    dataset = Dataset.load(folder, index=True)
    part = dataset.subset([5, 2, 11])
    assert isinstance(part.image_info, LazyInfos)
    assert [info["id"] for info in part.image_info] == ["05", "02", "11"]
    assert [i["id"] for i in part.subset([2, 0]).image_info] == ["11", "05"]
    again = pickle.loads(pickle.dumps(part))
    assert boxes(again) == boxes(part)
    assert part.image_info[-1]["id"] == "11" and len(part.image_info[:2]) == 2
    with pytest.raises(IndexError):
        part.image_info[3]


def test_images_can_be_added_afterwards(folder):
    dataset = Dataset.load(folder, index=True)
    dataset.add_image("voc", "more", None)
    dataset.prepare()
    assert dataset.image_info[-1]["id"] == "more" and len(dataset.image_ids) == 13


def test_small_folders_are_not_kept(folder):
    assert isinstance(Dataset.load(folder).image_info, list)
    with pytest.raises(UsageError, match="auto"):
        Dataset.load(folder, index="always")


def test_every_kind_of_value_comes_back():
    shape = Shape(polygons=(np.array([[0.5, 1], [2, 3], [4, 1]]),))
    info = {
        "text": "ä",
        "none": None,
        "tuple": (1, 2.5),
        "list": [True, "x"],
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "empty": np.zeros((0, 4), np.int32),
        "shape": shape,
        "rle": Shape(rle={"size": [2, 2], "counts": b"abc"}),
    }
    back = _unpacked(_packed(info))
    for name in ("text", "none", "tuple", "list"):
        assert back[name] == info[name]
    for name in ("array", "empty"):
        assert back[name].dtype == info[name].dtype and back[name].shape == info[name].shape
    np.testing.assert_array_equal(back["shape"].polygons[0], shape.polygons[0])
    assert back["rle"].rle == {"size": [2, 2], "counts": b"abc"}
