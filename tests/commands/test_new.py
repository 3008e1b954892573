"""Promise: the script that comes out runs as it stands, is what formatters and linters would have,
and says at once where it cannot be written."""

import ast
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet import Dataset
from maskdet.commands.main import main
from maskdet.data.formats import tfrecord, yolo
from maskdet.data.own_parts import part_names
from maskdet.data.scenes import write_scenes
from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.images import write_image
from maskdet.jobs.new_script.script import FAMILIES, ScriptData, plain_name, quoted, script_text
from tests.commands.sets import SIDE, files_of, write_classes, write_set

# TensorFlow tells that its own input pipeline does not go step by step, which is as well.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
RUFF = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
LONG = "a_name_of_thirty_letters_in_it"
NASTY = ("it's", 'so "quoted"', "both ' and \"", "back\\slash", "käfer", "$name {x} %s", "a\tb")


def made(tmp_path, *arguments):
    """The namespace of a script that the command wrote."""
    out = tmp_path / "script_of_mine.py"
    assert main(["new", "mine", "--out", str(out), "--overwrite", *map(str, arguments)]) == 0
    return runpy.run_path(str(out)), out


def run(script, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
    runpy.run_path(str(script), run_name="__main__")


def scripts(folder):
    """Scripts of every family, with and without data, of short, long, many and nasty names."""
    kinds = {"few": ("cat",), "many": tuple(f"class {n}" for n in range(40)), "nasty": NASTY}
    for family in FAMILIES:
        write_whole(folder / f"{family}.py", script_text(LONG, family))
        for name, classes in kinds.items():
            for k, parts in enumerate([None, ("train", "validation")]):
                data = ScriptData(
                    "my 'photos'" if k else "a/long/path" * 20,
                    classes,
                    70,
                    56,
                    masks=name == "many",
                    embedded=name == "nasty",
                    parts=parts,
                    parts_are_folders=name == "few",
                    skip=True,
                )
                text = script_text(LONG, family, data)
                write_whole(folder / f"{family}_{name}_{k}.py", text)


@pytest.mark.skipif(not Path(RUFF).exists(), reason="ruff is not installed")
def test_scripts_are_clean_and_formatted(tmp_path):
    scripts(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4 * 7
    for call in (
        ["format", "--check"],
        ["check", "--select", "E,F,I,UP,B,C4,W,SIM", "--line-length", "100"],
    ):
        command = [RUFF, *call, "--isolated", "--no-cache", "."]
        # From where a user would: in this repository maskdet is no library of others.
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


def test_class_names_and_paths_come_through(tmp_path):
    scripts(tmp_path)
    names = runpy.run_path(str(tmp_path / "ssd_nasty_1.py"))
    assert names["CLASSES"] == NASTY
    assert names["DATA"] == "my 'photos'"
    assert runpy.run_path(str(tmp_path / "ssd_nasty_0.py"))["DATA"] == "a/long/path" * 20


@given(st.text())
def test_any_text_is_quoted_as_it_is(text):
    assert ast.literal_eval(quoted(text)) == text


def test_the_set_is_read_as_dataset_load_reads_it(tmp_path, capsys):
    source = write_set(tmp_path / "set")
    names, _ = made(tmp_path, "--data", source)
    assert (names["CLASSES"], names["DATA"]) == (("cat", "dog"), str(source))
    whole = Dataset.load(source)
    by_name = {Path(info["path"]).name: i for i, info in enumerate(whole.image_info)}
    parts = names["load_parts"](names["DATA"])
    assert [part.num_images for part in parts] == [8, 2]
    for part in parts:
        assert part.class_names == whole.class_names and not part.gives_masks
        for i, info in enumerate(part.image_info):
            number = by_name.pop(Path(info["path"]).name)
            assert np.array_equal(part.load_boxes(i)[0], whole.load_boxes(number)[0])
            assert np.array_equal(part.load_boxes(i)[1], whole.load_boxes(number)[1])
            assert np.array_equal(part.load_difficult(i), whole.load_difficult(number))
    assert not by_name


def test_masks_are_read_where_the_set_has_some(tmp_path):
    write_scenes(tmp_path / "set", 6, size=(64, 64), progress=False)
    names, _ = made(tmp_path, "--data", tmp_path / "set")
    part = names["load_parts"](names["DATA"])[0]
    assert part.provides_masks and part.load_mask(0)[0].any()
    boxes_alone, _ = made(tmp_path, "--data", tmp_path / "set", "--family", "yolox")
    assert not boxes_alone["load_parts"](names["DATA"])[0].provides_masks


def test_photos_inside_records_are_read(tmp_path):
    whole = Dataset.load(write_set(tmp_path / "set"))
    tfrecord.write(whole, tmp_path / "records")
    names, _ = made(tmp_path, "--data", tmp_path / "records")
    part = names["load_parts"](names["DATA"])[0]
    assert part.load_image(0).shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("form", ["voc", "yolo", "image_folders"])
def test_parts_that_a_set_has_are_kept(form, tmp_path, capsys):
    writes = write_classes if form == "image_folders" else write_set
    source, out = writes(tmp_path / "set"), tmp_path / "parts"
    parts = ["--parts", "train=0.5", "val=0.5"]
    assert main(["split", str(source), "--out", str(out), "--format", form, *parts]) == 0
    count = len(Dataset.load(source).image_ids) // 2
    assert part_names(out) == (("train", "val"), True)
    names, _ = made(tmp_path, "--data", out)
    assert names["CLASSES"] == tuple(Dataset.load(source).class_names[1:])
    assert [part.num_images for part in names["load_parts"](out)] == [count, count]


def test_parts_of_a_single_yolo_file_are_kept(tmp_path):
    whole = Dataset.load(write_set(tmp_path / "set"))
    yolo.write(whole.subset(range(7)), tmp_path / "yolo", split="train")
    yolo.write(whole.subset(range(7, 10)), tmp_path / "yolo", split="val")
    assert part_names(tmp_path / "yolo") == (("train", "val"), False)
    names, _ = made(tmp_path, "--data", tmp_path / "yolo")
    assert [part.num_images for part in names["load_parts"](names["DATA"])] == [7, 3]
    assert part_names(tmp_path / "set") == (None, False)


@pytest.mark.filterwarnings("ignore::maskdet.errors.MaskdetWarning")
def test_what_cannot_be_used_is_left_out_by_the_script_too(tmp_path):
    source = write_set(tmp_path / "set")
    (source / "images" / "00.png").write_bytes(b"no picture")
    names, script = made(tmp_path, "--data", source)
    assert 'on_error="skip"' in script.read_text()
    assert sum(part.num_images for part in names["load_parts"](source)) == 9


def test_the_own_reading_reads_lines_beside_photos(tmp_path, capsys):
    names, script = made(tmp_path)
    assert "To train: python" in capsys.readouterr().out
    photos = tmp_path / "photos"
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3))
        write_image(photos / f"{number}.jpg", noise.astype(np.uint8))
        write_whole(photos / f"{number}.txt", "second 10 5 40 25\n\nfirst 1 2 3.5 4\n")
    train_set, test_set = names["load_parts"](photos)
    assert (train_set.num_images, test_set.num_images) == (4, 1)
    boxes, class_ids = train_set.load_boxes(0)
    assert boxes.tolist() == [[5, 10, 25, 40], [2, 1, 4, 3.5]] and class_ids.tolist() == [2, 1]
    write_whole(photos / "0.txt", "thrid 10 5 40 25\n")
    with pytest.raises(ValueError, match="0.txt: 'thrid' is not in CLASSES"):
        names["load_parts"](photos)
    with pytest.raises(UsageError, match="There are no photos with their objects in"):
        names["load_parts"](tmp_path / "nothing")


