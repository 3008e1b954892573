"""Promise: weight files of Keras 2's layout are read and written exactly, whole or not at all."""

import importlib.util
from pathlib import Path

import h5py
import numpy as np
import pytest

from maskdet.errors import WeightsError
from maskdet.pretrained.matterport_h5 import read_layers, write_layers

PARITY = Path(__file__).resolve().parents[2] / "../shared/parity"


def _layers():
    random = np.random.default_rng(0)
    conv = [("conv1/kernel:0", random.normal(size=(3, 3, 2, 4)).astype("float32"))]
    conv.append(("conv1/bias:0", random.normal(size=4).astype("float32")))
    rpn = [
        ("rpn_conv_shared/kernel:0", np.ones((3, 3, 4, 5), "float32")),
        ("rpn_class_raw/bias:0", np.zeros(6, "float32")),
    ]
    return [("input_image", []), ("conv1", conv), ("rpn_model", rpn)]


def _assert_equal(found, expected):
    assert list(found) == [name for name, _ in expected]
    for name, weights in expected:
        assert [weight for weight, _ in found[name]] == [weight for weight, _ in weights]
        for (_, values), (_, others) in zip(found[name], weights, strict=True):
            np.testing.assert_array_equal(values, others)
            assert values.dtype == np.asarray(others).dtype


def test_round_trip_in_the_original_layout(tmp_path):
    path = tmp_path / "w.h5"
    write_layers(path, _layers())
    _assert_equal(read_layers(path), _layers())
    with h5py.File(path) as file:
        assert list(file.attrs["layer_names"]) == [b"input_image", b"conv1", b"rpn_model"]
        assert list(file["conv1"].attrs["weight_names"]) == [b"conv1/kernel:0", b"conv1/bias:0"]
        assert file["/conv1/conv1/kernel:0"].shape == (3, 3, 2, 4)
        assert len(file["input_image"].attrs["weight_names"]) == 0
        assert {"backend", "keras_version"} <= set(file.attrs)
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


def test_attributes_over_the_limit_are_split(tmp_path):
    path = tmp_path / "w.h5"
    layers = [(f"layer_{'x' * 90}_{index}", []) for index in range(2000)]
    many = [(f"w{index:05d}_{'y' * 90}", np.zeros(1, "float32")) for index in range(900)]
    write_layers(path, [*layers, ("many", many)])
    with h5py.File(path) as file:
        assert "layer_names" not in file.attrs and "layer_names2" in file.attrs
        assert "weight_names0" in file["many"].attrs
    _assert_equal(read_layers(path), [*layers, ("many", many)])


@pytest.mark.parametrize("kind", ["bytes", "text", "whole model"])
def test_files_of_other_writers(tmp_path, kind):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if kind == "whole model" else file
        names = ["a", "b"]
        root.attrs["layer_names"] = names if kind == "text" else [n.encode() for n in names]
        for name in names:
            group = root.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
            group.create_dataset(f"{name}/kernel:0", data=np.full(3, 2.5, "float32"))
    found = read_layers(path)
    _assert_equal(found, [(n, [(f"{n}/kernel:0", np.full(3, 2.5, "float32"))]) for n in "ab"])


def test_the_originals_layout(tmp_path):
    script = PARITY / "make_weights.py"
    if not script.exists():
        pytest.skip("the original's layer tables are not here")
    spec = importlib.util.spec_from_file_location("make_weights", script)
    make_weights = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_weights)
    table, tensors = make_weights.make_all("resnet50_4")
    make_weights.write(tmp_path / "theirs.h5", table, tensors)
    found = read_layers(tmp_path / "theirs.h5")
    names = [name for name, _ in table["layers_inference"]]
    _assert_equal(found, [(name, tensors.get(name, [])) for name in names])
    assert [name for name, _ in found["rpn_model"]][:2] == [
        "rpn_conv_shared/kernel:0",
        "rpn_conv_shared/bias:0",
    ]
    write_layers(tmp_path / "ours.h5", list(found.items()))
    _assert_equal(read_layers(tmp_path / "ours.h5"), list(found.items()))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"", "is no HDF5 file"),
        (b"<html>404</html>", "is no HDF5 file"),
        ("cut", "cannot be read as a Keras weight file"),
        ("no names", "no attribute 'layer_names'"),
        ("missing layer", "cannot be read as a Keras weight file"),
        ("missing weight", "cannot be read as a Keras weight file"),
        ("group for weight", "cannot be read as a Keras weight file"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_unusable_files(tmp_path, content, words):
    path = tmp_path / "w.h5"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "cut":
        write_layers(path, [("a", [("k", np.zeros(5000, "float32"))])])
        path.write_bytes(path.read_bytes()[:3000])
    elif content is not None:
        write_layers(path, _layers())
        with h5py.File(path, "a") as file:
            if content == "no names":
                del file.attrs["layer_names"]
            elif content == "missing layer":
                del file["conv1"]
            else:
                del file["conv1/conv1/bias:0"]
            if content == "group for weight":
                file.create_group("conv1/conv1/bias:0")
    with pytest.raises(WeightsError, match=words) as caught:
        read_layers(path)
    assert str(path) in str(caught.value)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "w.h5"
    write_layers(path, _layers())
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WeightsError, match="cannot be written .*No space left.*free space"):
        write_layers(path, [("a", [("k", np.zeros(3))])])
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


def test_a_crash_while_saving_leaves_the_old_file(tmp_path):
    class Interrupting:
        def __array__(self, dtype=None, copy=None):
            raise KeyboardInterrupt

    path = tmp_path / "w.h5"
    write_layers(path, _layers())
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_layers(path, [("a", [("k", Interrupting())])])
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


def test_missing_folder_and_repeated_names(tmp_path):
    with pytest.raises(WeightsError, match="cannot be written"):
        write_layers(tmp_path / "nowhere" / "w.h5", _layers())
    with pytest.raises(WeightsError, match="share the name 'a'"):
        write_layers(tmp_path / "w.h5", [("a", []), ("a", [])])
    with pytest.raises(WeightsError, match="Weights of layer 'a' .* share the name 'k'"):
        write_layers(tmp_path / "w.h5", [("a", [("k", np.zeros(3)), ("k", np.zeros(3))])])
