"""Guards: the kangaroo example runs as its readers run it, and helps where the data set lacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples/kangaroo/train.py"
KANGAROO = ROOT / "../shared/data/kangaroo"
needs_data = pytest.mark.skipif(
    not KANGAROO.exists(), reason="the kangaroo set (../shared/data/kangaroo) is not here"
)


def run(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_without_the_data_set_it_says_where_to_get_it(tmp_path):
    result = run(cwd=tmp_path)
    assert result.returncode == 2
    assert "experiencor/kangaroo" in result.stderr
    assert "python -m maskdet demo" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_folder_is_named(tmp_path):
    result = run("--dataset", tmp_path, cwd=tmp_path)
    assert result.returncode == 2
    assert f"{tmp_path} has no folder annots/" in result.stderr


@needs_data
def test_the_split_is_the_tutorials(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import train

    counts = []
    for arguments in ({"is_train": True}, {"is_train": False}, {"held_out": True}):
        dataset = train.KangarooDataset()
        dataset.load_dataset(KANGAROO, **arguments)
        dataset.prepare()
        boxes = sum(len(dataset.load_boxes(i)[0]) for i in dataset.image_ids)
        counts.append((len(dataset.image_ids), boxes))
    assert counts[:2] == [(131, 208), (32, 55)]
    assert counts[2][0] == 26


@needs_data
@pytest.mark.slow
def test_it_trains_and_prints_both_figures(tmp_path):
    result = run("--dataset", KANGAROO, "--epochs", 1, 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "131 photos to train on, 32 to test on" in result.stdout
    assert "tutorial's figure" in result.stdout
    assert "COCO AP50" in result.stdout
    assert (tmp_path / "kangaroo_output" / "gallery.png").exists()