@pytest.fixture
def eagerly():
    """Step by step: tracing a step takes ten times as long as doing it."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("own", [False, True])
def test_a_classifier_trains_for_real(own, tmp_path, capsys, monkeypatch, eagerly):
    source = write_classes(tmp_path / "set", 10)
    options = ["--family", "classifier"] if own else ["--data", source]
    _, script = made(tmp_path, *options)
    text = script.read_text().replace('("first", "second")', '("blue", "red")')
    for usual, small in (("MIN_DIM = 256", "MIN_DIM = 72"), ("MAX_DIM = 224", "MAX_DIM = 64")):
        assert usual in text
        text = text.replace(usual, small)
    write_whole(script, text)
    monkeypatch.chdir(tmp_path)
    small = ["--data", source, "--epochs", 1, 1, "--steps", 1, "--weights", "none"]
    run(script, monkeypatch, "train", *small)
    said = capsys.readouterr().out
    assert "Photos: 16 to train, 4 to test on" in said
    weights = tmp_path / "mine_output" / "weights.h5"
    assert weights.is_file() and (tmp_path / "mine_output" / "worst.png").is_file()
    run(script, monkeypatch, "detect", weights, source / "red" / "red0.png")
    assert (tmp_path / "detections" / "red0.jpg").is_file()
    # A training that was cut goes on: here nothing is left to be done but the scores.
    run(script, monkeypatch, "train", *small[:-1], "last")
    assert "Re-starting from epoch 2" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("family", ["mask_rcnn", "ssd", "yolox"])
def test_a_detector_trains_for_real(family, tmp_path, capsys, monkeypatch, eagerly):
    write_scenes(tmp_path / "set", 10, size=(96, 96), progress=False)
    _, script = made(tmp_path, "--data", tmp_path / "set", "--family", family)
    monkeypatch.chdir(tmp_path)
    small = ["--epochs", 1, 1, "--steps", 1, "--weights", "none", "--out", "out"]
    run(script, monkeypatch, "train", *small)
    assert "AP50" in capsys.readouterr().out
    assert {"weights.h5", "gallery.png", "metrics.json"} <= set(files_of(tmp_path / "out"))
    photo = next((tmp_path / "set").rglob("*.jpg"))
    run(script, monkeypatch, "detect", "out/weights.h5", photo)
    assert (tmp_path / "detections" / photo.name).is_file()


def test_mistakes_of_the_user_of_a_script_are_a_sentence(tmp_path, monkeypatch):
    _, script = made(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="There are no photos with their objects in my_photos"):
        run(script, monkeypatch, "train")


def test_facts_for_programs(tmp_path, capsys, monkeypatch):
    write_classes(tmp_path / "set", 2)
    monkeypatch.chdir(tmp_path)
    assert main(["new", "My Insects", "--data", "set", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "script": "my_insects.py",
        "name": "my_insects",
        "family": "classifier",
        "classes": ["blue", "red"],
    }
    assert "class MyInsectsConfig(ClassifierConfig):" in Path("my_insects.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["2nd"], "begins with a letter"),
        (["--", "!"], "begins with a letter"),
        (["x" * 31], "use 30 letters at most"),
        (["random"], "would stand in front of Python's module random"),
        (["numpy"], "would stand in front of Python's module numpy"),
        (["mine", "--out", "mine.txt"], "give one that ends in .py"),
        (["mine", "--data", "nowhere"], "There is no nowhere"),
        (["mine", "--data", "set", "--family", "classifier"], "set has boxes"),
        (["mine", "--data", "classes", "--family", "ssd"], "one class for each photo"),
        (["there"], "there.py is there already"),
    ],
)
def test_mistakes_are_a_sentence_and_leave_nothing(arguments, words, tmp_path, capsys, monkeypatch):
    write_set(tmp_path / "set", 3)
    write_classes(tmp_path / "classes", 1)
    write_whole(tmp_path / "there.py", "")
    monkeypatch.chdir(tmp_path)
    before = files_of(tmp_path)
    assert main(["new", *arguments]) == 2
    text = capsys.readouterr().err
    assert words in text and text.count("\n") == 1
    assert files_of(tmp_path) == before


def test_names_become_identifiers():
    assert plain_name("My photos-2") == "my_photos_2"
    assert plain_name(" Käfer ") == "k_fer"
