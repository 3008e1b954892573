"""Guards: the nuts and bolts example runs as its readers run it, with each layout of folders, and
helps where the data set lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskdet import Dataset
from maskdet.data.formats import voc
from maskdet.data.scenes import write_scenes
from maskdet.runtime import Detector
from maskdet.training.recipes import recipe_stages

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples/nuts_and_bolts/train.py"
SET = ROOT / "../shared/data/nuts_bolts"
needs_data = pytest.mark.skipif(
    not SET.exists(), reason="the set (../shared/data/nuts_bolts) is not here"
)


def run(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    # No downloads: COCO's weights are here or they are not.
    environment |= {"MASKDET_HOME": str(cwd / "cache"), "https_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize("given", [[], ["--dataset", "nowhere"]], ids=["none", "missing"])
def test_without_the_data_set_it_says_what_folders_must_look_like(given, tmp_path):
    result = run(*given, cwd=tmp_path)
    assert result.returncode == 2
    for words in ("LabelImg's .xml files", "train, valid and test", "data.yaml", "maskdet demo"):
        assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_annotations_is_one_sentence(tmp_path):
    (tmp_path / "photos").mkdir()
    result = run("--dataset", "photos", cwd=tmp_path)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("train.py: ") and "photos" in last
    assert "Traceback" not in result.stderr


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.delitem(sys.modules, "train", raising=False)
    import train

    yield train
    sys.modules.pop("train", None)


@needs_data
def test_a_yolo_set_keeps_its_parts(script):
    parts = script.open_parts(SET)
    assert {name: len(part.image_ids) for name, part in parts.items()} == {
        "train": 334,
        "val": 61,
        "test": 62,
    }
    assert list(parts["test"].class_names) == ["BG", "bolt", "nut"]


@needs_data
def test_it_trains_as_its_figures_say(script):
    """Its README's figures are of 40 epochs at 416 pixels, of anchors that fit small things."""
    config = script.NutsAndBoltsConfig()
    parts = script.open_parts(SET)
    config.ANCHOR_SIZES = script.fit_anchor_sizes(parts["train"], config)
    assert config.ANCHOR_SIZES == pytest.approx((0.078, 0.4))
    stages = recipe_stages(config, "long", len(parts["train"].image_ids))
    assert [(stage.layers, stage.learning_rate, stage.epochs) for stage in stages] == [
        ("heads", 0.002, 4),
        ("all", 0.001, 36),
    ]
    assert (config.input_sides, config.ANCHOR_REDUCED) == ((416, 416), False)
    assert (config.BACKBONE_RATE, config.BACKBONE) == (0.5, "mobilenet_v1_0.75")


def test_labelimg_folders_with_and_without_parts(script, tmp_path):
    write_scenes(tmp_path / "scenes", 20, size=(64, 64), progress=False)
    dataset = Dataset.load(tmp_path / "scenes")
    voc.write(dataset, tmp_path / "whole")
    parts = script.open_parts(tmp_path / "whole")
    assert {name: len(part.image_ids) for name, part in parts.items()} == {
        "train": 14,
        "val": 3,
        "test": 3,
    }
    for name, rows in (("train", range(12)), ("valid", range(12, 16)), ("test", range(16, 20))):
        voc.write(dataset.subset(rows), tmp_path / "parts" / name)
    parts = script.open_parts(tmp_path / "parts")
    assert {name: len(part.image_ids) for name, part in parts.items()} == {
        "train": 12,
        "val": 4,
        "test": 4,
    }
    assert len({tuple(part.class_names) for part in parts.values()}) == 1


@needs_data
@pytest.mark.slow
def test_a_quick_run_trains_scores_and_exports(tmp_path):
    result = run("--dataset", SET, "--quick", cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "train: 16 photos, val: 16 photos, test: 16 photos" in result.stdout
    assert "Starts from random weights, which takes many more" in result.stdout
    assert "COCO AP50: " in result.stdout and "minutes of training" in result.stdout
    out = tmp_path / "nuts_and_bolts_output"
    names = ("gallery.png", "curves.png", "metrics.json", "nuts_and_bolts.h5")
    assert all((out / name).is_file() for name in names)
    assert "training minutes" in json.dumps(json.loads((out / "metrics.json").read_text()))
    detector = Detector(out / "nuts_and_bolts.tflite")
    assert detector.class_names == ("BG", "bolt", "nut")
