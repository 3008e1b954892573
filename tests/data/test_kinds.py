"""Promise: an error of data says by a fixed word what is wrong; what is skipped brings it along.

Programs (the check is one) can tell defects apart without reading sentences.
"""

import ast
import contextlib
import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskdet
from maskdet.data import Dataset, check
from maskdet.data.annotated import Shape, build_dataset
from maskdet.data.formats import (
    coco,
    csv_table,
    cvat,
    labelme,
    mask_folders,
    tfrecord,
    via,
    voc,
    yolo,
)
from maskdet.data.formats.json_file import read_json
from maskdet.data.formats.label_map import read_label_map
from maskdet.data.image_sets import write_image_sets
from maskdet.errors import DATA_KINDS, DataError, DataWarning, SkippedData

PACKAGE = Path(maskdet.__file__).parent
LOADER = PACKAGE / "data" / "loader.py"  # reads no files; it says which image failed and how
HEADER = "filename,class,xmin,ymin,xmax,ymax\n"
XML = "<annotation><filename>a.png</filename><size><width>{}</width><height>40</height></size>{}"
XML += "</annotation>"
OBJECT = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax>"
OBJECT += "</bndbox></object>"


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40), (90, 20, 20)).save(path)
    return path


def table(folder, rows, **options):
    (folder / "t.csv").write_bytes((HEADER + rows).encode("latin-1"))
    return csv_table.read(folder, **options)


def xml(folder, objects=OBJECT, width=60, **options):
    (folder / "a.xml").write_text(XML.format(width, objects))
    return voc.read(folder, **options)


def labelled(folder, **shape):
    shape = {"label": "cat", "points": [[1, 2], [9, 9]], **shape}
    content = {"shapes": [shape], "imagePath": "a.png", "imageHeight": 40, "imageWidth": 60}
    (folder / "a.json").write_text(json.dumps(content))
    return labelme.read(folder)


def coco_set(folder, image=None, **annotation):
    image = {"id": 1, "file_name": "a.png"} if image is None else image
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 8, 7], **annotation}
    categories = [{"id": 1, "name": "cat"}]
    content = {"images": [image], "annotations": [annotation], "categories": categories}
    (folder / "c.json").write_text(json.dumps(content))
    return coco.read(folder)


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def ambiguous_photo(folder):
    photo(folder / "x" / "b.png"), photo(folder / "y" / "b.png")
    table(folder, "b.png,cat,1,2,9,9\n")


def twice_described(folder):
    (folder / "b.xml").write_text(XML.format(60, ""))
    xml(folder)


def two_photos_of_one(folder):
    photo(folder / "1" / "images" / "a.png"), photo(folder / "1" / "images" / "b.png")
    photo(folder / "1" / "masks" / "m.png")
    mask_folders.read(folder)


def photo_without_mask(folder):
    for name in "bcd":
        photo(folder / "photos" / f"{name}.png")
    for name in "bc":
        Image.fromarray(np.eye(40, 60, dtype=np.uint8)).save(
            written(folder / "masks" / f"{name}.png", b"")
        )
    mask_folders.read(folder)


def cvat_mask(folder):
    mask = '<mask label="cat" rle="1,3" left="59" top="0" width="2" height="2"/>'
    image = f'<image name="a.png" width="60" height="40">{mask}</image>'
    (folder / "annotations.xml").write_text(f"<annotations>{image}</annotations>")
    cvat.read(folder)


def regions_of_two_kinds(folder):
    shape = {"name": "rect", "x": 1, "y": 2, "width": 8, "height": 7}
    region = {"shape_attributes": shape, "region_attributes": {"name": "apple", "type": "ripe"}}
    entry = {"filename": "a.png", "size": 1, "regions": [region]}
    (folder / "via.json").write_text(json.dumps({"a.png1": entry}))
    via.read(folder)


def image_set(folder, name):
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\ngone\n")
    xml(folder, image_set=name)


class Drifted(Dataset):
    def load_boxes(self, image_id):
        return [[0, 0, 1, 1]], [1, 1]


def drifted(image_id="x"):
    dataset = Drifted()
    dataset.add_class("made", 1, "cat")
    dataset.add_image("made", image_id, None)
    dataset.prepare()
    return dataset


