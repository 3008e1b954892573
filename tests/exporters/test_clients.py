"""Promise: a "detect" file works in the clients that people already have.

Each test reads the file the way that client's own loop does, written anew from its convention.
"""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from maskdet.runtime import Detector
from tests.exporters.conftest import stretched

pytestmark = pytest.mark.thorough

# The fixture with a family's files, and the precision.
FILES = [
    (family, precision)
    for family in ("exported", "exported_ssd")
    for precision in ("int8", "float32")
]


@pytest.fixture(params=FILES, ids="-".join)
def path(request):
    family, precision = request.param
    return request.getfixturevalue(family)[precision, "detect"]


@pytest.fixture
def expected(path):
    """Our own reading of the same stretched photo."""
    found = Detector(path, min_confidence=0.0).detect(stretched())
    assert len(found) > 2
    return found


def test_picamera2s_example(path, expected):
    """By position; bytes are fed raw unless the input is a float; label lines are "number name"."""
    interpreter = Interpreter(model_path=str(path), num_threads=4)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    height, width = inputs[0]["shape"][1], inputs[0]["shape"][2]
    picture = stretched(height)
    data = np.expand_dims(picture, axis=0)
    if inputs[0]["dtype"] == np.float32:
        data = (np.float32(data) - 127.5) / 127.5
    interpreter.set_tensor(inputs[0]["index"], data)
    interpreter.invoke()
    boxes = interpreter.get_tensor(outputs[0]["index"])
    classes = interpreter.get_tensor(outputs[1]["index"])
    scores = interpreter.get_tensor(outputs[2]["index"])
    number = interpreter.get_tensor(outputs[3]["index"])
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("labels_numbered.txt").decode().splitlines()
    labels = {int(line.split(maxsplit=1)[0]): line.split(maxsplit=1)[1] for line in lines}
    rows = []
    for i in range(int(number[0])):
        top, left, bottom, right = boxes[0][i]
        if scores[0][i] > 0.3:
            rows.append((labels[int(classes[0][i])], top * height, left * width, bottom * height))
    assert rows
    sure = expected.filter(0.3001)
    assert [row[0] for row in rows] == [n.replace("ä", "a") for n in sure.names]
    np.testing.assert_allclose([row[1:] for row in rows], sure.boxes[:, :3], atol=0.01)


def test_the_sorted_index_reader_of_tensorflow_examples(path, expected):
    """Smallest tensor index first; ASCII labels, from the first file of the zip."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    sorted_indices = sorted(output["index"] for output in interpreter.get_output_details())
    index = dict(zip(("location", "category", "score", "count"), sorted_indices, strict=True))
    assert detail["dtype"] == np.uint8  # "quantised" there
    interpreter.set_tensor(detail["index"], stretched()[None])
    interpreter.invoke()
    out = {name: np.squeeze(interpreter.get_tensor(i)) for name, i in index.items()}
    with zipfile.ZipFile(path) as archive:
        first = archive.namelist()[0]
        labels = archive.read(first).decode("ascii").splitlines()
    found = [(labels[int(out["category"][i])], out["score"][i]) for i in range(int(out["count"]))]
    assert len(found) == len(expected)
    np.testing.assert_allclose([score for _, score in found], expected.scores, atol=1e-6)


def test_frigates_cpu_detector(path, expected):
    """Raw bytes in, at most 20 rows out, reading stops at the first score under 0.4."""
    interpreter = Interpreter(model_path=str(path), num_threads=3)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(inputs[0]["index"], stretched()[None])
    interpreter.invoke()
    boxes = interpreter.tensor(outputs[0]["index"])()[0]
    class_ids = interpreter.tensor(outputs[1]["index"])()[0]
    scores = interpreter.tensor(outputs[2]["index"])()[0]
    count = int(interpreter.tensor(outputs[3]["index"])()[0])
    detections = np.zeros((20, 6), np.float32)
    for i in range(count):
        if scores[i] < 0.4 or i == 20:
            break
        detections[i] = [class_ids[i], float(scores[i]), *boxes[i]]
    sure = expected.filter(0.4)
    assert (detections[:, 1] > 0).sum() == len(sure)
    np.testing.assert_array_equal(detections[: len(sure), 0] + 1, sure.class_ids)
    assert len(scores) >= 20


def test_the_loops_that_look_for_a_converters_name(path, expected):
    """Other positions for names with "StatefulPartitionedCall"; they loop over all rows."""
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if "StatefulPartitionedCall" in outputs[0]["name"]:
        boxes_at, classes_at, scores_at = 1, 3, 0
    else:
        boxes_at, classes_at, scores_at = 0, 1, 2
    data = stretched()[None]
    if inputs[0]["dtype"] == np.float32:
        data = (np.float32(data) - 127.5) / 127.5
    interpreter.set_tensor(inputs[0]["index"], data)
    interpreter.invoke()
    boxes = interpreter.get_tensor(outputs[boxes_at]["index"])[0]
    classes = interpreter.get_tensor(outputs[classes_at]["index"])[0]
    scores = interpreter.get_tensor(outputs[scores_at]["index"])[0]
    with zipfile.ZipFile(path) as archive:
        labels = [line.strip() for line in archive.read("labels.txt").decode().splitlines()]
    if labels[0] == "???":
        del labels[0]
    seen = [
        labels[int(classes[i])] for i in range(len(scores)) if scores[i] > 0.05 and scores[i] <= 1.0
    ]
    assert len(seen) == (expected.scores > 0.05).sum()
    assert (np.diff(scores) <= 0).all()
    padding = scores == 0
    assert padding.any()
    assert not boxes[padding].any()
    assert not classes[padding].any()


@pytest.mark.mediapipe
def test_mediapipes_object_detector(path, expected, tmp_path):
    """The real package; it also judges the metadata. MASKDET_MEDIAPIPE names its Python."""
    python = os.environ.get("MASKDET_MEDIAPIPE", sys.executable)
    Image.fromarray(stretched()).save(tmp_path / "photo.png")
    code = """
import sys, mediapipe as mp
from mediapipe.tasks.python import BaseOptions, vision
options = vision.ObjectDetectorOptions(
    base_options=BaseOptions(model_asset_path=sys.argv[1]), score_threshold=0.05, max_results=25)
with vision.ObjectDetector.create_from_options(options) as detector:
    found = detector.detect(mp.Image.create_from_file(sys.argv[2])).detections
for d in found:
    b, c = d.bounding_box, d.categories[0]
    print(c.category_name, c.score, b.origin_y, b.origin_x, b.height, b.width, sep="|")
"""
    run = subprocess.run(
        [python, "-c", code, str(path), str(tmp_path / "photo.png")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    rows = [line.split("|") for line in run.stdout.splitlines() if line.count("|") == 5]
    assert len(rows) == len(expected)
    assert [row[0] for row in rows] == [name.replace("ä", "a") for name in expected.names]
    np.testing.assert_allclose([float(r[1]) for r in rows], expected.scores, atol=1e-3)
    corners = np.array([[float(v) for v in row[2:4]] for row in rows])
    np.testing.assert_allclose(corners, expected.boxes[:, :2], atol=1.01)  # whole pixels there
