"""Guards: the camouflage example runs as its readers run it, with each layout of folders, and helps
where the data set lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskdet.images import read_image
from maskdet.runtime import Classifier
from tests.models.classifier.conftest import write_folders

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples/camouflage/train.py"


def run(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize("given", [[], ["--dataset", "nowhere"]], ids=["none", "missing"])
def test_without_the_data_set_it_says_what_folders_must_look_like(given, tmp_path):
    result = run(*given, cwd=tmp_path)
    assert result.returncode == 2
    for words in ("camouflage_clothes/", "normal_clothes/", "train/, val/", "freely licensed"):
        assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_class_is_one_sentence(tmp_path):
    write_folders(tmp_path / "set", ["red"], 2)
    result = run("--dataset", "set", cwd=tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("train.py: ") and "one folder alone" in last


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.delitem(sys.modules, "train", raising=False)
    import train

    yield train
    sys.modules.pop("train", None)


def test_folders_with_and_without_parts(script, tmp_path):
    write_folders(tmp_path / "whole", ["camouflage", "normal"], 20)
    parts = script.open_parts(tmp_path / "whole")
    counts = {name: len(part.image_ids) for name, part in parts.items()}
    assert sum(counts.values()) == 40 and counts["train"] > counts["val"]
    for name, count in (("train", 6), ("valid", 2), ("test", 3)):
        write_folders(tmp_path / "parts" / name, ["camouflage", "normal"], count)
    parts = script.open_parts(tmp_path / "parts")
    counts = {name: len(part.image_ids) for name, part in parts.items()}
    assert counts == {"train": 12, "val": 4, "test": 6}
    assert list(parts["test"].class_names) == ["BG", "camouflage", "normal"]


@pytest.mark.slow
def test_a_quick_run_trains_scores_and_exports(tmp_path):
    for name in ("train", "val", "test"):
        write_folders(tmp_path / "set" / name, ["blue", "red"], 8)
    result = run("--dataset", "set", "--quick", cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "train: 16 photos, val: 16 photos, test: 16 photos" in result.stdout
    assert "accuracy: " in result.stdout and "minutes of training" in result.stdout
    out = tmp_path / "camouflage_output"
    assert json.loads((out / "metrics.json").read_text())["images"] == 16
    assert read_image(out / "worst.png").ndim == read_image(out / "inside.png").ndim == 3
    assert Classifier(out / "camouflage.tflite").class_names == ("BG", "blue", "red")
