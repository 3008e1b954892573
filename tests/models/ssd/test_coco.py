"""Promise: the published quantised SSD is a detector of COCO's classes here, and finds what its
file finds."""

from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet import SSD, Dataset, Detections, open_model
from maskdet.commands.main import main
from maskdet.evaluation.report import evaluate_detections
from maskdet.images import resize_image, write_image
from maskdet.models.ssd.anchors import anchors_as_shares
from maskdet.models.ssd.network import predictions
from maskdet.pretrained.coco_names import COCO_NAMES, COCO_SLOTS
from maskdet.runtime import Detector
from tests.models.yolox.test_networks import nms

SHARED = Path(__file__).resolve().parents[3] / "../shared"
TFLITE = SHARED / "weights/ssd_mobilenet_v1_0.75_coco_quant.tflite"
SAMPLE = SHARED / "data/coco_sample"
FILES_BOXES, FILES_NMS = 10, 0.6

pytestmark = pytest.mark.skipif(not TFLITE.is_file(), reason="the quantised SSD is not here")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with the file alone, under the name of the mobile examples."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "detect.tflite").symlink_to(TFLITE.resolve())
    return tmp_path


def test_coco_is_the_detector_that_is_at_hand(here, capsys):
    model = open_model("coco")
    assert isinstance(model, SSD) and model.class_names == COCO_NAMES
    write_image(here / "photo.png", np.full((60, 80, 3), 90, np.uint8))
    assert main(["detect", "coco", "photo.png", "--out", "out"]) == 0
    assert (
        main(["detect", "weights/detect.tflite", "photo.png", "--out", "out", "--overwrite"]) == 0
    )
    assert "photo.png: " in capsys.readouterr().out and (here / "out" / "photo.jpg").exists()


def test_a_set_of_other_classes_starts_from_it(here):
    model = SSD("training", _three_classes(), here)
    report = model.load_weights("coco")
    assert report.unmatched == [f"head{level}_class_logits" for level in range(1, 7)]
    assert model.class_names == ()


def test_heads_of_other_anchors_are_to_be_trained(here):
    """Small objects want small anchors, and all but the heads that see them starts from COCO."""
    config = _three_classes()
    config.ANCHOR_SIZES, config.ANCHOR_REDUCED = (0.07, 0.6), False
    report = SSD("training", config, here).load_weights("coco")
    logits = {f"head{level}_class_logits" for level in range(1, 7)}
    assert set(report.unmatched) == {*logits, "head1_deltas"}
    assert "head2_deltas" in report.loaded


@pytest.mark.thorough
def test_int8_keeps_what_it_finds(sample, tmp_path):
    """COCO's coarsest map has an anchor whose weights are nothing: its bias must stay."""
    model = SSD.from_tflite(TFLITE)
    path = tmp_path / "coco.tflite"
    photos = [sample.load_image(i) for i in sample.image_ids[:60]]
    model.export(path, "int8", "detect", calibration=photos, count=100, verify=False)
    file = Detector(path, min_confidence=0.3)
    networks = model.detections(photos[:12])
    counts = [(len(file.detect(p)), len(d)) for p, d in zip(photos[:12], networks, strict=True)]
    assert sum(n for n, _ in counts) == pytest.approx(sum(n for _, n in counts), rel=0.15)


def _three_classes():
    from maskdet import SsdConfig

    config = SsdConfig()
    config.NUM_CLASSES = 3
    return config


@pytest.fixture(scope="module")
def sample():
    if not SAMPLE.is_dir():
        pytest.skip("the COCO sample is not here")
    return Dataset.load(SAMPLE)


@pytest.mark.thorough
def test_with_the_files_own_last_step_it_scores_as_the_file_does(sample):
    """Within a point of AP; the file's is fast NMS over all classes, of ten boxes."""
    file = _by_file(sample)
    ours = _by_network(sample)
    scores = [evaluate_detections(sample, results).box.ap for results in (file, ours)]
    assert scores[0] > 0.2
    assert scores[1] == pytest.approx(scores[0], abs=0.01)


def _by_file(dataset):
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    interpreter = Interpreter(str(TFLITE), num_threads=1)
    interpreter.allocate_tensors()
    results = []
    for image_id in dataset.image_ids:
        image = dataset.load_image(image_id)
        pixels = np.asarray(Image.fromarray(image).resize((300, 300), Image.Resampling.BILINEAR))
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None])
        interpreter.invoke()
        outputs = [interpreter.get_tensor(d["index"])[0] for d in interpreter.get_output_details()]
        boxes, slots, scores, count = outputs
        rows = [i for i in range(int(count)) if int(slots[i]) + 1 in COCO_SLOTS]
        class_ids = [COCO_SLOTS.index(int(slots[i]) + 1) for i in rows]
        results.append(_detections(image, np.clip(boxes[rows], 0, 1), class_ids, scores[rows]))
    return results


def _by_network(dataset):
    model = SSD.from_tflite(TFLITE)
    config = model.config
    image = keras.Input((300, 300, 3))
    raw = keras.Model(image, predictions(image, config))
    for layer in raw.layers:
        if layer.weights:
            layer.set_weights(model.network.get_layer(layer.name).get_weights())
    anchors = anchors_as_shares(config).astype("f8")
    sides, middles = anchors[:, 2:] - anchors[:, :2], (anchors[:, :2] + anchors[:, 2:]) / 2
    results = []
    for image_id in dataset.image_ids:
        picture = dataset.load_image(image_id)
        placement = config.placement_rule(detecting=True)(picture.shape)
        canvas = (resize_image(picture, placement)[None].astype("f4") - 128) / 128
        logits, deltas = (array[0].astype("f8") for array in raw.predict_on_batch(canvas))
        deltas = deltas * config.BBOX_STD_DEV
        centres, half = middles + deltas[:, :2] * sides, sides * np.exp(deltas[:, 2:]) / 2
        boxes = np.concatenate([centres - half, centres + half], axis=1).clip(0, 1)
        class_ids = logits[:, 1:].argmax(axis=1) + 1
        scores = 1 / (1 + np.exp(-logits[:, 1:].max(axis=1)))
        best = np.argsort(-scores, kind="stable")[:200]
        kept = best[nms(boxes[best], scores[best], FILES_NMS)[:FILES_BOXES]]
        results.append(_detections(picture, boxes[kept], class_ids[kept], scores[kept]))
    return results


def _detections(image, boxes, class_ids, scores):
    """Of boxes that are shares of the image's sides."""
    height, width = image.shape[:2]
    return Detections(
        boxes=(boxes * [height, width, height, width]).astype(np.float32),
        class_ids=np.asarray(class_ids, np.int32),
        scores=np.asarray(scores, np.float32),
        class_names=COCO_NAMES,
        image_shape=(height, width),
    )
