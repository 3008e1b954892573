"""Promise: a YOLO set is read as tools leave it, or one sentence says why not.

Labels and photos are found under the names that were given, rows of poses are boxes, class names
are those that YAML says; nothing is passed over in silence.
"""

import warnings

import pytest
from PIL import Image

from maskdet.data.formats import yolo
from maskdet.data.formats.yaml_file import quoted, read_yaml
from maskdet.errors import DataError, DataWarning

ROW = "0 0.5 0.5 0.25 0.5"
BOX = [12, 24, 36, 40]  # y1, x1, y2, x2 of that row in a photo of 64 x 48


def made(root, files):
    """Files below a folder: photos by their ending, else text."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".jpg", ".png"):
            Image.new("RGB", (64, 48), (90, 9, 9)).save(path)
        else:
            path.write_text(text, encoding="utf-8")
    return root


def boxes(dataset):
    """Boxes by the photo's name."""
    return {
        info["path"].replace("\\", "/").rpartition("/")[2]: dataset.load_boxes(number)[0].tolist()
        for number, info in enumerate(dataset.image_info)
    }


@pytest.mark.parametrize(
    ("photo", "label"),
    [
        ("images/a.jpg", "labels/a.txt"),
        ("Images/a.jpg", "Labels/a.txt"),
        ("images/train/a.jpg", "LABELS/Train/a.txt"),
        ("train/images/a.jpg", "train/labels/a.TXT"),
        ("all/a.JPG", "all/a.Txt"),
        ("images/b.c.jpg", "labels/b.c.txt"),
        ("images/IMG_1.jpg", "labels/img_1.txt"),
    ],
)
def test_labels_are_found_however_they_are_spelt(photo, label, tmp_path):
    made(tmp_path, {"data.yaml": "names: [bolt]\n", photo: "", label: ROW})
    assert list(boxes(yolo.read(tmp_path)).values()) == [[BOX]]


def test_a_label_in_another_spelling_belongs_to_one_photo_only(tmp_path):
    files = {"images/a.jpg": "", "images/A.jpg": "", "labels/a.txt": ROW}
    made(tmp_path, {"data.yaml": "names: [bolt]\n", **files})
    assert boxes(yolo.read(tmp_path)) == {"a.jpg": [BOX], "A.jpg": []}


@pytest.mark.parametrize("above", ["labels", "images", "Labels/images"])
def test_a_set_may_lie_below_folders_of_any_name(above, tmp_path):
    root = tmp_path / above / "set"
    made(root, {"data.yaml": "names: [bolt]\n", "images/a.jpg": "", "labels/a.txt": ROW})
    assert boxes(yolo.read(root)) == {"a.jpg": [BOX]}


def test_labels_that_no_photo_has_are_named(tmp_path):
    made(tmp_path, {"data.yaml": "names: [bolt]\n", "images/a.jpg": "", "annots/a.txt": ROW})
    with pytest.raises(DataError, match=r"No photo of .* has a label file.*annots.a\.txt"):
        yolo.read(tmp_path)
    with pytest.warns(DataWarning, match=r"annots.a\.txt.*the photos have no objects"):
        assert boxes(yolo.read(tmp_path, on_error="skip")) == {"a.jpg": []}
    made(tmp_path, {"images/b.jpg": "", "labels/b.txt": ROW, "labels/a_jpg.txt": ROW})
    with pytest.warns(
        DataWarning, match=r"1 photos .*a\.jpg, and label files such as .*a_jpg\.txt"
    ):
        assert boxes(yolo.read(tmp_path)) == {"a.jpg": [], "b.jpg": [BOX]}


def test_photos_of_background_need_no_word(tmp_path):
    files = {"images/a.jpg": "", "images/b.jpg": "", "labels/a.txt": ROW, "readme.txt": "Photos"}
    made(tmp_path, {"data.yaml": "names: [bolt]\n", **files})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert boxes(yolo.read(tmp_path)) == {"a.jpg": [BOX], "b.jpg": []}


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        ("[1, 2]", "0.1 0.1"),
        ("[2, 2]", "0.1 0.1 0.9 0.9"),
        ("[2, 3]", "0.1 0.1 2 0.9 0.9 0"),
        ("[1, 3]", "0.1 0.1 1"),
        ("[1, 3]", "0.1 0.1 1 0.87"),  # with a detector's score
        ("\n- 17\n- 3", " ".join(["0.5 0.5 1"] * 17)),
        ("[17, 3]", ""),
    ],
)
def test_rows_of_poses_are_boxes(shape, points, tmp_path):
    text = f"kpt_shape: {shape}\nnames: [bolt]\n"
    made(tmp_path, {"data.yaml": text, "images/a.jpg": "", "labels/a.txt": f"{ROW} {points}"})
    dataset = yolo.read(tmp_path)
    assert boxes(dataset) == {"a.jpg": [BOX]} and not dataset.provides_masks


