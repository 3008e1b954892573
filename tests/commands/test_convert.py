"""Promise: any format becomes any other one, with as many photos and objects as before; what gets
lost is said, nothing is written over or by halves."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.commands.main import main
from maskdet.data.conversion import contents_of
from maskdet.data.format_names import format_key
from maskdet.data.formats import FORMATS, coco, createml, voc
from maskdet.data.scenes import write_scenes
from maskdet.data.selection import select_classes
from tests.commands.sets import files_of, write_classes, write_set

DETECTION = [format_key(form) for form in FORMATS if "labels" not in form.HOLDS]


@pytest.mark.parametrize("name", DETECTION)
def test_every_format_brings_all_objects_back(name, tmp_path, capsys):
    source = write_set(tmp_path / "set")
    out = tmp_path / "out"
    assert main(["convert", str(source), str(out), "--to", name, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == name
    assert (facts["photos"], facts["objects by class"]) == (10, {"cat": 9, "dog": 4})
    dataset = Dataset.load(out)
    assert contents_of(dataset).by_class == {"cat": 9, "dog": 4}
    first = next(i for i in dataset.image_ids if len(dataset.load_boxes(i)[1]) == 2)
    assert dataset.load_boxes(first)[0].tolist() == [[5, 10, 25, 40], [30, 30, 50, 55]]


@pytest.mark.parametrize("form", FORMATS, ids=format_key)
def test_what_a_format_says_that_it_holds_comes_back(form, tmp_path):
    """HOLDS is what `convert` tells users of losses by, so it must be what `write` does."""
    if "labels" in form.HOLDS:
        dataset = Dataset.load(write_classes(tmp_path / "set"))
    else:
        write_scenes(tmp_path / "scenes", 3, size=(64, 64), progress=False)
        dataset = Dataset.load(tmp_path / "scenes")
        info = dataset.image_info[0]
        assert len(info["class_ids"]) > 1
        info["difficult"] = np.arange(len(info["class_ids"])) == 1
        info["class_ids"] = info["class_ids"] * np.where(np.arange(len(info["class_ids"])), 1, -1)
    before = contents_of(dataset)
    form.write(dataset, tmp_path / "out")
    after = contents_of(form.read(tmp_path / "out"))
    assert after.masks == (before.masks and "masks" in form.HOLDS)
    assert bool(sum(after.crowds.values())) == ("crowds" in form.HOLDS)
    if "labels" not in form.HOLDS:
        marked = 1 + ("crowds as difficult" in form.HOLDS)
        assert after.difficult == (marked if "difficult" in form.HOLDS else 0)
        assert before.difficult == sum(before.crowds.values()) == 1


def test_losses_are_said(tmp_path, capsys):
    write_scenes(tmp_path / "scenes", 3, size=(64, 64), progress=False)
    source = write_set(tmp_path / "set")
    main(["convert", str(tmp_path / "scenes"), str(tmp_path / "a"), "--to", "csv"])
    assert "CSV cannot hold masks: the boxes alone are written." in capsys.readouterr().out
    main(["convert", str(source), str(tmp_path / "b"), "--to", "yolo"])
    said = "YOLO cannot hold the mark 'difficult': 1 object written without it."
    assert said in capsys.readouterr().out
    main(["convert", str(source), str(tmp_path / "c"), "--to", "mask folders"])
    assert "cannot hold boxes: they are written as filled masks." in capsys.readouterr().out


def test_classes_are_chosen_and_numbered_in_their_order(tmp_path, capsys):
    source = write_set(tmp_path / "set")
    out = tmp_path / "out"
    assert main(["convert", str(source), str(out), "--to", "voc", "--classes", "dog"]) == 0
    names = [
        node.text for file in out.rglob("*.xml") for node in ElementTree.parse(file).iter("name")
    ]
    assert names == ["dog"] * 4
    assert len(list(out.rglob("*.png"))) == 10  # photos without a dog stay as background
    both = select_classes(Dataset.load(source), ["dog", "cat"])
    assert both.class_names == ["BG", "dog", "cat"]
    assert both.load_boxes(1)[1].tolist() == [2, 1]
    assert both.load_difficult(1).tolist() == [False, True]
    assert (
        main(["convert", str(source), str(tmp_path / "x"), "--to", "voc", "--classes", "dgo"]) == 2
    )
    assert "There is no class 'dgo' (did you mean 'dog'?)" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_selected_masks_are_those_of_their_objects(tmp_path):
    write_scenes(tmp_path, 6, size=(64, 64), progress=False)
    whole = Dataset.load(tmp_path)
    name = max(counts := whole.class_counts(), key=counts.get)
    part, number = select_classes(whole, [name]), whole.class_names.index(name)
    assert sum(part.class_counts().values()) == counts[name] > 1
    for i in whole.image_ids:
        masks, class_ids = whole.load_mask(i)
        assert np.array_equal(part.load_mask(i)[0], masks[..., class_ids == number])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "yoloo"], ["There is no format 'yoloo' (did you mean yolo?)", "voc (VOC XML)"]),
        ([], ["convert needs a data set, a new folder and a format"]),
        (["--to", "image_folders"], ["hold one class for each photo", "such as voc, coco or yolo"]),
        (["--to", "tfrecord", "--link"], ["has the photos in its own files; leave --link out"]),
    ],
)
def test_mistakes_are_a_sentence_and_leave_nothing(arguments, words, tmp_path, capsys):
    source = write_set(tmp_path / "set", 2)
    assert main(["convert", str(source), str(tmp_path / "out"), *arguments]) == 2
    text = capsys.readouterr().err
    assert all(word in text for word in words) and text.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_classes_of_whole_photos_are_no_boxes(tmp_path, capsys):
    source = write_classes(tmp_path / "set")
    assert main(["convert", str(source), str(tmp_path / "out"), "--to", "yolo"]) == 2
    assert "convert to image_folders" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["set", "set/inside", "."])
def test_the_data_set_itself_is_never_written_into(out, tmp_path, capsys):
    source = write_set(tmp_path / "set", 2)
    before = files_of(tmp_path)
    call = ["convert", str(source), str(tmp_path / out), "--to", "coco", "--overwrite"]
    assert main(call) == 2
    assert "choose a" in capsys.readouterr().err
    assert files_of(tmp_path) == before


def test_overwriting_replaces_what_was_written_and_nothing_else(tmp_path, capsys):
    large, small = write_set(tmp_path / "large"), write_set(tmp_path / "small", 4)
    out = tmp_path / "out"
    assert main(["convert", str(large), str(out), "--to", "labelme"]) == 0
    (out / "notes.md").write_text("mine")
    before = files_of(out)
    assert main(["convert", str(small), str(out), "--to", "labelme"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert files_of(out) == before
    assert main(["convert", str(small), str(out), "--to", "labelme", "--overwrite"]) == 0
    assert len(Dataset.load(out).image_ids) == 4
    assert (out / "notes.md").read_text() == "mine"


def test_links_lead_to_the_photos(tmp_path):
    source = write_set(tmp_path / "set", 3)
    out = tmp_path / "out"
    assert main(["convert", str(source), str(out), "--to", "yolo", "--link"]) == 0
    photos = sorted(out.rglob("*.png"))
    assert [photo.resolve() for photo in photos] == sorted((source / "images").iterdir())
    assert all(photo.is_symlink() for photo in photos)
    assert contents_of(Dataset.load(out)).objects == 3


@pytest.mark.filterwarnings("always::maskdet.errors.MaskdetWarning")
def test_defects_stop_or_are_left_out(tmp_path, capsys):
    source = write_set(tmp_path / "set", 4)
    (source / "images" / "00.png").write_bytes(b"no picture")
    call = ["convert", str(source), str(tmp_path / "out"), "--to", "voc"]
    assert main(call) == 2
    assert not (tmp_path / "out").exists()
    assert main([*call, "--on-error", "skip"]) == 0
    captured = capsys.readouterr()
    assert "note: The file" in captured.err and "3 photos, 3 objects" in captured.out


def test_a_result_that_reads_otherwise_is_refused(tmp_path, capsys, monkeypatch):
    source = write_set(tmp_path / "set", 4)
    write = coco.write

    def forgetful(dataset, path):
        write(dataset.subset([0, 1, 2]), path)

    monkeypatch.setattr(coco, "write", forgetful)
    call = ["convert", str(source), str(tmp_path / "out"), "--to", "coco"]
    assert main(call) == 2
    assert "(3 in place of 4 photos)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_the_list_names_every_format(capsys):
    assert main(["convert", "--list", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["formats"]
    assert list(facts) == [format_key(form) for form in FORMATS]
    assert facts["voc"] == {"name": voc.NAME, "files": voc.LOOKS_FOR}
    assert main(["convert", "--list"]) == 0
    assert f"createml: {createml.NAME}" in capsys.readouterr().out
