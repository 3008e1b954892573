"""Promise: a damaged annotation file is named, not passed over, whatever stands beside it.

With ``on_error="skip"`` a warning names it and all other files are read.
"""

import json

import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check
from maskdet.data.formats import coco, createml, csv_table, cvat, labelme, tfrecord, via, voc
from maskdet.data.formats.json_file import Damaged, peek
from maskdet.errors import DataError, SkippedData


def coco_text(name):
    content = {
        "images": [{"id": name, "file_name": f"{name}.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": name, "category_id": 1, "bbox": [1, 2, 8, 7]}],
    }
    return json.dumps(content, indent=1)


def via_text(name):
    shape = {"name": "rect", "x": 1, "y": 2, "width": 8, "height": 7}
    region = {"shape_attributes": shape, "region_attributes": {"class": "cat"}}
    return json.dumps({name: {"filename": f"{name}.png", "regions": [region]}}, indent=1)


def createml_text(name):
    where = {"x": 5, "y": 5, "width": 4, "height": 4}
    objects = [{"label": "cat", "coordinates": where}]
    return json.dumps([{"image": f"{name}.png", "annotations": objects}], indent=1)


def labelme_text(name):
    shape = {"label": "cat", "points": [[1, 2], [9, 9]], "shape_type": "rectangle"}
    return json.dumps({"shapes": [shape], "imagePath": f"{name}.png"}, indent=1)


def cvat_text(name):
    box = '<box label="cat" xtl="1" ytl="2" xbr="9" ybr="9"/>'
    return f'<annotations>\n<image name="{name}.png">{box}</image>\n</annotations>\n'


def csv_text(name):
    return f"filename,class,xmin,ymin,xmax,ymax\n{name}.png,cat,1,2,9,9\n"


TEXTS = {
    coco: (coco_text, "json"),
    via: (via_text, "json"),
    createml: (createml_text, "json"),
    labelme: (labelme_text, "json"),
    cvat: (cvat_text, "xml"),
    csv_table: (csv_text, "csv"),
}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    for number, name in enumerate("abc"):
        Image.new("RGB", (60, 40), (80 * number, 9, 9)).save(root / f"{name}.png")
    return root


def cut(text):
    return text[: len(text) // 2]


@pytest.mark.parametrize("damage", [cut, lambda text: "", lambda text: " \n"],
                         ids=["cut off", "empty", "blank"])  # fmt: skip
@pytest.mark.parametrize("form", TEXTS, ids=lambda form: form.NAME)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_of_three_files_is_damaged(form, damage, place, folder):
    make, ending = TEXTS[form]
    for number, name in enumerate("abc"):
        text = make(name)
        (folder / f"{name}.{ending}").write_text(damage(text) if number == place else text)
    bad = f"{'abc'[place]}.{ending}"
    with pytest.raises(DataError, match=rf"{bad}"):
        Dataset.load(folder)
    with pytest.warns(SkippedData, match=rf"{bad}") as caught:
        dataset = Dataset.load(folder, on_error="skip")
    assert len(caught) == 1
    sound = {"a.png", "b.png", "c.png"} - {f"{'abc'[place]}.png"}
    assert {info["path"].split("/")[-1] for info in dataset.image_info} >= sound
    assert dataset.class_counts() == {"cat": 2}
    report = check(folder)
    assert not report.sound and any(bad in finding.message for finding in report.findings)


@pytest.mark.parametrize("form", [coco, via, createml, labelme, cvat], ids=lambda form: form.NAME)
def test_the_only_file_breaks_off(form, folder):
    make, ending = TEXTS[form]
    path = folder / f"all.{ending}"
    path.write_text(make("a").rstrip()[:-4])
    for where in (folder, path):
        with pytest.raises(DataError, match=rf"all\.{ending}, line \d"):
            Dataset.load(where)


def test_a_large_file_that_breaks_off_is_damaged(tmp_path):
    path = tmp_path / "c.json"
    text = coco_text("a")
    path.write_text(text[:-1] + " " * (5 << 20) + "}")
    assert type(peek(path)) is str
    path.write_text(text[:-1] + " " * (5 << 20) + ",")
    assert type(peek(path)) is Damaged


def test_a_sound_cvat_file_is_not_blamed_for_a_damaged_one(folder):
    (folder / "1.xml").write_text(cvat_text("a"))
    (folder / "2.xml").write_text(cut(cvat_text("b")))
    assert not voc.recognise(folder)
    with pytest.raises(DataError, match=r"2\.xml, line \d"):
        Dataset.load(folder)


def test_a_record_file_whose_beginning_is_damaged(folder, tmp_path):
    (folder / "a.csv").write_text(csv_text("a"))
    dataset = csv_table.read(folder)
    for name in ("train", "val", "test"):
        tfrecord.write(dataset, tmp_path / "records", name=f"{name}.record")
    content = (tmp_path / "records" / "val.record").read_bytes()
    (tmp_path / "records" / "val.record").write_bytes(b"xx" + content[2:])
    (tmp_path / "records" / "test.record").write_bytes(b"")  # an empty shard is sound
    with pytest.raises(DataError, match=r"record 0 of .*val\.record is damaged"):
        Dataset.load(tmp_path / "records")
    with pytest.warns(SkippedData, match=r"val\.record"):
        assert len(Dataset.load(tmp_path / "records", on_error="skip").image_ids) == 1


def test_other_files_beside_a_set_are_no_damage(folder):
    """A table of somebody's, an XML of a program: they are no annotations and not empty."""
    (folder / "a.csv").write_text(csv_text("a"))
    (folder / "prices.csv").write_text("nut;3\nbolt;4\n")
    assert len(Dataset.load(folder).image_ids) == 1
    (folder / "a.csv").unlink()
    (folder / "a.xml").write_text(cvat_text("a"))
    (folder / "settings.xml").write_text("<settings/>")
    (folder / "prices.csv").unlink()
    assert len(Dataset.load(folder).image_ids) == 1
