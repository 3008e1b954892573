"""Promise: the check says how many crowds and difficult, cut off and hidden objects a set has, and
what a training and an evaluation do with them."""

import json

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check
from maskdet.data.formats import tfrecord
from maskdet.errors import DataError, MaskdetWarning

LINES = {
    "crowds": "  crowds: {} (neither learned nor counted as mistakes)",
    "difficult": "  difficult: {} (these objects train like others; evaluations neither count nor "
    "punish them)",
    "truncated": "  truncated: {} (these objects are cut off; they train and count like others)",
    "occluded": "  occluded: {} (these objects are hidden in part; they train and count like "
    "others)",
}


def photo(path, seed):
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize((120, 100), Image.Resampling.BILINEAR).save(path)


def one(x, *flags):
    marks = "".join(f"<{flag}>1</{flag}>" for flag in flags)
    return (
        f"<object><name>cat</name>{marks}<bndbox><xmin>{x}</xmin><ymin>12</ymin><xmax>{x + 30}"
        "</xmax><ymax>70</ymax></bndbox></object>"
    )


@pytest.fixture
def folder(tmp_path):
    """Two photos: five objects, of which three are truncated, two occluded, one difficult."""
    objects = (
        one(2, "truncated") + one(40, "truncated", "occluded"),
        one(2) + one(40, "occluded") + one(80, "difficult", "truncated"),
    )
    for number, text in enumerate(objects):
        photo(tmp_path / f"{number}.png", number)
        (tmp_path / f"{number}.xml").write_text(f"<annotation>{text}</annotation>")
    return tmp_path


def marks(report):
    return {mark: report.counts[mark] for mark in LINES if mark in report.counts}


def shown(report):
    return [line for line in report.text().splitlines() if line.strip().split(":")[0] in LINES]


def test_voc_has_difficult_truncated_and_occluded(folder, tmp_path):
    report = check(folder)
    expected = {"difficult": 1, "truncated": 3, "occluded": 2}
    assert marks(report) == expected and report.counts["objects"] == 5
    assert shown(report) == [LINES[mark].format(count) for mark, count in expected.items()]
    report.save_json(tmp_path / "report.json")
    counts = json.loads((tmp_path / "report.json").read_text())["counts"]
    assert {mark: counts[mark] for mark in expected} == expected


def test_all_of_them_train_and_one_is_not_counted(folder):
    """The remarks are true: every object has a positive class; difficult ones are told apart."""
    dataset = Dataset.load(folder)
    assert [dataset.load_instances(i)[1].tolist() for i in range(2)] == [[1, 1], [1, 1, 1]]
    assert dataset.load_difficult(1).tolist() == [False, False, True]


def test_a_set_without_marks_has_no_such_line(tmp_path):
    photo(tmp_path / "a.png", 0)
    (tmp_path / "a.xml").write_text(f"<annotation>{one(2)}</annotation>")
    report = check(tmp_path)
    assert marks(report) == {} and shown(report) == []


def test_other_meanings_of_the_words_in_sets_of_ones_own_do_no_harm(folder):
    class Mine(Dataset):
        def load_boxes(self, image_id):
            return np.float32([[1, 2, 30, 40], [5, 6, 70, 80]]), np.int32([1, 1])

    mine = Mine()
    mine.add_class("mine", 1, "cat")
    mine.add_image("mine", 0, folder / "0.png", truncated=True, occluded="no")
    mine.prepare()
    assert marks(check(mine)) == {}


# ---- COCO ----------------------------------------------------------------------------------
CROWD_COUNTS = [1000, 20, 80, 20, 80, 20, 10780]  # columns of 100 pixels from row 0 of column 10


def annotation(number, **fields):
    plain = {"bbox": [10, 12, 50, 58], "category_id": 1, "area": 2900, "iscrowd": 0}
    return {"id": number, "image_id": 1, "segmentation": [], **plain, **fields}


