"""Promise: a sheet shows what the annotations say, a colour for each class; what cannot be read is
named and left out, and no picture is written over or into the data set."""

import json

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.commands.main import main
from maskdet.data.augment import Augmentation
from maskdet.data.scenes import write_scenes
from maskdet.images import read_image
from maskdet.jobs.preview import photos_to_show, preview, sheet_paths
from maskdet.visualize.draw import palette
from maskdet.visualize.legend import with_legend
from tests.commands.sets import files_of, write_classes, write_set

CAT, DOG = palette(2)
GREY = (150, 150, 150)


def pixels(sheet, colour):
    """(y, x) of a colour below the legend."""
    y, x = np.nonzero((sheet[40:] == colour).all(axis=2))
    return y + 40, x


def sheet_of(source, tmp_path, *options):
    """The picture as an array; PNG, so that colours are exact."""
    out = tmp_path / "sheet.png"
    assert main(["preview", str(source), "--out", str(out), "--overwrite", *options]) == 0
    return read_image(out)


def test_boxes_stand_where_the_annotation_has_them(tmp_path, capsys):
    source = write_set(tmp_path / "set", 3)
    sheet = sheet_of(source, tmp_path, "--every")
    # Photos of 60 pixels are drawn at 420: the first one's box x 10..40, y 5..25, times 7. It
    # stands 8 pixels from the left, and below the legend (32) by 8.
    y, x = pixels(sheet[:, :436], CAT)
    assert (x.min(), x.max()) == (8 + 70, 8 + 280 - 1)
    assert (y.min(), y.max()) == (40 + 35, 40 + 175 - 1)
    y, x = pixels(sheet, DOG)  # in the second photo alone: x 30..55, y 30..50
    assert (x.min(), x.max()) == (436 + 210, 436 + 385 - 1)
    assert (y.min(), y.max()) == (40 + 210, 40 + 350 - 1)
    said = capsys.readouterr().out
    assert "  cat: 2\n  dog: 1\n3 photos, 3 objects, 2 classes\n" in said


def test_the_legend_has_the_colours_of_the_sheet(tmp_path):
    sheet = sheet_of(write_set(tmp_path / "set", 3), tmp_path)
    assert tuple(sheet[10, 10]) == CAT
    assert (sheet[8:22] == DOG).all(axis=2).sum() == 14 * 14


def test_a_legend_takes_as_many_lines_as_it_needs():
    picture = np.zeros((5, 200, 3), np.uint8)
    assert with_legend(picture, []) is picture
    colours = palette(6)
    entries = [(f"a class {n}", colour) for n, colour in enumerate(colours)]
    legend = with_legend(picture, entries)
    assert legend.shape == (8 + 24 * 3 + 5, 200, 3)  # two a line
    for colour in colours:
        assert (legend == colour).all(axis=2).sum() == 14 * 14
    assert not legend[-5:].any()


