"""Promise: no two records are taken for one, and no photo stands in a data set twice.

An object that a record would lose or hand to another photo is named instead.
"""

import json
import warnings

import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check, split
from maskdet.data.formats import coco, createml, csv_table, cvat, labelme, tfrecord, via
from maskdet.data.formats.label_map import read_label_map
from maskdet.errors import DataError, DataWarning, SkippedData

HEADER = "filename,class,xmin,ymin,xmax,ymax\n"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    for number, name in enumerate("ab"):
        Image.new("RGB", (200, 100), (90 * number, 90, 9)).save(root / f"{name}.png")
    return root


def coco_file(path, images, annotations, categories=((1, "cat"), (2, "dog"))):
    """Images (id, name), annotations (image, category, box), categories (id, name)."""
    content = {
        "images": [{"id": key, "file_name": name} for key, name in images],
        "annotations": [
            {"image_id": image, "category_id": category, "bbox": box}
            for image, category, box in annotations
        ],
        "categories": [{"id": key, "name": name} for key, name in categories],
    }
    path.write_text(json.dumps(content))


BOX, OTHER = [10, 10, 30, 30], [60, 10, 30, 30]
SIDES, OTHER_SIDES = [10, 10, 40, 40], [10, 60, 40, 90]


def test_an_image_id_of_two_photos_is_refused(folder):
    coco_file(folder / "c.json", [(1, "a.png"), (1, "b.png"), (2, "a.png")], [(1, 1, BOX)])
    with pytest.raises(DataError, match=r"image id 1 stands for 'a\.png' and for 'b\.png'"):
        coco.read(folder)
    with pytest.warns(SkippedData, match="image id 1") as caught:
        dataset = coco.read(folder, on_error="skip")
    assert len(caught) == 1
    assert [len(dataset.load_boxes(int(i))[1]) for i in dataset.image_ids] == [0]
    report = check(folder)
    assert not report.sound and "image id 1" in report.of_kind("unusable annotation")[0].message


def test_one_record_twice_is_no_harm(folder):
    coco_file(folder / "c.json", [(1, "a.png"), (1, "a.png")], [(1, 1, BOX)])
    assert coco.read(folder).load_boxes(0)[0].tolist() == [SIDES]


def test_a_category_id_of_two_classes_is_refused(folder):
    categories = [(1, "cat"), (1, "dog"), (2, "cow")]
    annotations = [(1, 1, BOX), (1, 2, OTHER)]
    coco_file(folder / "c.json", [(1, "a.png")], annotations, categories)
    with pytest.raises(DataError, match="category id 1 stands for 'cat' and for 'dog'"):
        coco.read(folder)
    with pytest.warns(SkippedData):
        dataset = coco.read(folder, on_error="skip")
    assert dataset.load_boxes(0)[0].tolist() == [OTHER_SIDES]
    assert dataset.class_names[dataset.load_boxes(0)[1][0]] == "cow"


def test_a_key_that_stands_twice_in_json_is_refused(folder):
    entries = []
    for x in (1, 50):
        shape = {"name": "rect", "x": x, "y": 1, "width": 9, "height": 9}
        region = {"shape_attributes": shape, "region_attributes": {"class": "cat"}}
        entry = {"filename": "a.png", "regions": [region]}
        entries.append(f'"a.png9": {json.dumps(entry)}')
    (folder / "via.json").write_text("{" + ", ".join(entries) + "}")
    with pytest.raises(DataError, match=r"via\.json holds two different .*'a\.png9'"):
        via.read(folder)
    (folder / "via.json").write_text("{" + ", ".join([entries[0]] * 2) + "}")
    assert len(via.read(folder).load_boxes(0)[1]) == 1


def test_an_id_of_two_classes_in_a_label_map_is_refused(tmp_path):
    path = tmp_path / "m.pbtxt"
    path.write_text("item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }\n")
    with pytest.raises(DataError, match=r"m\.pbtxt, line 2 gives the id 1 to 'b', which is 'a'"):
        read_label_map(path)


def test_images_of_one_id_in_two_files_get_ids_of_their_own(tmp_path):
    for part in ("train", "val"):
        (tmp_path / part).mkdir()
        Image.new("RGB", (200, 100), (len(part), 9, 9)).save(tmp_path / part / f"{part[0]}.png")
        coco_file(tmp_path / part / "c.json", [(1, f"{part[0]}.png")], [(1, 1, BOX)])
    dataset = coco.read(tmp_path)
    assert sorted(info["id"] for info in dataset.image_info) == ["train/t", "val/v"]
    assert len(dataset.image_from_source_map) == 2


# ---- one photo, two descriptions ---------------------------------------------------------------
def two_coco_files(folder):
    coco_file(folder / "1.json", [(1, "a.png"), (2, "b.png")], [(1, 1, BOX)])
    coco_file(folder / "2.json", [(7, "a.png")], [(7, 1, BOX), (7, 2, OTHER)])
    return coco


def two_ids_in_one_file(folder):
    coco_file(folder / "1.json", [(1, "a.png"), (2, "a.png")], [(1, 1, BOX), (2, 2, OTHER)])
    return coco