@pytest.fixture
def coco_set(tmp_path):
    photo(tmp_path / "a.png", 0)

    def write(*annotations):
        content = {
            "images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 100}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": list(annotations),
        }
        (tmp_path / "coco.json").write_text(json.dumps(content))
        return tmp_path

    return write


RLE = {"size": [100, 120], "counts": CROWD_COUNTS}
CROWDS = {
    "run lengths": {"segmentation": RLE, "bbox": [10, 0, 3, 20]},
    "run lengths without a box": {"segmentation": RLE, "bbox": []},
    "a box around several things": {"bbox": [10, 0, 3, 20]},
    "area 0": {"bbox": [10, 0, 3, 20], "area": 0},
}


@pytest.mark.parametrize("fields", CROWDS.values(), ids=CROWDS)
def test_crowds_of_coco(coco_set, fields):
    folder = coco_set(annotation(1), annotation(2, iscrowd=1, **fields))
    report = check(folder)
    assert marks(report) == {"crowds": 1}
    assert shown(report) == [LINES["crowds"].format(1)]
    assert report.counts["objects by class"] == {"cat": 1}
    boxes, class_ids = report.dataset.load_boxes(0)
    assert class_ids.tolist() == [1, -1] and boxes[1].tolist() == [0, 10, 20, 13]
    assert report.sound


def test_an_area_of_zero_is_not_believed_but_a_box_without_area_is_named(coco_set):
    folder = coco_set(annotation(1, area=0), annotation(2, bbox=[10, 12, 0, 58], area=0))
    with pytest.raises(DataError, match=r"annotation 1 of .*coco\.json \(cat\) has no area"):
        Dataset.load(folder)
    report = check(folder)
    (finding,) = report.of_kind("box without area")
    assert "annotation 1 of" in finding.message
    assert report.counts["objects"] == 1
    assert report.dataset.load_boxes(0)[0].tolist() == [[12, 10, 70, 60]]


def test_a_tfrecord_keeps_crowds_and_difficult_and_truncated_objects(folder, coco_set, tmp_path):
    tfrecord.write(Dataset.load(folder), tmp_path / "voc_records")
    report = check(tmp_path / "voc_records")
    assert marks(report) == {"difficult": 1, "truncated": 3}
    truncated = [info["truncated"].tolist() for info in report.dataset.image_info]
    assert truncated == [[True, True], [False, False, True]]
    (tmp_path / "crowd").mkdir()
    coco_set(annotation(1), annotation(2, iscrowd=1, bbox=[10, 0, 3, 20]))
    tfrecord.write(Dataset.load(tmp_path / "coco.json"), tmp_path / "coco_records")
    assert marks(check(tmp_path / "coco_records")) == {"crowds": 1}


def test_cvat_has_occluded_shapes(tmp_path):
    photo(tmp_path / "a.png", 0)
    shapes = "".join(
        f'<box label="cat" occluded="{occluded}" xtl="{x}" ytl="12" xbr="{x + 30}" ybr="70"/>'
        for x, occluded in ((2, 1), (40, 0), (80, 1))
    )
    (tmp_path / "a.xml").write_text(
        f'<annotations><image name="a.png" width="120" height="100">{shapes}</image></annotations>'
    )
    report = check(tmp_path)
    assert marks(report) == {"occluded": 2}
    assert report.dataset.image_info[0]["occluded"].tolist() == [True, False, True]


def test_marks_stay_with_their_objects_where_a_photo_is_described_twice(tmp_path):
    photo(tmp_path / "a.png", 0)
    images = "".join(
        f'<image name="a.png" width="120" height="100"><box label="cat" occluded="{occluded}" '
        f'xtl="{x}" ytl="12" xbr="{x + 30}" ybr="70"/></image>'
        for x, occluded in ((2, 0), (40, 1))
    )
    (tmp_path / "a.xml").write_text(f"<annotations>{images}</annotations>")
    with pytest.warns(MaskdetWarning, match="described twice"):
        dataset = Dataset.load(tmp_path)
    assert dataset.image_info[0]["occluded"].tolist() == [False, True]