def test_rows_that_are_no_poses_are_named(tmp_path):
    made(tmp_path, {"data.yaml": "kpt_shape: [2, 3]\nnames: [bolt]\n", "images/a.jpg": ""})
    made(tmp_path, {"labels/a.txt": "0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9"})
    with pytest.raises(DataError, match=r"a\.txt, line 1 .*8 numbers.*by kpt_shape.*has 10"):
        yolo.read(tmp_path)
    for shape in ("17", "[17, 4]", "[a, 3]", "[0, 3]", "{17: 3}"):
        made(tmp_path, {"data.yaml": f"kpt_shape: {shape}\nnames: [bolt]\n"})
        with pytest.raises(DataError, match=r"kpt_shape of .*data\.yaml"):
            yolo.read(tmp_path)
    made(tmp_path, {"data.yaml": "names: [bolt]\n", "labels/a.txt": f"{ROW} 0.1 0.1 2 0.2 0.2 2 2"})
    with pytest.raises(DataError, match="needs kpt_shape"):
        yolo.read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "images/train/a.jpg",
        "./images/train/a.jpg",
        "data/images/train/a.jpg",
        "/content/set/images/train/a.jpg",
        "C:\\sets\\bolts\\images\\train\\a.jpg",
        "/elsewhere/train/a.jpg",
    ],
)
def test_lists_of_photos_are_followed_on_any_machine(line, tmp_path):
    files = {"images/train/a.jpg": "", "labels/train/a.txt": ROW, "train.txt": f"\ufeff{line}\n\n"}
    files |= {"images/val/a.jpg": "", "labels/val/a.txt": "0 0.5 0.5 1 1"}
    made(tmp_path, {"data.yaml": "names: [bolt]\ntrain: train.txt\n", **files})
    assert boxes(yolo.read(tmp_path)) == {"a.jpg": [BOX]}


def test_a_list_may_name_photos_elsewhere_on_this_machine(tmp_path):
    made(tmp_path / "photos", {"images/a.jpg": "", "labels/a.txt": ROW})
    text = f"{tmp_path / 'photos' / 'images' / 'a.jpg'}\n"
    made(tmp_path / "set", {"data.yaml": "names: [bolt]\nval: v.txt\n", "v.txt": text})
    assert boxes(yolo.read(tmp_path / "set")) == {"a.jpg": [BOX]}
    made(tmp_path / "set", {"images/a.jpg": "", "labels/a.txt": "0 0.5 0.5 1 1"})  # a namesake
    assert boxes(yolo.read(tmp_path / "set")) == {"a.jpg": [BOX]}


def test_a_yaml_may_lie_beside_its_set(tmp_path):
    files = {"set/images/a.jpg": "", "set/labels/a.txt": ROW, "set/t.txt": "/far/images/a.jpg"}
    made(tmp_path, {"conf/data.yaml": "path: ../set\nnames: [bolt]\ntrain: t.txt\n", **files})
    assert boxes(yolo.read(tmp_path / "conf" / "data.yaml")) == {"a.jpg": [BOX]}
    (tmp_path / "set" / "labels" / "a.txt").rename(tmp_path / "set" / "labels" / "b.txt")
    with pytest.raises(DataError, match=r"No photo of .* such as .*b\.txt"):
        yolo.read(tmp_path / "conf" / "data.yaml")


def test_lines_of_a_list_that_lead_nowhere_are_named(tmp_path):
    made(tmp_path, {"data.yaml": "names: [bolt]\ntrain: t.txt\n", "images/a.jpg": ""})
    made(tmp_path, {"labels/a.txt": ROW, "t.txt": "images/a.jpg 0\n"})
    with pytest.raises(DataError, match=r"t\.txt, line 1 is no path of a photo"):
        yolo.read(tmp_path)
    made(tmp_path, {"t.txt": "images/gone.jpg\nimages/a.jpg\n"})
    with pytest.raises(DataError, match=r"gone\.jpg.* is missing"):
        yolo.read(tmp_path)
    with pytest.warns(DataWarning, match=r"gone\.jpg"):
        assert boxes(yolo.read(tmp_path, on_error="skip")) == {"a.jpg": [BOX]}


