"""Promise: what is written keeps its names, and nothing written before is lost in silence."""

import warnings

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import split
from maskdet.data.annotated import Item, Picture, build_dataset
from maskdet.data.formats import (
    coco,
    createml,
    csv_table,
    cvat,
    image_folders,
    labelme,
    mask_folders,
    tfrecord,
    via,
    voc,
    yolo,
)
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.yaml_file import read_yaml
from maskdet.errors import MaskdetWarning, UsageError

ONE_FILE = [coco, createml, csv_table, cvat, tfrecord, via]
FORMS = [*ONE_FILE, labelme, mask_folders, voc, yolo]
SIDES = (2.0, 3.0, 12.0, 20.0)


def dataset_of(root, names, ids=None, classes=("cat", "dog")):
    """A photo of its own colour with an object of each class, for each path below a folder."""
    pictures = []
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (40 * number, 9, len(str(root)) % 255)).save(path)
        items = [
            Item(kind, f"object of {name}", (SIDES[0], SIDES[1] + k, SIDES[2], SIDES[3] + k))
            for k, kind in enumerate(classes)
        ]
        pictures.append(Picture(ids[number] if ids else str(number), path, name, items))
    return build_dataset(pictures, "x", classes)


def stems(dataset):
    return [str(info["path"]).replace("\\", "/").split("/")[-1].rsplit(".", 1)[0]
            for info in dataset.image_info]  # fmt: skip


# ---- names of photos ---------------------------------------------------------------------------
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.NAME)
def test_photos_keep_their_names_whatever_their_ids(form, tmp_path):
    dataset = dataset_of(tmp_path / "in", ["night/DSC_7.png", "b.c.png"], ids=[1, "x/y.png"])
    for step in "12":
        form.write(dataset, tmp_path / step)
        dataset = form.read(tmp_path / step)
        assert sorted(stems(dataset)) == ["DSC_7", "b.c"]


def test_photos_of_one_name_have_the_folders_that_differ(tmp_path):
    names = ["set/train/same.png", "set/valid/same.png", "set/valid/other.png"]
    dataset = dataset_of(tmp_path, names)
    assert file_names(dataset) == ["train_same", "valid_same", "other"]
    names = ["s1/images/image.png", "s2/images/image.png"]
    assert file_names(dataset_of(tmp_path, names)) == ["s1_image", "s2_image"]
    names = ["a b/x.png", "a_b/x.png", "a_b_x.png"]
    made = file_names(dataset_of(tmp_path, names))
    assert len({name.lower() for name in made}) == 3 and made[2] == "a_b_x"


def test_names_that_some_systems_do_not_tell_apart(tmp_path):
    dataset = dataset_of(tmp_path, ["1/A.png", "2/a.png"])
    assert file_names(dataset) == ["1_A", "2_a"]


def test_made_pictures_have_their_id():
    class Made(Dataset):
        def load_image(self, image_id):
            return np.zeros((4, 4, 3), np.uint8)

    dataset = Made()
    for number in range(2):
        dataset.add_image("x", f"frame {number}", "video.mp4")
    dataset.prepare()
    assert file_names(dataset) == ["frame_0", "frame_1"]


# ---- names of classes --------------------------------------------------------------------------
def test_classes_with_slashes_stay_apart(tmp_path):
    names = ("a/b", "a_b", "a%2Fb", "..", "x: y")
    dataset = dataset_of(tmp_path / "in", ["p.png"], classes=names)
    mask_folders.write(dataset, tmp_path / "out")
    again = mask_folders.read(tmp_path / "out")
    assert again.class_counts() == dict.fromkeys(sorted(names), 1)


def test_classes_of_whole_photos_with_slashes_stay_apart(tmp_path):
    dataset = image_folders.ImageFolderDataset()
    for number, name in enumerate(("a/b", "a_b"), start=1):
        dataset.add_class("x", number, name)
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        dataset.add_image("x", number, str(path), label=number)
    dataset.prepare()
    image_folders.write(dataset, tmp_path / "out")
    again = image_folders.read(tmp_path / "out")
    assert again.class_names == ["BG", "a/b", "a_b"] and sorted(again.labels) == [1, 2]


# ---- a second call -----------------------------------------------------------------------------
@pytest.fixture
def parts(tmp_path):
    dataset = dataset_of(tmp_path / "in", [f"p{number}.png" for number in range(4)])
    return split(dataset, {"train": 0.5, "val": 0.5})


@pytest.mark.parametrize("form", ONE_FILE, ids=lambda form: form.NAME)
def test_a_second_part_in_one_folder_is_warned_of(form, parts, tmp_path):
    form.write(parts["train"], tmp_path / "out")
    with pytest.warns(MaskdetWarning, match="held something else and is replaced") as caught:
        form.write(parts["val"], tmp_path / "out")
    assert len(caught) == 1


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.NAME)
def test_the_same_written_again_is_no_matter(form, parts, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            form.write(parts["train"], tmp_path / "out")


@pytest.mark.parametrize("form", [voc, labelme, mask_folders], ids=lambda form: form.NAME)
def test_formats_with_a_file_for_each_photo_take_both_parts(form, parts, tmp_path):
    for part in parts.values():
        form.write(part, tmp_path / "out")
    assert sorted(stems(form.read(tmp_path / "out"))) == ["p0", "p1", "p2", "p3"]


@pytest.mark.parametrize("form", [voc, labelme, mask_folders, yolo], ids=lambda form: form.NAME)
def test_another_photo_of_the_same_name_is_warned_of(form, tmp_path):
    form.write(dataset_of(tmp_path / "in", ["a.png"]), tmp_path / "out")
    with pytest.warns(MaskdetWarning, match=r"a\.png held something else and is replaced"):
        form.write(dataset_of(tmp_path / "other folder", ["a.png"]), tmp_path / "out")


def test_a_yolo_set_is_written_part_by_part(parts, tmp_path):
    for name, part in [*parts.items(), ("train", parts["train"])]:
        yolo.write(part, tmp_path / "out", split=name)
    assert read_yaml(tmp_path / "out" / "data.yaml")["val"] == "images/val"
    dataset = Dataset.load(tmp_path / "out")
    assert sorted(stems(dataset)) == ["p0", "p1", "p2", "p3"]
    assert dataset.class_counts() == {"cat": 4, "dog": 4}
    assert sorted(stems(yolo.read(tmp_path / "out", split="val"))) == sorted(stems(parts["val"]))


def test_yolo_parts_that_number_other_classes_are_refused(parts, tmp_path):
    yolo.write(parts["train"], tmp_path / "out")
    other = dataset_of(tmp_path / "in", ["p9.png"], classes=("dog", "cat"))
    with pytest.raises(UsageError, match=r"data\.yaml numbers other classes .*train"):
        yolo.write(other, tmp_path / "out", split="val")
    assert not (tmp_path / "out" / "images" / "val").exists()
    yolo.write(other, tmp_path / "out", split="train")  # no other part is there


def test_entries_that_somebody_wrote_stay(parts, tmp_path):
    text = "path: data\ntrain: [images/a, images/b]\nval: images/old\nnames: {0: cat, 1: dog}\n"
    (tmp_path / "data.yaml").write_text(text)
    yolo.write(parts["val"], tmp_path, split="val")
    facts = read_yaml(tmp_path / "data.yaml")
    assert facts["train"] == ["data/images/a", "data/images/b"]
    assert (facts["path"], facts["val"]) == (".", "images/val")