def cut_off(path):
    data = path.read_bytes()
    return written(path, data[: len(data) // 2])


def mask_of(path):
    return Shape(picture=(str(path), None)).mask((4, 4))


def yaml(folder, text):
    (folder / "data.yaml").write_text(text)
    yolo.read(folder)


# What makes each kind of error; the folder holds one photo, a.png.
ERRORS = {
    "ambiguous photo": ambiguous_photo,
    "missing photo": lambda f: table(f, "gone.png,cat,1,2,9,9\n"),
    "photo described twice": twice_described,
    "photo without name": lambda f: table(f, ",cat,1,2,9,9\n"),
    "unreadable photo": lambda f: (written(f / "b.png", b"x"), table(f, "b.png,cat,1,2,9,9\n")),
    "wrong number of photos": two_photos_of_one,
    "broken JSON": lambda f: read_json(written(f / "x.json", b'{"a": }')),
    "broken XML": lambda f: xml(f, "<object>"),
    "broken YAML": lambda f: yaml(f, "names: [a, b\n"),
    "broken label map": lambda f: read_label_map(written(f / "m.pbtxt", b"item {")),
    "broken record": lambda f: tfrecord.read(written(f / "x.record", RECORD[:-3])),
    "broken table": lambda f: table(f, 'a.png,"' + "x" * 200_000),
    "missing annotation": lambda f: image_set(f, "train"),
    "missing image set": lambda f: image_set(f, "test"),
    "missing path": lambda f: Dataset.load(f / "nowhere"),
    "no images": lambda f: build_dataset([], "made"),
    "unknown format": lambda f: Dataset.load(written(f / "new" / "x.doc", b"x").parent),
    "unreadable file": lambda f: table(f, "\xff\n"),
    "image not listed": lambda f: coco_set(f, image_id=9),
    "missing value": lambda f: coco_set(f, image={"id": 1}),
    "object without a name": lambda f: xml(f, OBJECT.replace("cat", " ")),
    "unknown class": lambda f: table(f, "a.png,cat,1,2,9,9\n", classes=["dog"]),
    "unlisted class": lambda f: coco_set(f, category_id=9),
    "unusable class names": lambda f: yaml(f, "names: [a, a]\n"),
    "unusable image id": lambda f: write_image_sets(f, {"train": drifted("a\nb")}),
    "wrong value": lambda f: table(f, "a.png,cat,1,x,9,9\n"),
    "box outside its image": lambda f: table(f, "a.png,cat,1,2,90,9\n"),
    "box without area": lambda f: table(f, "a.png,cat,1,2,1,9\n"),
    "box without four numbers": lambda f: xml(f, "<object><name>cat</name></object>"),
    "mask of another size": lambda f: coco_set(
        f, bbox=None, segmentation={"size": [2, 2], "counts": [1, 3]}
    ),
    "mask outside its image": cvat_mask,
    "mismatched objects": lambda f: drifted().load_instances(0),
    "missing mask": photo_without_mask,
    "unknown shape": lambda f: labelled(f, shape_type="star"),
    "unreadable mask": lambda f: mask_of(written(f / "m.png", b"x")),
    "damaged mask": lambda f: mask_of(cut_off(f / "a.png")),
    "unusable outline": lambda f: labelled(f, shape_type="polygon"),
    "unusable run lengths": lambda f: coco_set(f, segmentation={"size": [40, 60], "counts": 5}),
}
# What is only warned of.
WARNINGS = {
    "class in doubt": regions_of_two_kinds,
    "shapes without area": lambda f: labelled(f, shape_type="line"),
    "size of another photo": lambda f: xml(f, width=99),
    "outline over the edge": lambda f: coco_set(
        f, bbox=None, segmentation=[[-9, 2, 20, 2, 20, 30, -9, 30]]
    ),
    "box and outline disagree": lambda f: coco_set(
        f, bbox=[30, 20, 9, 9], segmentation=[[1, 2, 9, 2, 9, 9, 1, 9]]
    ),
}
RECORD = tfrecord.framed(tfrecord.build_example({"image/encoded": b"x"}))


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    photo(root / "a.png")
    return root


def test_the_table_below_has_every_kind():
    assert set(ERRORS) | set(WARNINGS) == DATA_KINDS


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_says_its_kind(kind, folder):
    with pytest.raises(DataError) as raised:
        ERRORS[kind](folder)
    assert raised.value.kind == kind
    assert len(str(raised.value).split()) > 3  # a sentence for people too


@pytest.mark.parametrize("kind", WARNINGS)
def test_a_warning_says_its_kind(kind, folder):
    with pytest.warns(DataWarning) as caught:
        WARNINGS[kind](folder)
    assert [entry.message.kind for entry in caught] == [kind]


@pytest.mark.parametrize(
    "path",
    sorted(
        {PACKAGE / "images.py", *(PACKAGE / "data").rglob("*.py")} - {PACKAGE / "data/loader.py"}
    ),
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_no_reader_forgets_the_kind(path):
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DataError"
    ]
    for call in calls:
        words = {key.arg: key.value for key in call.keywords}
        if None not in words:  # from an index: all of them at once
            assert getattr(words.get("kind"), "value", None) in DATA_KINDS, f"line {call.lineno}"


def test_file_and_line_are_values_too(folder):
    with pytest.raises(DataError) as raised:
        xml(folder, OBJECT + "\n\n" + OBJECT.replace("cat", ""))
    error = raised.value
    assert (Path(error.path), error.line) == (folder / "a.xml", 3)
    with pytest.raises(DataError) as raised:
        ambiguous_photo(folder)
    photos = [folder / "x" / "b.png", folder / "y" / "b.png"]
    assert list(raised.value.photos) == photos


def test_what_is_skipped_brings_its_error_and_the_same_text(folder):
    with pytest.warns(SkippedData) as caught:
        table(folder, "a.png,cat,1,2,9,9\na.png,cat,1,2,1,9\n", on_error="skip")
    (skipped,) = (entry.message for entry in caught)
    with pytest.raises(DataError) as raised:
        table(folder, "a.png,cat,1,2,9,9\na.png,cat,1,2,1,9\n")
    assert str(skipped.error) == str(raised.value)
    assert str(skipped) == f"{raised.value} Skipped: it is left out."
    assert skipped.kind == skipped.error.kind == "box without area"


def test_errors_and_warnings_travel_to_other_processes():
    error = DataError("No.", kind="no images", path="a", line=3, photos=["b"])
    for sent in (error, SkippedData(error, "gone"), DataWarning("Odd.", "wrong value")):
        again = pickle.loads(pickle.dumps(sent))
        assert (type(again), str(again), again.kind) == (type(sent), str(sent), sent.kind)
    again = pickle.loads(pickle.dumps(SkippedData(error, "gone")))
    assert (again.error.path, again.error.line, again.error.photos) == ("a", 3, ("b",))
    assert str(again) == "No. Skipped: gone."


def test_names_of_files_do_not_decide_what_a_report_says(folder):
    """A path that holds the words of another defect."""
    odd = folder / "no area is missing, truncated"
    photo(odd / "a.png")
    (odd / "t.csv").write_text(HEADER + "a.png,cat,1,2,9,9\na.png,cat,1,x,9,9\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check(odd)
    assert [f.kind for f in report.findings if f.severity == "error"] == ["unusable annotation"]


def test_photos_that_an_error_names_are_not_called_unused(folder):
    """Two photos of one name: the error names both, the report names them once."""
    photo(folder / "x" / "b.png"), photo(folder / "y" / "b.png")
    (folder / "t.csv").write_text(HEADER + "a.png,cat,1,2,9,9\nb.png,cat,1,2,9,9\n")
    assert not check(folder).of_kind("photo without annotation")


# What a report calls them; its words are older and fewer.
REPORTED = {
    "box outside its image": "box outside its image",
    "box without area": "box without area",
    "mask outside its image": "box outside its image",
    "missing value": "missing photo",
    "shapes without area": "shapes without area",
    "unknown shape": "unknown class",
    "unlisted class": "unusable annotation",
    "unusable outline": "unusable annotation",
    "wrong value": "unusable annotation",
}


@pytest.mark.parametrize("kind", REPORTED)
def test_what_a_report_calls_it(kind, folder):
    cause = {**ERRORS, **WARNINGS, "missing value": lambda f: labelled(f, label="")}[kind]
    with warnings.catch_warnings(), contextlib.suppress(DataError):
        warnings.simplefilter("ignore")
        cause(folder)
    report = check(folder)
    usual = {"image without objects", "nothing usable", "photo without annotation"}
    names = {finding.kind for finding in report.findings} - usual
    assert names == {REPORTED[kind]}