def test_photos_of_a_part_that_are_not_there_are_named(tmp_path):
    files = {"images/a.jpg": "", "labels/a.txt": ROW}
    made(tmp_path, {"data.yaml": "names: [bolt]\ntrain: gone\nval: images\ntest: ~\n", **files})
    with pytest.warns(DataWarning, match=r"data\.yaml names photos in gone"):
        assert boxes(yolo.read(tmp_path)) == {"a.jpg": [BOX]}


def test_yaml_is_yaml(tmp_path):
    path = tmp_path / "data.yaml"
    text = "names: [no, 007, 1e3, driver's licence, 'M8: bolt', null]\ndownload: |\n  import os\n"
    path.write_text(text)
    names = ["no", "007", "1e3", "driver's licence", "M8: bolt", "null"]
    assert read_yaml(path) == {"names": names, "download": "import os\n"}
    path.write_text("names: &all\n  1: nut\n  0: bolt\nothers: *all\n")
    assert yolo.class_names(read_yaml(path), path) == ["bolt", "nut"]
    for name in ("a\tb", "\x07", "two\nlines", "ä☃", "x" * 300 + " y", "a: b #", "\\", "..."):
        path.write_text(f"names:\n  0: {quoted(name)}\n", encoding="utf-8")
        assert read_yaml(path)["names"]["0"] == name.replace("\n", " ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nc: 1\nnames: [a]\nnames: [b]\n", r"line 2 .*'names' stands twice"),
        ("names: {0: a, 0: b}\n", "'0' stands twice"),
        ("names: [M8: bolt]\n", "no text; put it in quotes"),
        ("names: {0: a, 00: b}\n", "not numbered 0, 1, 2"),
        ("names: &x [*x]\n", "not valid YAML"),
        ("names: \x07\n", "not valid YAML"),
        ("names:\n\t- a\n", "line 2 is not valid YAML"),
        ("names: " + "[" * 5000, "not usable YAML"),
        ("- names\n", "holds no keys"),
    ],
)
def test_yaml_that_says_no_names_is_refused(text, message, tmp_path):
    made(tmp_path, {"data.yaml": text, "a.jpg": "", "a.txt": ROW})
    assert yolo.recognise(tmp_path)
    with pytest.raises(DataError, match=message):
        yolo.read(tmp_path)


def test_of_several_files_of_names_the_usual_one_counts(tmp_path):
    files = {"images/a.jpg": "", "labels/a.txt": ROW, "data.yaml": "names: [bolt, nut]\n"}
    made(tmp_path, {**files, "coco128.yaml": "names: [person, bicycle]\n"})
    with pytest.warns(DataWarning, match=r"those of data\.yaml; coco128\.yaml says otherwise"):
        assert yolo.read(tmp_path).class_names == ["BG", "bolt", "nut"]
    (tmp_path / "data.yaml").rename(tmp_path / "mine.yaml")
    with pytest.raises(DataError, match=r"Both .*coco128\.yaml and .*mine\.yaml list"):
        yolo.read(tmp_path)
    assert yolo.read(tmp_path / "mine.yaml").class_names == ["BG", "bolt", "nut"]
    made(tmp_path, {"coco128.yaml": "names: {0: bolt, 1: nut}\n"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert yolo.read(tmp_path).class_names == ["BG", "bolt", "nut"]


def test_a_list_of_names_that_contradicts_the_yaml_is_named(tmp_path):
    files = {"images/a.jpg": "", "labels/a.txt": ROW, "data.yaml": "names: [bolt, nut]\n"}
    made(tmp_path, {**files, "Labels/classes.txt": "nut\nbolt\n"})
    with pytest.warns(DataWarning, match=r"classes\.txt says otherwise"):
        assert yolo.read(tmp_path).class_names == ["BG", "bolt", "nut"]
    (tmp_path / "data.yaml").unlink()
    assert yolo.read(tmp_path).class_names == ["BG", "nut", "bolt"]
