"""Promise: files of matterport's network are read, and what we write is read by an old Keras."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from maskdet.config import Config
from maskdet.errors import WeightsError
from maskdet.models.mask_rcnn.network import build_inference_network
from maskdet.pretrained.assign import load_into, save_from
from maskdet.pretrained.matterport_h5 import read_layers

PARITY = Path(__file__).resolve().parents[2] / "../shared/parity"
RPN = [
    f"{layer}/{kind}:0"
    for layer in ("rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred")
    for kind in ("kernel", "bias")
]


class _Config(Config):
    NAME = "old"
    BACKBONE = "resnet50"
    NUM_CLASSES = 4
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128


@pytest.fixture(scope="module")
def table():
    path = PARITY / "layers_resnet50_4.json"
    if not path.exists():
        pytest.skip("the original's layer tables are not here")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def network():
    return build_inference_network(_Config())


@pytest.fixture(scope="module")
def files(table, network, tmp_path_factory):
    """Their file, and ours after theirs was loaded: both go when the tests are done."""
    folder = tmp_path_factory.mktemp("layout")
    theirs, ours = folder / "theirs.h5", folder / "ours.h5"
    command = [sys.executable, str(PARITY / "make_weights.py"), "resnet50_4", str(theirs)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    load_into(network, theirs)
    save_from(network, ours)
    yield theirs, ours
    theirs.unlink()
    ours.unlink()


def _old_keras(path, wanted):
    """Arrays by layer as Keras 2 takes them: layers by name, within a layer by position."""
    found = {}
    with h5py.File(path) as file:
        root = file
        if "layer_names" not in file.attrs and "model_weights" in file:
            root = file["model_weights"]
        for name in [entry.decode("utf8") for entry in root.attrs["layer_names"]]:
            group = root[name]
            names = [entry.decode("utf8") for entry in group.attrs["weight_names"]]
            arrays = [np.asarray(group[entry]) for entry in names]
            if name in wanted:
                assert len(arrays) == len(wanted[name]), name
                for array, (_, shape) in zip(arrays, wanted[name], strict=True):
                    assert array.shape == tuple(shape), name
                found[name] = arrays
    return found


def test_their_file_is_read_in_their_order(table, files):
    found = read_layers(files[0])
    assert [(name, [weight for weight, _ in weights]) for name, weights in found.items()] == [
        (name, [weight for weight, _ in weights]) for name, weights in table["layers_inference"]
    ]


def test_an_old_keras_finds_every_layer_of_our_file(table, files):
    wanted = {name: weights for name, weights in table["layers_inference"] if weights}
    ours, theirs = (_old_keras(path, wanted) for path in reversed(files))
    assert list(ours) == list(wanted) == list(theirs)
    for name, arrays in theirs.items():
        for array, other in zip(arrays, ours[name], strict=True):
            np.testing.assert_array_equal(array, other)
            assert other.dtype == np.float32


def test_our_files_attributes_and_groups(network, files):
    with h5py.File(files[1]) as file:
        names = file.attrs["layer_names"]
        assert names.dtype.kind == "S"
        assert [name.decode() for name in names] == [layer.name for layer in network.layers]
        assert set(file) == {layer.name for layer in network.layers}
        for attribute in ("backend", "keras_version"):
            # ASCII: the h5py of an old Keras gives bytes, which that Keras decodes.
            kind = h5py.check_string_dtype(file.attrs.get_id(attribute).dtype)
            assert kind is not None and kind.encoding == "ascii"
        assert file.attrs["backend"] == keras.backend.backend()
        assert file.attrs["keras_version"] == keras.__version__
        for layer in network.layers:
            listed = file[layer.name].attrs["weight_names"]
            assert len(listed) == len(layer.weights) and isinstance(listed, np.ndarray)
            for name in listed:
                assert isinstance(file[layer.name][name.decode()], h5py.Dataset)
        assert [name.decode() for name in file["rpn_model"].attrs["weight_names"]] == RPN
        assert [name.decode() for name in file["bn_conv1"].attrs["weight_names"]] == [
            f"bn_conv1/{kind}:0" for kind in ("gamma", "beta", "moving_mean", "moving_variance")
        ]
        assert file["/conv1/conv1/kernel:0"].shape == (7, 7, 3, 64)
        assert file["/rpn_model/rpn_class_raw/kernel:0"].shape == (1, 1, 512, 6)
        assert len(file["input_image"].attrs["weight_names"]) == 0


def _toy():
    image = keras.Input((4, 4, 3), name="image")
    inner = keras.Input((4, 4, 2), name="inner_image")
    nested = keras.layers.Conv2D(1, 1, name="second")(
        keras.layers.Conv2D(2, 1, name="first")(inner)
    )
    x = keras.layers.Conv2D(2, 1, name="conv")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(image, keras.Model(inner, nested, name="nested")(x))


def _values(model):
    return [np.asarray(weight) for weight in model.weights]


def _write(path, model, kind):
    """The toy's weights as others write them."""
    layers = [
        (layer.name, [(w.path.split("/", 1)[-1], np.asarray(w)) for w in layer.weights])
        for layer in model.layers
    ]
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if kind == "whole model" else file
        if kind == "whole model":
            file.attrs["model_config"] = b"{}"
        names = [name if kind == "str" else name.encode() for name, _ in layers]
        if kind == "split":
            for part, name in enumerate(names):
                root.attrs[f"layer_names{part}"] = [name]
        else:
            root.attrs["layer_names"] = names
        for name, weights in layers:
            group = root.create_group(name)
            # Names that tell nothing, as Keras 1 wrote: only the position counts.
            listed = [f"{name}_{index}:0" for index in range(len(weights))]
            for weight, (_, values) in zip(listed, weights, strict=True):
                group.create_dataset(weight, data=values)
            listed = listed if kind == "str" else [weight.encode() for weight in listed]
            if kind == "split" and listed:
                for part, weight in enumerate(listed):
                    group.attrs[f"weight_names{part}"] = [weight]
            else:
                group.attrs["weight_names"] = listed


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("kind", ["plain", "whole model", "split", "str"])
def test_files_of_other_writers_are_loaded(tmp_path, kind, by_name):
    model, other = _toy(), _toy()
    _write(tmp_path / "w.h5", model, kind)
    assert any(
        not np.array_equal(a, b) for a, b in zip(_values(model), _values(other), strict=True)
    )
    report = load_into(other, tmp_path / "w.h5", by_name)
    assert report.loaded == ["conv", "norm", "nested"] and not report.unmatched
    for a, b in zip(_values(model), _values(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_file_of_a_larger_network_is_not_mixed_in(tmp_path):
    model = _toy()
    save_from(model, tmp_path / "w.h5")
    smaller = keras.Model(model.inputs, model.get_layer("norm").output)
    before = _values(smaller)
    with pytest.raises(WeightsError, match=r"holds 1 layers that .* \(nested\); give by_name=True"):
        load_into(smaller, tmp_path / "w.h5")
    for a, b in zip(before, _values(smaller), strict=True):
        np.testing.assert_array_equal(a, b)
    assert load_into(smaller, tmp_path / "w.h5", by_name=True).loaded == ["conv", "norm"]
