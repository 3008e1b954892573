"""Promise: an exported SSD finds what the network finds, in our runtime, from the command line, and
as ONNX and SavedModel; int8 moves boxes a little and never a class.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from maskdet import Detections
from maskdet.exporters import saved_model
from maskdet.images import write_image
from maskdet.runtime import Detector
from tests.exporters.conftest import photos, stretched

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = ["location", "category", "score", "number of detections"]
SCORE = 0.5


def sure(model, image):
    """What the network finds in an image, from SCORE on."""
    [detections] = model.detections([image])
    return detections.filter(SCORE)


@pytest.mark.parametrize("photo", range(3))
def test_the_detector_gives_what_detect_gives(photo, ssd_model, exported_ssd):
    image = photos()[photo]
    [expected] = ssd_model.detect([image])
    detections = Detector(exported_ssd["float32", "detect"], min_confidence=0.3).detect(image)
    result = detections.to_matterport()
    assert len(expected["rois"]) > 3
    for name in ("rois", "class_ids"):
        np.testing.assert_array_equal(result[name], expected[name])
    np.testing.assert_allclose(result["scores"], expected["scores"], atol=1e-4)


def test_the_command_gives_what_detect_gives(ssd_model, exported_ssd, tmp_path):
    images = photos(3)
    for number, image in enumerate(images):
        write_image(tmp_path / "photos" / f"{number}.png", image)
    path = str(exported_ssd["float32", "detect"])
    arguments = [path, str(tmp_path / "photos"), "--out", str(tmp_path / "out"), "--min-score"]
    run = subprocess.run(
        [sys.executable, "-m", "maskdet.runtime", *arguments, str(SCORE)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    for number, image in enumerate(images):
        expected = sure(ssd_model, image)
        detections = Detections.load(tmp_path / "out" / f"{number}.json")
        assert len(expected) > 3
        assert detections.names == expected.names
        np.testing.assert_allclose(detections.boxes, expected.boxes, atol=0.05)
        assert (tmp_path / "out" / f"{number}_detected.png").exists()
        assert f"{number}.png: {detections.summary()}" in run.stdout


def test_detecting_with_a_file_does_not_wait_for_tensorflow(exported_ssd, tmp_path):
    """It takes seconds to load, and a file is not run by it."""
    write_image(tmp_path / "photo.png", photos(1)[0])
    arguments = ["detect", str(exported_ssd["float32", "detect"]), str(tmp_path / "photo.png")]
    code = "import sys; from maskdet.commands.main import main\n"
    code += f"assert not main({[*arguments, '--out', str(tmp_path / 'out')]})\n"
    code += "print('loaded:', sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "loaded: []" in run.stdout, run.stdout + run.stderr
    assert (tmp_path / "out" / "photo.jpg").exists()


def test_int8_keeps_class_numbers_whole_and_rows_fine(exported_ssd):
    """Clients cut class numbers off behind the point: 1.996 would be another class."""
    interpreter = Interpreter(model_path=str(exported_ssd["int8", "detect"]))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], stretched()[None])
    interpreter.invoke()
    details = {detail["name"]: detail for detail in interpreter.get_output_details()}
    values = {name: interpreter.get_tensor(details[name]["index"]) for name in OUTPUTS}
    count = int(values["number of detections"][0])
    classes = values["category"][0, :count]
    assert set(classes) == {1.0, 2.0}
    corners = values["location"][0, :count]
    assert len(np.unique(np.diff(np.unique(corners)))) > 20  # no common step


def test_int8_finds_the_same_things(ssd_model, exported_ssd):
    """Rounded weights move boxes and scores of a network that nobody trained; not what they are."""
    image = stretched()
    expected = sure(ssd_model, image)
    detections = Detector(exported_ssd["int8", "detect"], min_confidence=0.0).detect(image)
    matched = 0
    for box, class_id in zip(expected.boxes, expected.class_ids, strict=True):
        distance = np.abs(detections.boxes - box).max(axis=1)
        nearest = distance[detections.class_ids == class_id].min(initial=np.inf)
        matched += nearest < 8
    assert matched >= 0.8 * len(expected) > 4


@pytest.mark.slow
def test_a_saved_model_agrees(ssd_model, tmp_path):
    report = ssd_model.export(
        tmp_path / "saved",
        format="saved_model",
        calibration=photos(),
        precision="float32",
        progress=False,
    )
    assert report.verified and report.comparison.agreement.expected > 10
    assert max(report.comparison.errors.values()) <= 1e-5
    run = saved_model.folder_runner(tmp_path / "saved", OUTPUTS)
    location, category, score, number = run({"image": stretched()[None]})
    assert location.shape == (1, 20, 4) and category.shape == score.shape == (1, 20)
    expected = sure(ssd_model, stretched())
    rows = slice(0, len(expected))
    assert number[0] >= len(expected) > 3
    np.testing.assert_array_equal(category[0, rows] + 1, expected.class_ids)
    np.testing.assert_allclose(location[0, rows] * 128, expected.boxes, atol=0.05)


@pytest.mark.onnx
def test_onnx_agrees_in_onnxruntime(ssd_model, tmp_path):
    import onnxruntime

    path = tmp_path / "model.onnx"
    report = ssd_model.export(path, calibration=photos(), precision="float32", progress=False)
    assert report.verified and report.comparison.agreement.expected > 10
    session = onnxruntime.InferenceSession(path.read_bytes())
    location, category, _, number = session.run(OUTPUTS, {"image": stretched()[None]})
    expected = sure(ssd_model, stretched())
    rows = slice(0, len(expected))
    assert number[0] >= len(expected) > 3
    np.testing.assert_array_equal(category[0, rows] + 1, expected.class_ids)
    np.testing.assert_allclose(location[0, rows] * 128, expected.boxes, atol=0.05)
