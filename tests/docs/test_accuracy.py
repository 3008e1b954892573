"""Guards: figures of benchmarks/accuracy.py are of photos that no training saw, each in a row
of its own that says how it was trained."""

import csv
import importlib
import json
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

FOLDER = ROOT / "benchmarks"
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture
def module(monkeypatch):
    """A module of the benchmarks' folder, by its name: the folder is no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


@pytest.fixture
def sets(module):
    if not DATA.is_dir():
        pytest.skip("the real data sets are not there")
    return module("accuracy_sets")


def ids(dataset):
    return [str(info["id"]) for info in dataset.image_info]


def run(*arguments):
    command = [sys.executable, str(FOLDER / "accuracy.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


# ---- splits -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("kangaroo", 131, 32), ("balloon", 61, 13), ("bccd", 292, 72), ("nuts_bolts", 334, 62)],
)
def test_the_usual_splits(sets, name, train, test):
    parts = sets.parts_of(name, DATA)
    assert (parts.train.num_images, parts.test.num_images, parts.name) == (train, test, "test")
    assert not set(ids(parts.train)) & set(ids(parts.test))
    assert parts.train.provides_masks is (name == "balloon")


def test_settings_are_chosen_without_a_look_at_the_test_photos(sets):
    usual = sets.parts_of("kangaroo", DATA)
    held_out = []
    for fold in (1, 2, 3):
        parts = sets.parts_of("kangaroo", DATA, (fold, 3))
        assert sorted(ids(parts.train) + ids(parts.test)) == ids(usual.train)
        assert (parts.name, parts.validation) == (f"fold {fold}/3", None)
        held_out += ids(parts.test)
        # Near-identical photos, see shared/data/SOURCES.md.
        assert ("00007" in ids(parts.test)) is ("00033" in ids(parts.test))
    assert sorted(held_out) == ids(usual.train)


def test_a_sets_own_validation_photos(sets):
    from maskdet.errors import UsageError

    usual, own = sets.parts_of("bccd", DATA), sets.parts_of("bccd", DATA, "own")
    assert (own.train.num_images, own.test.num_images, own.name) == (205, 87, "validation")
    assert not set(ids(usual.test)) & {*ids(own.train), *ids(own.test)}
    with pytest.raises(UsageError, match="balloon has no validation photos of its own"):
        sets.parts_of("balloon", DATA, "own")


def test_fewer_photos_are_a_part_of_more_and_other_seeds_draw_others(sets):
    from maskdet.errors import UsageError

    train = sets.parts_of("balloon", DATA).train
    few, more = (ids(sets.some_photos(train, count, 1)) for count in (20, 50))
    assert (len(few), len(more)) == (20, 50) and set(few) < set(more)
    assert few != ids(sets.some_photos(train, 20, 2))
    with pytest.raises(UsageError, match="asks for 62, but there are 61"):
        sets.some_photos(train, 62, 0)


def test_a_set_that_is_absent_is_said_so(tmp_path):
    answer = run("--set", "kangaroo", "--data", str(tmp_path), "--epochs", "1", "1")
    assert answer.returncode == 1
    assert f"There is no {tmp_path}/kangaroo; give --data" in answer.stderr.splitlines()[-1]


# ---- rows -------------------------------------------------------------------------------------
@pytest.mark.thorough
def test_a_short_run_leaves_a_row(tmp_path):
    rows = tmp_path / "rows.csv"
    answer = run("--quick", "--weights", "none", "--seed", "3", "--csv", str(rows))
    assert answer.returncode == 0, answer.stderr[-2000:]
    with rows.open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    expected = {"set": "scenes", "split": "test", "seed": "3", "config": "MobileConfig"}
    expected |= {"weights": "none", "recipe": "1 + 0 epochs", "side": "64", "photos": "10"}
    assert {name: row[name] for name in expected} == expected
    for name in ("minutes", "tutorial AP", "box AP50", "box AP", "mask AP50", "conv_gflops"):
        assert float(row[name]) >= 0
    assert json.loads(row["errors"]).keys() == {
        "right",
        "on a crowd",
        *json.loads(row["AP50 gains"]),
    }
    assert "missed" in json.loads(row["AP50 gains"])


def test_settings_of_the_command_line(module):
    from maskdet.data.dataset import Dataset
    from maskdet.errors import UsageError

    rows, dataset = module("accuracy_rows"), Dataset()
    dataset.prepare()
    settings = ["RPN_NMS_THRESHOLD=0.8", "OPTIMIZER=sgd", "RPN_ANCHOR_RATIOS=[1, 2]"]
    config = rows.config_of("LiteConfig", dataset, 7, 640, settings)
    assert (config.SEED, config.NUM_CLASSES, config.input_sides) == (7, 1, (640, 640))
    assert config.RPN_ANCHOR_SCALES == (64, 128, 256, 448)  # twice those of 320 px
    assert (config.RPN_NMS_THRESHOLD, config.OPTIMIZER) == (0.8, "sgd")
    assert config.RPN_ANCHOR_RATIOS == [1, 2]
    with pytest.raises(UsageError, match="SIZE is no setting of MobileConfig"):
        rows.config_of("MobileConfig", dataset, 0, None, ["SIZE=3"])
    with pytest.raises(UsageError, match="no Config 'Nothing'"):
        rows.config_of("Nothing", dataset, 0)


def test_the_summary_has_mean_and_spread_over_seeds(module, tmp_path):
    same = {"set": "kangaroo", "split": "test", "config": "MobileConfig", "side": 320}
    same |= {"weights": "imagenet", "recipe": "default", "photos": 131, "settings": ""}
    rows = [
        same | {"quick": quick, "seed": seed, "box AP50": value, "minutes": 2.0, "mask AP": ""}
        for quick, seed, value in ((False, 0, 0.8), (False, 1, 0.9), (True, 2, 0.0))
    ]
    rows.append(rows[0] | {"photos": 20, "box AP50": 0.25})
    module("common").append_rows(tmp_path / "rows.csv", rows)
    head, _, first, second = module("accuracy_summary").summary(tmp_path / "rows.csv").splitlines()
    names = [cell.strip() for cell in head.split("|")]
    first, second = (
        dict(zip(names, (cell.strip() for cell in line.split("|")), strict=True))
        for line in (first, second)
    )
    assert (first["seeds"], first["box AP50"]) == ("2", "0.850 (0.800..0.900)")
    assert (first["minutes"], first["mask AP"]) == ("2.0 (2.0..2.0)", "")
    assert (second["seeds"], second["photos"], second["box AP50"]) == ("1", "20", "0.250")
