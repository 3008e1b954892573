"""Promise: ONNX and SavedModel give what the network gives, in the same outputs."""

import json

import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.exporters import saved_model
from maskdet.exporters.formats import format_of
from tests.exporters.conftest import photos

OUTPUTS = ["location", "category", "score", "number of detections", "masks"]


def sample(image):
    canvas = np.zeros((1, 128, 128, 3), np.uint8)
    canvas[0, :90, :120] = image[:90]
    return {"image": canvas, "window": np.array([[0, 0, 1, 1]], np.float32)}


@pytest.mark.thorough
def test_a_saved_model_agrees_and_is_replaced_whole(tiny_model, tmp_path):
    place = tmp_path / "saved"
    report = tiny_model.export(
        place, format="saved_model", calibration=photos(6), precision="float32", progress=False
    )
    assert max(report.comparison.errors.values()) <= 1e-5
    assert report.verified and report.comparison.agreement.fault is None
    found = saved_model.folder_runner(place, OUTPUTS)(sample(photos(1)[0]))
    assert [a.shape for a in found] == [(1, 20, 4), (1, 20), (1, 20), (1,), (1, 20, 28, 28)]
    facts = json.loads((place / "assets.extra" / "maskdet.json").read_text())
    assert facts["class_names"][1] == "cat"
    (place / "old.txt").write_text("of the old one")
    tiny_model.export(place, format="saved_model", progress=False, verify=False)
    assert not (place / "old.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]


def test_a_folder_with_something_else_stays(tiny_model, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is no SavedModel"):
        tiny_model.export(tmp_path, format="saved_model", progress=False)
    assert (tmp_path / "photo.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize(("path", "format"), [("model.onnx", None), ("folder", "saved_model")])
def test_other_precisions_are_for_tflite(tiny_model, tmp_path, path, format):
    with pytest.raises(UsageError, match="float32 only"):
        tiny_model.export(tmp_path / path, precision="float16", format=format, progress=False)


@pytest.mark.parametrize(
    ("path", "format", "expected"),
    [
        ("mine.tflite", None, "tflite"),
        ("MINE.ONNX", None, "onnx"),
        ("page/", None, "page"),
        ("anything", None, "page"),
        ("saved", "saved_model", "saved_model"),
        ("model.v2", "saved_model", "saved_model"),
    ],
)
def test_what_a_path_says(path, format, expected):
    assert format_of(path, format) == expected


@pytest.mark.parametrize(
    ("path", "format", "message"),
    [
        ("mine.pb", None, r"No exporter writes \.pb; use \.tflite"),
        ("mine.onnx", "tflite", r"does not fit format 'tflite'; end the name in \.tflite"),
        ("page", "onnx", r"does not fit format 'onnx'; end the name in \.onnx"),
        ("mine.tflite", "page", "does not fit format 'page'; name a folder"),
        ("mine", "savedmodel", "format is 'savedmodel'; use one of tflite, onnx, saved_model"),
    ],
)
def test_what_a_path_cannot_be(path, format, message):
    with pytest.raises(UsageError, match=message):
        format_of(path, format)


def test_samples_are_for_a_page(tiny_model, tmp_path):
    with pytest.raises(UsageError, match="Only a page has samples"):
        tiny_model.export(tmp_path / "m.tflite", samples=[tmp_path / "a.jpg"], progress=False)


def test_onnx_says_what_to_install(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    with pytest.raises(UsageError, match=r"maskdet\[onnx\]"):
        tiny_model.export(tmp_path / "model.onnx", progress=False)


@pytest.mark.onnx
def test_onnx_agrees_in_onnxruntime(tiny_model, tmp_path):
    import onnxruntime

    path = tmp_path / "model.onnx"
    report = tiny_model.export(path, calibration=photos(6), precision="float32", progress=False)
    assert report.verified and max(report.comparison.errors.values()) <= 1e-5
    session = onnxruntime.InferenceSession(path.read_bytes())
    assert [o.name for o in session.get_outputs()] == OUTPUTS
    meta = session.get_modelmeta().custom_metadata_map
    assert meta["labels"].splitlines()[0] == "cat"
    assert json.loads(meta["maskdet"])["profile"] == "instances"
