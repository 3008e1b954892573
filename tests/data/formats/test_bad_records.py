"""Promise: with ``on_error="skip"`` a bad record costs itself, with a warning that names it, and
nothing else; without it is an error.
"""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data.formats import coco, createml, csv_table, cvat, labelme, via, voc
from maskdet.data.refusal import each_usable
from maskdet.errors import DataError, SkippedData


class Three(Dataset):
    """Three photos, a cat on each, in another place."""

    def load_image(self, image_id):
        return np.full((40, 60, 3), 50 * image_id, np.uint8)

    def load_boxes(self, image_id):
        return np.array([[4, 6, 20, 30 + image_id]], np.float32), np.array([1], np.int32)


def written(form, folder):
    dataset = Three()
    dataset.add_class("made", 1, "cat")
    for name in "abc":
        dataset.add_image("made", name, None)
    dataset.prepare()
    form.write(dataset, folder)
    return folder


def changed(folder, change):
    """The one JSON file of a folder, its content changed."""
    (file,) = folder.rglob("*.json")
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def in_labelme(folder, change):
    file = folder / "b.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def in_text(folder, pattern, new):
    (file,) = [f for f in folder.rglob("*.*") if f.suffix in (".xml", ".csv")]
    text, count = re.subn(pattern, new, file.read_text(), count=1)
    assert count == 1
    file.write_text(text)


def second_of_via(content):
    return content[next(key for key in content if key.startswith("b.png"))]


# What is wrong with the second record.
BAD = {
    "COCO, no file_name": (coco, lambda f: changed(f, lambda c: c["images"][1].pop("file_name"))),
    "COCO, no object": (coco, lambda f: changed(f, lambda c: c["images"].__setitem__(1, 5))),
    "CreateML, no name": (createml, lambda f: changed(f, lambda c: c[1].pop("image"))),
    "CreateML, no object": (createml, lambda f: changed(f, lambda c: c.__setitem__(1, "x"))),
    "CreateML, no list": (createml, lambda f: changed(f, lambda c: c[1].update(annotations=None))),
    "VIA, no name": (via, lambda f: changed(f, lambda c: second_of_via(c).update(filename=""))),
    "VIA, no regions": (via, lambda f: changed(f, lambda c: second_of_via(c).pop("regions"))),
    "LabelMe, no shapes": (labelme, lambda f: in_labelme(f, lambda c: c.update(shapes=None))),
    "LabelMe, no name": (labelme, lambda f: in_labelme(f, lambda c: c.update(imagePath=" "))),
    "CVAT, no name": (cvat, lambda f: in_text(f, r'name="b\.png"', "")),
    "CSV, no name": (csv_table, lambda f: in_text(f, r"\nb\.png", "\n")),
    "VOC, broken": (voc, lambda f: (f / "Annotations" / "b.xml").write_text("<annotation>")),
}


def ends(dataset):
    return sorted(float(dataset.load_boxes(int(i))[0][0, 3]) for i in dataset.image_ids)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_costs_itself(case, tmp_path):
    form, spoil = BAD[case]
    folder = written(form, tmp_path)
    assert ends(form.read(folder)) == [30, 31, 32]
    spoil(folder)
    with pytest.raises(DataError):
        form.read(folder)
    with pytest.warns(SkippedData) as caught:
        assert ends(form.read(folder, on_error="skip")) == [30, 32]
    # What has no id takes no object along: the object's own record is named too.
    assert len(caught) == 1 + (case == "COCO, no object")
    assert form.recognise(folder)


@pytest.mark.parametrize(
    "form", [coco, createml, csv_table, cvat, labelme, via, voc], ids=lambda form: form.NAME
)
def test_a_photo_that_may_be_either_of_two_costs_its_record(form, tmp_path):
    folder = written(form, tmp_path)
    (photo,) = folder.rglob("b.png")
    for part in ("1", "2"):
        (folder / part).mkdir()
        shutil.copy(photo, folder / part / "b.png")
    photo.unlink()
    with pytest.raises(DataError, match=r"b\.png"):
        form.read(folder)
    with pytest.warns(SkippedData, match=r"Both .*b\.png"):
        assert ends(form.read(folder, on_error="skip")) == [30, 32]


def test_records_in_order_each_parsed_once():
    def half(number, record):
        if record % 2:
            raise DataError(f"{number}: {record} is odd.", kind="wrong value")
        return number, record // 2

    with pytest.raises(DataError, match="1: 3 is odd"):
        list(each_usable(half, [2, 3, 4], skip=False))
    with pytest.warns(SkippedData, match=r"1: 3 is odd\. Skipped: gone\.") as caught:
        assert list(each_usable(half, [2, 3, 4], True, "gone")) == [(0, 1), (2, 2)]
    assert len(caught) == 1


# ---- CreateML and VIA ------------------------------------------------------------------------
def photo(folder):
    Image.new("RGB", (60, 40)).save(folder / "a.png")
    return folder


@pytest.mark.parametrize("name", ["image", "imagefilename", "filename"])
@pytest.mark.parametrize("objects", ["annotation", "annotations"])
def test_createml_by_all_of_its_keys(name, objects, tmp_path):
    where = {"x": 20, "y": 10, "width": 8, "height": 6}
    content = [{name: "a.png", objects: [{"label": "waffle", "coordinates": where}]}]
    (photo(tmp_path) / "x.json").write_text(json.dumps(content))
    dataset = Dataset.load(tmp_path)
    assert dataset.class_names == ["BG", "waffle"]
    assert dataset.load_boxes(0)[0].tolist() == [[7, 16, 13, 24]]


def regions(folder, *attributes):
    shape = {"name": "rect", "x": 1, "y": 2, "width": 8, "height": 7}
    listed = [{"shape_attributes": shape, "region_attributes": each} for each in attributes]
    content = {"a.png1": {"filename": "a.png", "size": 1, "regions": listed}}
    (photo(folder) / "via.json").write_text(json.dumps(content))
    return folder


def kinds(dataset):
    return [dataset.class_names[k] for k in dataset.load_boxes(0)[1]]


@pytest.mark.parametrize(
    ("attributes", "expected", "words"),
    [
        # The usual name says nothing: another attribute holds the class.
        (({"name": "not_defined", "kind": "cat"}, {"name": "", "kind": "dog"}),
         ["cat", "dog"], "'kind' is taken for the class, not 'name'"),
        # Two may be meant.
        (({"name": "apple", "type": "ripe"},), ["apple"], "'name' is taken .* not 'type'"),
        (({"farbe": "rot", "art": "b"},), ["rot"], "'farbe' is taken .* not 'art'"),
        # A value that nobody chose.
        (({"type": "cat"}, {"type": "not_defined"}), ["cat", "not_defined"], "1 regions .*'type'"),
    ],
    ids=["silent", "two usual", "two others", "unchosen"],
)  # fmt: skip
def test_a_class_in_doubt_is_warned_of(attributes, expected, words, tmp_path):
    with pytest.warns(match=words):
        assert kinds(via.read(regions(tmp_path, *attributes))) == expected


@pytest.mark.filterwarnings("error")
def test_no_doubt_no_warning(tmp_path):
    sure = {"class": "cat", "image_quality": {"good": True}, "note": "x"}
    assert kinds(via.read(regions(tmp_path, sure))) == ["cat"]
    both = {"name": "apple", "type": "ripe"}
    assert kinds(via.read(regions(tmp_path, both), attribute="type")) == ["ripe"]
    box = {"class": {"cat": True, "dog": False}}
    assert kinds(via.read(regions(tmp_path, box))) == ["cat"]