def test_one_class_alone(tmp_path, capsys):
    source = write_set(tmp_path / "set", 6)
    out = tmp_path / "dogs.png"
    assert main(["preview", str(source), "--out", str(out), "--class", "dog", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["photos"], facts["objects by class"]) == (2, {"dog": 2})  # of 1 and 3; 5 is empty
    sheet = read_image(out)
    assert len(pixels(sheet, CAT)[0]) == 0 < len(pixels(sheet, DOG)[0])
    assert main(["preview", str(source), "--out", str(tmp_path / "x.png"), "--class", "dgo"]) == 2
    assert "did you mean 'dog'?" in capsys.readouterr().err


def test_masks_are_tinted(tmp_path):
    write_scenes(tmp_path / "set", 2, size=(105, 105), progress=False)
    dataset = Dataset.load(tmp_path / "set")
    paths = [tmp_path / "sheet.png"]
    preview(dataset, [0], paths)
    sheet = read_image(paths[0])[-(420 + 26) : -26, 8:428].astype(int)
    photo = np.repeat(np.repeat(read_image(dataset.image_info[0]["path"]), 4, 0), 4, 1).astype(int)
    masks = np.repeat(np.repeat(dataset.load_mask(0)[0].any(axis=2), 4, 0), 4, 1)
    changed = np.abs(sheet - photo).max(axis=2) > 25
    assert changed[masks].mean() > 0.8 > 0.2 > changed[~masks].mean()


def test_classes_of_whole_photos_are_their_frame(tmp_path, capsys):
    source = write_classes(tmp_path / "set", 2)
    sheet = sheet_of(source, tmp_path, "--every")
    assert "4 photos, 2 classes" in capsys.readouterr().out
    for number, colour in enumerate((CAT, CAT, DOG, DOG)):
        left = 8 + 428 * number
        assert (sheet[40 + 210, left : left + 2] == colour).all()
        assert (sheet[40 + 419, left : left + 420] == colour).all()


def test_the_lot_is_drawn_by_the_seed(tmp_path):
    dataset = Dataset.load(write_set(tmp_path / "set"))
    assert photos_to_show(dataset, None) == list(range(10))
    assert photos_to_show(dataset, 3) == photos_to_show(dataset, 3) != photos_to_show(dataset, 4)
    assert sorted(photos_to_show(dataset, 3)) == list(range(10))


def test_every_photo_stands_on_one_of_the_sheets(tmp_path, capsys):
    source = write_set(tmp_path / "set")
    call = ["preview", str(source), "--out", str(tmp_path / "p.jpg"), "--every", "--count", "4"]
    assert main([*call, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["pictures"] == [str(tmp_path / f"p_{n}.jpg") for n in (1, 2, 3)]
    assert (facts["photos"], facts["objects by class"]) == (10, {"cat": 9, "dog": 4})
    before = files_of(tmp_path)
    assert main(call) == 2
    assert "p_1.jpg is there already" in capsys.readouterr().err
    assert files_of(tmp_path) == before


def test_names_of_many_sheets_sort_as_they_are_counted():
    names = [path.name for path in sheet_paths("a/b.png", 12)]
    assert names[0] == "b_01.png" and names[-1] == "b_12.png" and sorted(names) == names


@pytest.mark.filterwarnings("always::maskdet.errors.MaskdetWarning")
def test_photos_that_cannot_be_read_are_named_and_replaced(tmp_path, capsys):
    source = write_set(tmp_path / "set", 5)
    (source / "images" / "01.png").write_bytes(b"no picture")
    broken = source / "images" / "02.png"
    content = bytearray(broken.read_bytes())
    content[200:900] = bytes(700)  # whole by its ending, and still damaged
    broken.write_bytes(content)
    out = tmp_path / "sheet.jpg"
    assert main(["preview", str(source), "--out", str(out), "--json"]) == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["photos"] == 3
    assert "01.png" in captured.err
    [sentence] = facts["left out"]
    assert "02.png is truncated or damaged" in sentence


def test_variants_stand_beside_their_photo(tmp_path):
    dataset = Dataset.load(write_set(tmp_path / "set", 3))
    flips = Augmentation(flip=1.0)
    drawn = preview(dataset, [0], [tmp_path / "sheet.png"], augmentation=flips)
    assert (drawn.photos, drawn.by_class) == (1, {"cat": 1})
    sheet = read_image(tmp_path / "sheet.png")
    assert sheet.shape[1] == 4 * 428 + 8
    for place in range(4):
        _, x = pixels(sheet[:, 8 + 428 * place : 428 * (place + 1)], CAT)
        assert (x.min(), x.max()) == ((70, 279) if place == 0 else (140, 349))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "set/preview.jpg"], "would be read as part of it"),
        (["--out", "preview.doc"], "use .jpg or .png"),
        (["--count", "0"], "--count is 0; give 1 or more"),
        (["--seed", "-1"], "--seed is -1; give 0 or more"),
        (["--augmented", "strange"], "There is no augmentation 'strange'"),
    ],
)
def test_mistakes_are_a_sentence_and_leave_nothing(arguments, words, tmp_path, capsys, monkeypatch):
    write_set(tmp_path / "set", 2)
    monkeypatch.chdir(tmp_path)
    before = files_of(tmp_path)
    assert main(["preview", "set", *arguments]) == 2
    text = capsys.readouterr().err
    assert words in text and text.count("\n") == 1
    assert files_of(tmp_path) == before


def test_a_set_without_a_photo_of_a_class_has_no_sheet(tmp_path, capsys):
    source = write_set(tmp_path / "set", 2)
    dataset = Dataset.load(source)
    dataset.add_class("voc", 9, "bird")
    dataset.prepare()
    with pytest.raises(ValueError, match="no photo with 'bird'"):
        photos_to_show(dataset, 0, 2)
