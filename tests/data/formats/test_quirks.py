"""Promise: what annotation tools write in odd ways is read as it was meant, or named."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from maskdet.data.formats import coco, csv_table, labelme, via, yolo
from maskdet.data.formats.json_file import read_json
from maskdet.data.formats.label_map import read_label_map, write_label_map
from maskdet.data.formats.yaml_file import quoted, read_yaml
from maskdet.errors import DataError, MaskdetWarning
from maskdet.geometry.rle import counts_from_text, encode_rle, encode_rle_at


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (64, 48), (9, 90, 9)).save(tmp_path / "a b.jpg")
    return tmp_path


def test_yaml_as_these_files_use_it(tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text(
        "# a set\ntrain: ../train/images  # here\nval: [a, 'b, c']\nnc: 3\nnames: ['x', \"it's\",\n"
        "  z]\nroboflow:\n  workspace: w\n  url: https://x.y/z\nlist:\n- one\n- 'two: 2'\n"
        "map: {0: cat, 1: 'small dog'}\n"
    )
    assert read_yaml(path) == {
        "train": "../train/images",
        "val": ["a", "b, c"],
        "nc": "3",
        "names": ["x", "it's", "z"],
        "roboflow": {"workspace": "w", "url": "https://x.y/z"},
        "list": ["one", "two: 2"],
        "map": {"0": "cat", "1": "small dog"},
    }
    for name in ("plain", "it's, #1: x", " blanks "):
        path.write_text(f"names:\n  0: {quoted(name)}\n")
        assert read_yaml(path)["names"]["0"] == name
    path.write_text("names: [a, b\n")
    with pytest.raises(DataError, match=r"data\.yaml, line 2 is not valid YAML .*'\]'"):
        read_yaml(path)


def test_label_maps(tmp_path):
    path = tmp_path / "m.pbtxt"
    path.write_text(
        "item { id: 2 name: 'b' }\n# c\nitem {\n name: \"n1\"\n id: 1\n display_name: 'it\\'s' }"
    )
    assert read_label_map(path) == {2: "b", 1: "it's"}
    names = {1: "a 'b'", 2: "c\\d", 3: "ä"}
    write_label_map(path, names)
    assert read_label_map(path) == names
    for text in ("item { id: 1 }", "item { name: 'x' }", "item {", "}", "item { id: 1 name: '"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"m\.pbtxt"):
            read_label_map(path)


def test_broken_json_names_file_and_line(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": 1,\n "b": }')
    with pytest.raises(DataError, match=r"x\.json, line 2"):
        read_json(path)
    path.write_text("[" * 100_000)
    with pytest.raises(DataError, match="not usable JSON"):
        read_json(path)


@pytest.mark.parametrize(
    "text",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na b.jpg,64,48,cat,4,6,20,30\n",
        "\ufeffClass;XMin;XMax;YMin;YMax;Filename\r\ncat;4;20;6;30;C:\\x\\a b.jpg\r\n",
        "a b.jpg\t4\t6\t20\t30\tcat\n",
        "ImageID,LabelName,XMin,XMax,YMin,YMax\na b.jpg,cat,0.0625,0.3125,0.125,0.625\n",
    ],
    ids=["header", "other order, semicolons, BOM, Windows", "headerless, tabs", "shares"],
)
def test_tables_of_every_kind(text, photo):
    (photo / "t.csv").write_text(text, encoding="utf-8")
    dataset = csv_table.read(photo)
    boxes, _ = dataset.load_boxes(0)
    assert boxes.tolist() == [[6, 4, 30, 20]] and dataset.class_names[1] == "cat"


def test_rows_without_a_box_are_photos_without_objects(photo):
    (photo / "t.csv").write_text("a b.jpg,,,,,\n")
    assert len(csv_table.read(photo).load_boxes(0)[1]) == 0
    (photo / "t.csv").write_text("a b.jpg,1,2,x,4,cat\n")
    with pytest.raises(DataError, match=r"t\.csv, line 1"):
        csv_table.read(photo)


def via_file(photo, shape, attributes):
    entry = {"filename": "a b.jpg", "size": 1, "regions": {"0": {
        "shape_attributes": shape, "region_attributes": attributes}}}  # fmt: skip
    (photo / "via.json").write_text(json.dumps({"a b.jpg1": entry}))


def test_via_shapes_and_classes(photo):
    via_file(photo, {"name": "ellipse", "cx": 30, "cy": 20, "rx": 12, "ry": 8}, {"type": "egg"})
    dataset = via.read(photo)
    masks, _ = dataset.load_mask(0)
    assert dataset.class_names == ["BG", "egg"]
    assert masks.sum() == pytest.approx(np.pi * 12 * 8, rel=0.02)
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [[12, 18, 28, 42]], atol=0.1)
    via_file(photo, {"name": "rect", "x": 3, "y": 4, "width": 10, "height": 5}, {"k": {"a": True}})
    assert via.read(photo).class_names == ["BG", "a"]
    via_file(photo, {"name": "polyline", "all_points_x": [1, 2], "all_points_y": [1, 2]}, {})
    with pytest.warns(MaskdetWarning, match="1 polyline"):
        assert len(via.read(photo).load_boxes(0)[1]) == 0
    via_file(photo, {"name": "star"}, {})
    with pytest.raises(DataError, match="region 0 of photo a b.jpg"):
        via.read(photo)


def test_labelme_uses_the_photo_inside_the_file(tmp_path):
    content = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 0, 0)).save(content, format="PNG")
    shape = {"label": "cat", "points": [[1, 2], [20, 30]], "shape_type": "rectangle"}
    (tmp_path / "x.json").write_text(
        json.dumps(
            {
                "shapes": [shape],
                "imagePath": "..\\gone.png",
                "imageData": base64.b64encode(content.getvalue()).decode(),
                "imageHeight": 48,
                "imageWidth": 64,
            }
        )
    )
    dataset = labelme.read(tmp_path)
    assert dataset.load_image(0).shape == (48, 64, 3) and dataset.load_image(0)[0, 0, 0] == 200
    assert dataset.image_shape(0) == (48, 64)
    assert dataset.load_boxes(0)[0].tolist() == [[2, 1, 30, 20]]


def test_coco_compressed_run_lengths(photo):
    from pycocotools import mask as coco_masks

    mask = np.zeros((48, 64), np.uint8)
    mask[5:20, 8:40] = 1
    mask[10:12, 12:20] = 0
    rle = coco_masks.encode(np.asfortranarray(mask))
    assert counts_from_text(rle["counts"]) == encode_rle(mask)["counts"]
    assert encode_rle_at(mask[5:20, 8:40], (5, 8), (48, 64)) == encode_rle(mask)
    entry = {
        "images": [{"id": 7, "file_name": "/data/set/a b.jpg", "height": 48, "width": 64}],
        "categories": [{"id": 0, "name": "all"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 3,
                "iscrowd": 1,
                "segmentation": {"size": [48, 64], "counts": rle["counts"].decode()},
            }
        ],
    }
    (photo / "c.json").write_text(json.dumps(entry))
    dataset = coco.read(photo)
    assert dataset.class_names == ["BG", "cat"]  # category 0 names the set and is not used
    masks, ids = dataset.load_mask(0)
    assert ids.tolist() == [-1] and (masks[..., 0] == mask).all()
    assert dataset.load_boxes(0)[0].tolist() == [[5, 8, 20, 40]]
    entry["annotations"][0]["category_id"] = 99
    (photo / "c.json").write_text(json.dumps(entry))
    with pytest.raises(DataError, match="annotation 0 of .*unknown category 99"):
        coco.read(photo)


def test_a_yolo_set_without_yaml(photo):
    (photo / "classes.txt").write_text("cat\nsmall dog\n")
    (photo / "a b.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    dataset = yolo.read(photo)
    assert dataset.load_boxes(0)[0].tolist() == [[12, 24, 36, 40]]
    assert dataset.class_counts() == {"cat": 0, "small dog": 1}
    for line, message in (
        ("7 0.5 0.5 0.1 0.1", "Class 7"),
        ("0 0.5 0.5 0.1", "3 numbers"),
        ("0 0.5 x 0.1 0.1", "no line of numbers"),
    ):
        (photo / "a b.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
        with pytest.raises(DataError, match=f"{message}|a b.txt, line 2"):
            yolo.read(photo)
        with pytest.warns(MaskdetWarning, match="line 2"):
            assert len(yolo.read(photo, on_error="skip").load_boxes(0)[1]) == 1
