"""Guards: the main job runs from an empty folder to weights, scores and pictures, in small."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

from maskdet.commands.main import main
from maskdet.errors import MaskdetWarning
from maskdet.jobs.demo import run_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    with warnings.catch_warnings():
        # Where COCO's weights are not to be had, it says so and starts from ImageNet's.
        warnings.filterwarnings("ignore", "(?s).*The network is built for BACKBONE", MaskdetWarning)
        return folder, run_demo(folder, images=18, epochs=(1, 1), seed=0)


def test_everything_is_left_in_one_folder(demo):
    folder, _ = demo
    for name in ("gallery.png", "curves.png", "precision_recall.png"):
        with Image.open(folder / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5, name
    assert len(list((folder / "dataset" / "JPEGImages").glob("*.jpg"))) == 18
    assert len(list((folder / "dataset" / "SegmentationObject").glob("*.png"))) == 18
    assert (folder / "scenes.h5").stat().st_size > 1_000_000
    assert "<title>The demo</title>" in (folder / "report.html").read_text()


def test_the_metrics_are_those_returned(demo):
    folder, evaluation = demo
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["images"] == 3
    assert metrics["settings"]["epochs"] == [1, 1]
    assert metrics["box"]["ap50"] == pytest.approx(evaluation.box.ap50, nan_ok=True)
    assert metrics["mask"]["ap50"] == pytest.approx(evaluation.mask.ap50, nan_ok=True)


@pytest.mark.parametrize(("options", "rule"), [([], "auto"), (["--boxes"], "boxes")])
def test_boxes_alone_teach_the_masks_where_that_is_asked_for(options, rule, tmp_path, monkeypatch):
    rules = []

    class Made(Exception):
        pass

    def made(mode, config, model_dir):
        rules.append(config.MASK_SUPERVISION)
        raise Made

    monkeypatch.setattr("maskdet.jobs.demo.MaskRCNN", made)
    with pytest.raises(Made):
        main(["demo", "--out", str(tmp_path), "--images", "6", *options])
    assert rules == [rule]


def test_the_weights_detect_from_the_command_line(demo, tmp_path, capsys):
    folder, _ = demo
    photos = sorted((folder / "dataset" / "JPEGImages").glob("*.jpg"))[:2]
    arguments = [*map(str, photos), "--out", str(tmp_path / "drawn"), "--min-score", "0.01"]
    assert main(["detect", str(folder / "scenes.h5"), *arguments]) == 0
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == [path.name for path in photos]
    assert str(photos[0]) in capsys.readouterr().out


def test_weights_are_sent_around_without_their_json(demo, tmp_path):
    folder, _ = demo
    lonely, photo = tmp_path / "lonely.h5", folder / "dataset" / "JPEGImages" / "scene_00000.jpg"
    lonely.write_bytes((folder / "scenes.h5").read_bytes())
    assert main(["detect", str(lonely), str(photo), "--out", str(tmp_path / "drawn")]) == 0
    assert (tmp_path / "drawn" / photo.name).is_file()


def test_no_photos_is_said(demo, tmp_path, capsys):
    folder, _ = demo
    (tmp_path / "empty").mkdir()
    assert main(["detect", str(folder / "scenes.h5"), str(tmp_path / "empty")]) == 2
    assert "no photos" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["detect", "--help"]])
def test_help_is_there(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out


def test_the_weights_become_a_file_that_the_runtime_runs(demo, tmp_path, capsys):
    """Folder in, trained model, .tflite out, detections drawn: all from the command line."""
    from maskdet.runtime.__main__ import main as runtime

    folder, _ = demo
    model = tmp_path / "scenes.tflite"
    data = str(folder / "dataset")
    # After two epochs scores lie about the threshold: nothing to judge int8 by.
    arguments = ["--calibration", data, "--count", "8", "--no-verify"]
    assert main(["export", str(folder / "scenes.h5"), str(model), *arguments]) == 0
    said = capsys.readouterr().out
    assert "taken anew from the calibration photos" in said
    assert "written: " in said
    assert model.stat().st_size < 4_400_000
    photos = str(folder / "dataset" / "JPEGImages")
    out = tmp_path / "drawn"
    assert runtime([str(model), photos, "--out", str(out), "--min-score", "0.05"]) == 0
    assert len(list(out.glob("*_detected.jpg"))) == 18
    assert "[18/18, 0 s left]" in capsys.readouterr().out
