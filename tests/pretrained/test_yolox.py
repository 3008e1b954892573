"""Promise: YOLOX-Nano's published weights give here what they give where they were published."""

from pathlib import Path

import numpy as np
import pytest

from maskdet.errors import WeightsError
from maskdet.pretrained.yolox import yolox_layers
from tests.pretrained.torch_files import Tensor, fake_torch, write_zip
from tests.pretrained.yolox_files import random_layers, whole_network, write_checkpoint

ONNX = Path(__file__).resolve().parents[2] / "../shared/weights/yolox_nano_coco.onnx"


def onnx_file():
    if not ONNX.is_file():
        pytest.skip("the ONNX file of YOLOX-Nano is not here")
    pytest.importorskip("onnx")
    return ONNX


def assert_layers(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, arrays in expected.items():
        assert [array.dtype for array in found[name]] == [np.dtype("f4")] * len(arrays)
        for array, values in zip(found[name], arrays, strict=True):
            np.testing.assert_allclose(array, values, err_msg=name, **tolerance)


@pytest.mark.parametrize(("dtype", "rtol"), [("<f4", 1e-6), ("<f2", 1e-3)])
def test_a_checkpoint_gives_every_layer_its_arrays(tmp_path, dtype, rtol):
    layers = random_layers()
    path = write_checkpoint(tmp_path / "yolox_nano.pth", layers, dtype)
    assert_layers(yolox_layers(path), layers, rtol=rtol)


def test_every_layer_of_the_network_has_arrays_of_its_shapes(tmp_path):
    layers = yolox_layers(write_checkpoint(tmp_path / "yolox_nano.pth", random_layers()))
    network = whole_network()
    shapes = {layer.name: [w.shape for w in layer.weights] for layer in network.layers}
    assert {name: [a.shape for a in arrays] for name, arrays in layers.items()} == {
        name: shape for name, shape in shapes.items() if shape
    }


def test_a_checkpoint_that_lacks_a_layer_names_it(tmp_path):
    gone = "head.cls_preds.1.weight"
    path = write_checkpoint(tmp_path / "some.pth", random_layers(), drop=[gone])
    with pytest.raises(WeightsError, match=rf"does not hold YOLOX-Nano: it lacks '{gone}'"):
        yolox_layers(path)


def test_another_network_is_refused(tmp_path, monkeypatch):
    fake_torch(monkeypatch)
    write_zip(tmp_path / "w.pth", {"fc.weight": Tensor("0", np.zeros((2, 3), "<f4"))})
    with pytest.raises(WeightsError, match=r"w.pth does not hold YOLOX-Nano: it lacks"):
        yolox_layers(tmp_path / "w.pth")


@pytest.mark.onnx
def test_the_networks_outputs_are_those_of_onnxruntime():
    path = onnx_file()
    runtime = pytest.importorskip("onnxruntime")
    network, layers = whole_network(side=416), yolox_layers(path)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(layers[layer.name])
    pixels = np.random.default_rng(0).integers(0, 256, (1, 416, 416, 3)).astype("f4")
    outputs = network.predict(pixels / 128, verbose=0)
    classes, deltas, objectness = outputs[3:6], outputs[6:9], outputs[9:12]
    rows = [
        np.concatenate([d[..., [1, 0, 3, 2]], sigmoid(o), sigmoid(c)], axis=-1).reshape(-1, 85)
        for c, d, o in zip(classes, deltas, objectness, strict=True)
    ]
    feed = {"images": pixels[..., ::-1].transpose(0, 3, 1, 2)}
    [expected] = runtime.InferenceSession(str(path)).run(None, feed)
    np.testing.assert_allclose(np.concatenate(rows), expected[0], atol=1e-4)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


@pytest.mark.onnx
def test_damaged_onnx_files_are_refused(tmp_path):
    content = onnx_file().read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"cut.onnx is no whole ONNX file .*fetch it again"):
        yolox_layers(tmp_path / "cut.onnx")


def test_an_onnx_file_needs_its_package(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    (tmp_path / "w.onnx").write_bytes(b"")
    with pytest.raises(WeightsError, match="run: pip install onnx"):
        yolox_layers(tmp_path / "w.onnx")
