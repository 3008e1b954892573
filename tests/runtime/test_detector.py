"""Promise: an exported file gives Detections anywhere, and says in one sentence why it cannot."""

import builtins
import sys

import numpy as np
import pytest

from maskdet.errors import UsageError, WeightsError
from maskdet.runtime import Detector
from maskdet.runtime.interpreter import interpreter_class
from tests.runtime.conftest import made_file, picture


def test_objects_in_the_images_own_pixels(made):
    detector = Detector(made, threads=1)
    image = np.repeat(np.repeat(picture(1, 2), 3, axis=0), 3, axis=1)  # 192 x 192
    found = detector.detect(image)
    assert len(found) == 2
    assert sorted(found.names) == ["cat", "dog"]
    np.testing.assert_allclose(
        found.boxes[np.argsort(found.boxes[:, 0])],
        [[0, 96, 96, 192], [96, 0, 192, 96]],
        atol=1.6,
    )
    assert found.image_shape == (192, 192)
    assert found.masks.shape == (192, 192, 2)
    for box, mask in zip(found.boxes, np.moveaxis(found.masks, -1, 0), strict=True):
        y1, x1, y2, x2 = np.around(box).astype(int)
        assert mask[y1:y2, x1:x2].all()
        assert mask.sum() == (y2 - y1) * (x2 - x1)


def test_an_image_of_another_shape_is_not_stretched(made):
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[:, :] = 250  # scaled to 32 x 64 and centred: no quarter is filled more than half
    found = Detector(made, min_confidence=0.2).detect(wide)
    assert len(found) == 4
    assert found.boxes[:, 2].max() <= 64
    np.testing.assert_allclose(found.scores, 0.49, atol=0.02)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (64, 64, 3)])
def test_grey_and_alpha_are_taken(made, shape):
    assert len(Detector(made).detect(np.full(shape, 250, np.uint8))) == 4


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((4, 4, 2), np.uint8), "H x W x 3"),
        (np.zeros((0, 4, 3), np.uint8), "H x W x 3"),
        (np.zeros((4, 4, 3), np.float32), "uint8"),
        (None, "H x W x 3"),
    ],
)
def test_other_images_are_refused(made, image, said):
    with pytest.raises(UsageError, match=said):
        Detector(made).detect(image)


def test_min_confidence_and_names_can_be_chosen(made, tmp_path):
    image = picture(0, 3)
    assert len(Detector(made, min_confidence=0.99).detect(image)) == 0
    plain = made_file(tmp_path, facts=False, labels="")
    found = Detector(plain, class_names=["BG", "lamp", "sun"]).detect(image)
    assert set(found.names) == {"lamp", "sun"}
    assert not found.has_masks


def test_a_detector_of_others_runs_with_its_labels(tmp_path):
    other = made_file(tmp_path, facts=False, masks=False, labels="cat\ndog\n")
    detector = Detector(other)
    assert not detector.facts.ours
    assert detector.class_names == ("BG", "cat", "dog")
    # Stretched to the input, as its own clients do.
    found = detector.detect(picture(1, size=(64, 128)))
    np.testing.assert_allclose(found.boxes, [[0, 64, 32, 128]], atol=0.01)
    nameless = made_file(tmp_path, "nameless.tflite", facts=False, masks=False, labels="")
    assert Detector(nameless).detect(picture(1)).names == ["class 2"]


# ---- bad files ------------------------------------------------------------------------------
def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match=r"no file .*nothing\.tflite"):
        Detector(tmp_path / "nothing.tflite")


@pytest.mark.parametrize("content", [b"", b"hello", bytes(1000), b"\x1c\0\0\0TFL3" + bytes(90)])
def test_no_tflite_file(tmp_path, content):
    path = tmp_path / "odd.tflite"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"odd\.tflite"):
        Detector(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file(made, tmp_path, share):
    content = made.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(share * len(content))])
    try:
        detector = Detector(path)
    except WeightsError as error:
        assert "cut.tflite" in str(error)
    else:
        # Cut behind the network: the zip's directory at the end is gone, and with it our facts.
        assert not detector.facts.ours


def test_a_network_that_is_no_detector(tmp_path):
    import tensorflow as tf

    function = tf.function(lambda x: x * 2.0).get_concrete_function(
        tf.TensorSpec((1, 8, 8, 3), tf.float32)
    )
    path = tmp_path / "twice.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    with pytest.raises(WeightsError, match=r"boxes.*lacks.*number"):
        Detector(path)


def test_damaged_facts(made, tmp_path):
    content = made.read_bytes().replace(b'"version": 1', b'"version": 9')
    path = tmp_path / "new.tflite"
    path.write_bytes(content)
    # The zip's checksum notices, or the version does; never a guess.
    try:
        facts = Detector(path).facts
    except WeightsError as error:
        assert "new.tflite" in str(error)
    else:
        assert not facts.ours


# ---- the interpreter ------------------------------------------------------------------------
def without(monkeypatch, *names):
    original = builtins.__import__

    def importing(name, *arguments, **more):
        if name.split(".")[0] in names:
            raise ImportError(name)
        return original(name, *arguments, **more)

    for module in list(sys.modules):
        if module.split(".")[0] in names:
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", importing)


def test_no_interpreter_says_what_to_install(monkeypatch):
    without(monkeypatch, "ai_edge_litert", "tflite_runtime")
    with pytest.raises(UsageError, match="pip install ai-edge-litert"):
        interpreter_class()
    monkeypatch.setattr("platform.machine", lambda: "armv7l")
    with pytest.raises(UsageError, match="64-bit"):
        interpreter_class()


def test_tflite_runtime_is_taken_where_it_is_the_one(monkeypatch):
    without(monkeypatch, "ai_edge_litert")
    module = type(sys)("tflite_runtime.interpreter")
    module.Interpreter = object()
    monkeypatch.setitem(sys.modules, "tflite_runtime", type(sys)("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", module)
    assert interpreter_class() is module.Interpreter
