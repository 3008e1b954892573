"""Promise: each class is shared out, as lists or as data sets of their own; no photo stands in two
parts, and nothing is written where a split cannot be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet import Dataset
from maskdet.commands.main import main
from maskdet.data.conversion import SetContents
from maskdet.data.image_sets import read_image_sets
from maskdet.data.parts import missing_classes, parts_table, shares_of
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.images import read_image, write_image
from tests.commands.sets import files_of, write_classes, write_set


def test_lists_are_written_and_read_again(tmp_path, capsys):
    source, out = write_set(tmp_path / "set"), tmp_path / "lists"
    assert main(["split", str(source), "--out", str(out)]) == 0
    captured = capsys.readouterr().out
    lines = {name: (out / f"{name}.txt").read_text().split() for name in ("train", "val")}
    assert [len(ids) for ids in lines.values()] == [8, 2]
    assert sorted(sum(lines.values(), [])) == [f"{n:02}" for n in range(10)]
    table = [line.split() for line in captured.splitlines()[:4]]
    assert table[:2] == [["train", "val"], ["photos", "8", "2"]]
    assert [row[0] for row in table[2:]] == ["cat", "dog"]
    parts = read_image_sets(Dataset.load(source), out)
    for name, column in (("train", 1), ("val", 2)):
        counts = parts[name].class_counts()
        assert [int(row[column]) for row in table[2:]] == [counts["cat"], counts["dog"]]


def test_the_seed_decides(tmp_path):
    source = write_set(tmp_path / "set", 20)
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        call = ["split", str(source), "--out", str(tmp_path / name), "--seed", seed]
        assert main(call) == 0
    first, again, other = (files_of(tmp_path / name) for name in "abc")
    assert first == again != other


@pytest.mark.parametrize("link", [False, True])
def test_data_sets_are_written(link, tmp_path, capsys):
    source, out = write_set(tmp_path / "set"), tmp_path / "parts"
    parts = ["--parts", "train=60%", "val=1/5", "test=0.2"]
    options = [*parts, "--format", "coco", "--json", *(["--link"] if link else [])]
    assert main(["split", str(source), "--out", str(out), *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {name: part["photos"] for name, part in facts["parts"].items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    photos = []
    for name, part in facts["parts"].items():
        dataset = Dataset.load(out / name)
        counts = {k: n for k, n in dataset.class_counts().items() if n}
        assert counts == {k: n for k, n in part["objects by class"].items() if n}
        paths = [out / name / "images" / f for f in map(_name, dataset.image_info)]
        assert all(path.is_symlink() == link for path in paths)
        photos += [path.name for path in paths]
    assert sorted(photos) == [f"{n:02}.png" for n in range(10)]


def _name(info):
    return str(info["path"]).rpartition("/")[2]


def test_folders_of_classes_stay_a_set_with_parts(tmp_path, capsys):
    source, out = write_classes(tmp_path / "set"), tmp_path / "parts"
    call = ["split", str(source), "--out", str(out), "--format", "image_folders"]
    assert main([*call, "--parts", "train=2/3", "val=1/3"]) == 0
    for name, count in (("train", 4), ("val", 2)):
        assert Dataset.load(out, split=name).labels.tolist() == [1] * count + [2] * count


def test_similar_photos_stay_together(tmp_path):
    source, out = write_set(tmp_path / "set"), tmp_path / "lists"
    for number in range(5):  # of each of the first five photos a slightly brighter one
        photo = read_image(source / "images" / f"{number:02}.png")
        write_image(source / "images" / f"{number + 5:02}.png", photo // 2 + 100)
    assert main(["split", str(source), "--out", str(out), "--parts", "a=0.6", "b=0.4"]) == 0
    for name in "ab":
        ids = {int(line) for line in (out / f"{name}.txt").read_text().split()}
        assert {(i + 5) % 10 for i in ids} == ids


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parts", "train=0.8", "val=0.1"], "sum to 0.9; they must sum to 1"),
        (["--parts", "train", "val=0.1"], "'train' is no part with its share"),
        (["--parts", "train=much", "val=0.1"], "'train=much' is no part with its share"),
        (["--parts", "train=1", "val=0"], "The share of 'val' is 0; it must be above 0"),
        (["--parts", "a/b=1"], "'a/b' cannot be a part's name"),
        (["--parts", "a=0.5", "A=0.5"], "'A' is named twice"),
        (["--parts", "train=0.99", "val=0.01"], "would get none of the 10 images"),
        (["--format", "yol"], "did you mean yolo?"),
        (["--format", "image_folders"], "hold one class for each photo"),
        (["--link"], "--link is for photos"),
    ],
)
def test_mistakes_are_a_sentence_and_leave_nothing(arguments, words, tmp_path, capsys):
    source = write_set(tmp_path / "set")
    assert main(["split", str(source), "--out", str(tmp_path / "out"), *arguments]) == 2
    text = capsys.readouterr().err
    assert words in text and text.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_another_split_replaces_the_lists_of_the_first(tmp_path, capsys):
    source, out = write_set(tmp_path / "set"), tmp_path / "lists"
    call = ["split", str(source), "--out", str(out)]
    assert main([*call, "--parts", "train=0.6", "val=0.2", "test=0.2"]) == 0
    before = files_of(out)
    assert main(call) == 2
    assert files_of(out) == before
    assert main([*call, "--overwrite"]) == 0
    assert set(read_image_sets(Dataset.load(source), out)) == {"train", "val"}


def test_a_mistyped_part_is_asked_about():
    with pytest.warns(MaskdetWarning, match="called 'trian'; did you mean 'train'"):
        shares_of(["trian=0.5", "val=0.5"])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_shares_of_any_whole_are_taken_and_others_refused(weights):
    total = sum(weights)
    texts = [f"part{n}={weight}/{total}" for n, weight in enumerate(weights)]
    shares = shares_of(texts)
    assert [round(share * total) for share in shares.values()] == weights
    with pytest.raises(UsageError, match="must sum to 1"):
        shares_of([*texts, "more=0.01"])


def part(photos, **by_class):
    return SetContents(photos, by_class, {}, 0, False, False)


def test_the_table_fits_narrow_terminals():
    parts = {"train": part(8, cat=12, **{"a very long name of a class": 3}), "val": part(2, cat=1)}
    assert parts_table(parts, 30).splitlines() == [
        "                   train  val",
        "photos                 8    2",
        "cat                   12    1",
        "a very long name…      3    0",
    ]


def test_a_class_that_a_part_lacks_is_named():
    parts = {"train": part(8, cat=3, dog=1), "val": part(2, cat=1, dog=0)}
    assert missing_classes(parts) == ["val has none of: dog."]