def two_tables(folder):
    (folder / "1.csv").write_text(HEADER + "a.png,cat,10,10,40,40\n")
    (folder / "2.csv").write_text(HEADER + "a.png,cat,10,10,40,40\na.png,dog,60,10,90,40\n")
    return csv_table


def two_cvat_images(folder):
    box = '<box label="{}" xtl="{}" ytl="10" xbr="{}" ybr="40"/>'
    image = '<image name="a.png">{}</image>'
    images = image.format(box.format("cat", 10, 40)) + image.format(box.format("dog", 60, 90))
    (folder / "annotations.xml").write_text(f"<annotations>{images}</annotations>")
    return cvat


def two_createml_entries(folder):
    def entry(label, x):
        where = {"x": x, "y": 25, "width": 30, "height": 30}
        return {"image": "a.png", "annotations": [{"label": label, "coordinates": where}]}

    (folder / "c.json").write_text(json.dumps([entry("cat", 25), entry("dog", 75)]))
    return createml


def two_via_entries(folder):
    def entry(label, x):
        shape = {"name": "rect", "x": x, "y": 10, "width": 30, "height": 30}
        region = {"shape_attributes": shape, "region_attributes": {"class": label}}
        return {"filename": "a.png", "regions": [region]}

    content = {"a.png1": entry("cat", 10), "a.png2": entry("dog", 60)}
    (folder / "via.json").write_text(json.dumps(content))
    return via


def two_records(folder):
    """Of one photo in two files, as where somebody made train.record and all.record."""
    for name, rows in (("1", ""), ("2", "a.png,dog,60,10,90,40\n")):
        (folder / "t.csv").write_text(f"{HEADER}a.png,cat,10,10,40,40\n{rows}")
        tfrecord.write(csv_table.read(folder), folder / "records", name=f"{name}.record")
        (folder / "records" / "label_map.pbtxt").unlink()
    (folder / "t.csv").unlink()
    for photo in folder.glob("*.png"):
        photo.unlink()
    return tfrecord


@pytest.mark.parametrize(
    "describe",
    [two_coco_files, two_ids_in_one_file, two_tables, two_cvat_images, two_createml_entries,
     two_via_entries, two_records],
    ids=lambda describe: describe.__name__,
)  # fmt: skip
def test_a_photo_described_twice_stands_once_with_all_its_objects(describe, folder):
    form = describe(folder)
    with pytest.warns(DataWarning, match=r"1 photos are described twice.*a\.png") as caught:
        dataset = form.read(folder)
    assert [entry.message.kind for entry in caught] == ["photo described twice"]
    photos = [str(info["path"]) for info in dataset.image_info]
    assert len(set(photos)) == len(photos)
    image_id = [name.endswith("a.png") for name in photos].index(True)
    boxes, ids = dataset.load_boxes(image_id)
    objects = sorted(
        zip((dataset.class_names[k] for k in ids), boxes.round(3).tolist(), strict=True)
    )
    assert objects == [("cat", SIDES), ("dog", OTHER_SIDES)]
    assert check(folder).of_kind("photo described twice")


def test_an_object_of_both_descriptions_keeps_its_outline(folder):
    coco_file(folder / "1.json", [(1, "a.png")], [(1, 1, BOX)])
    coco_file(folder / "2.json", [(1, "a.png")], [(1, 1, BOX)])
    content = json.loads((folder / "2.json").read_text())
    content["annotations"][0]["segmentation"] = [[10, 10, 40, 10, 40, 40]]
    (folder / "2.json").write_text(json.dumps(content))
    with pytest.warns(DataWarning, match="described twice"):
        dataset = coco.read(folder)
    assert dataset.load_boxes(0)[0].tolist() == [SIDES]
    assert dataset.load_mask(0)[0].sum() == pytest.approx(450, rel=0.04)  # half of the box


def test_two_labelme_files_of_one_photo_are_refused(folder):
    """A copied file whose imagePath still names the first photo."""
    shape = {"label": "cat", "points": [[10, 10], [40, 40]], "shape_type": "rectangle"}
    for name in "ab":
        content = {"shapes": [shape], "imagePath": "a.png"}
        (folder / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"Both .*a\.json and .*b\.json describe .*a\.png"):
        labelme.read(folder)
    with pytest.warns(SkippedData, match=r"b\.json is left out"):
        assert len(labelme.read(folder, on_error="skip").image_ids) == 1


def test_images_of_one_photo_stay_in_one_part_of_a_split(folder):
    dataset = Dataset()
    for number, name in enumerate("abab"):
        dataset.add_image("x", number, str(folder / f"{name}.png"))
    dataset.load_boxes = lambda image_id: ([], [])
    dataset.prepare()
    parts = split(dataset, {"train": 0.5, "val": 0.5})
    photos = [{info["path"] for info in part.image_info} for part in parts.values()]
    assert [len(names) for names in photos] == [1, 1] and not photos[0] & photos[1]


def test_a_folder_without_doubles_warns_of_nothing(folder):
    coco_file(folder / "1.json", [(1, "a.png"), (2, "b.png")], [(1, 1, BOX), (2, 1, BOX)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [info["id"] for info in coco.read(folder).image_info] == [1, 2]
