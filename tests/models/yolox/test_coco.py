"""Promise: "coco" is a detector of COCO's 80 classes, and finds what the published network does."""

import json
from pathlib import Path

import numpy as np
import pytest

from maskdet import YOLOX, Dataset, Detections, open_model
from maskdet.commands.main import main
from maskdet.errors import WeightsError
from maskdet.images import resize_image, write_image
from maskdet.pretrained import catalog
from maskdet.pretrained.coco_names import COCO_NAMES
from tests.models.yolox.test_networks import nms
from tests.pretrained.yolox_files import published, random_layers, write_checkpoint

SHARED = Path(__file__).resolve().parents[3] / "../shared"
SAMPLE = SHARED / "data/coco_sample"
ONNX = SHARED / "weights/yolox_nano_coco.onnx"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder without weights and without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "weights").mkdir()
    return tmp_path


def test_the_names_are_those_of_cocos_files():
    assert len(COCO_NAMES) == 81 and len(set(COCO_NAMES)) == 81
    if not SAMPLE.is_dir():
        pytest.skip("the COCO sample is not here")
    categories = json.loads((SAMPLE / "instances.json").read_text())["categories"]
    names = [category["name"] for category in sorted(categories, key=lambda c: c["id"])]
    assert COCO_NAMES[1:] == tuple(names)


def test_it_opens_by_its_name_and_detects_on_the_command_line(here, monkeypatch, capsys):
    published(monkeypatch, write_checkpoint(here / "weights" / "yolox_nano.pth", random_layers()))
    model = open_model("coco", min_score=0.2)
    assert isinstance(model, YOLOX) and model.class_names == COCO_NAMES
    assert model.outputs == {"boxes"} and model.config.DETECTION_MIN_CONFIDENCE == 0.2
    assert model.steps is None
    write_image(here / "photo.png", np.full((60, 80, 3), 90, np.uint8))
    assert main(["detect", "coco", "photo.png", "--out", "out"]) == 0
    assert "photo.png: " in capsys.readouterr().out and (here / "out" / "photo.jpg").exists()


def test_where_there_are_no_weights_one_sentence_says_what_to_put_where(here, monkeypatch, capsys):
    from dataclasses import replace

    source = replace(catalog.find_source("yolox_nano"), address="http://127.0.0.1:9/yolox_nano.pth")
    monkeypatch.setitem(catalog._SOURCES, "yolox_nano", source)
    write_image(here / "photo.png", np.full((60, 80, 3), 90, np.uint8))
    assert main(["detect", "coco", "photo.png"]) == 2
    said = capsys.readouterr().err
    assert "yolox_nano.pth into ./weights" in said and said.count("\n") == 1


# ---- beside the published network ------------------------------------------------------------
def published_detections(session, image, rule):
    """The .onnx file's own answer with the same steps around it, in numpy."""
    placement = rule(image.shape)
    pixels = resize_image(image, placement).astype("f4")
    feed = {"images": pixels[None, ..., ::-1].transpose(0, 3, 1, 2)}
    rows = session.run(None, feed)[0][0]  # (3549, 85): x, y, w, h, object, classes
    steps = [np.full((416 // s, 416 // s), s) for s in (8, 16, 32)]
    grids = [np.stack(np.mgrid[: len(step), : len(step)][::-1], axis=-1) for step in steps]
    stride = np.concatenate([step.ravel() for step in steps])[:, None]
    centre = (rows[:, :2] + np.concatenate([grid.reshape(-1, 2) for grid in grids])) * stride
    half = np.exp(rows[:, 2:4]) * stride / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)[:, [1, 0, 3, 2]]
    scores = rows[:, 4:5] * rows[:, 5:]
    found = []
    for number in range(80):
        own = np.flatnonzero(scores[:, number] >= 0.01)
        kept = nms(boxes[own], scores[own, number], 0.65)
        found += [(scores[i, number], number + 1, i) for i in own[kept]]
    found = sorted(found, key=lambda row: -row[0])[:100]
    return Detections(
        placement.inverse_boxes(boxes[[row[2] for row in found]]),
        np.array([row[1] for row in found], np.int32),
        np.array([row[0] for row in found], np.float32),
        COCO_NAMES,
        placement.image_shape,
    )


@pytest.mark.slow
@pytest.mark.onnx
def test_the_ap_is_that_of_the_published_file(here):
    """On 80 photos of val2017: AP 0.2944, AP50 0.4536; the .onnx file 0.2944 and 0.4535."""
    runtime = pytest.importorskip("onnxruntime")
    if not (SAMPLE.is_dir() and ONNX.is_file()):
        pytest.skip("the COCO sample and the published file are not here")
    (here / "weights" / "yolox_nano.onnx").symlink_to(ONNX.resolve())
    dataset = Dataset.load(SAMPLE)
    model = open_model("coco", min_score=0.01)
    box = model.evaluate(dataset, progress=False).box
    session = runtime.InferenceSession(str(ONNX))
    rule = model.config.placement_rule(detecting=True)
    images = (dataset.load_image(i) for i in dataset.image_ids)
    theirs = [published_detections(session, image, rule) for image in images]
    expected = model.family.task.score(dataset, theirs).box
    assert expected.ap == pytest.approx(0.294, abs=0.002)
    assert box.ap == pytest.approx(expected.ap, abs=0.001)
    assert box.ap50 == pytest.approx(expected.ap50, abs=0.001)


@pytest.mark.slow
@pytest.mark.onnx
def test_the_tflite_file_keeps_the_ap(here):
    if not (SAMPLE.is_dir() and ONNX.is_file()):
        pytest.skip("the COCO sample and the published file are not here")
    pytest.importorskip("onnx")
    (here / "weights" / "yolox_nano.onnx").symlink_to(ONNX.resolve())
    model = open_model("coco")
    report = model.export(here / "coco.tflite", dataset=Dataset.load(SAMPLE), progress=False)
    assert report.verified and report.size < 4_000_000


def test_another_networks_file_is_refused(here, monkeypatch):
    path = write_checkpoint(
        here / "weights" / "yolox_nano.pth", random_layers(), drop=["head.stems.0.conv.weight"]
    )
    published(monkeypatch, path)
    with pytest.raises(WeightsError, match="does not hold YOLOX-Nano"):
        open_model("coco")
