"""Promise: "coco" finds the weights that lie here, asks the network only where none do, and says
what to put where when there is none; nothing is half-loaded."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet.backbones.registry import get_backbone
from maskdet.backbones.yolox import decoupled_head
from maskdet.errors import WeightsError
from maskdet.pretrained import catalog
from maskdet.pretrained.coco import coco_file
from maskdet.pretrained.weights import _published, find_weights
from tests.pretrained.yolox_files import (
    published,
    random_layers,
    whole_network,
    write_checkpoint,
)

SHARED = Path(__file__).resolve().parents[2] / "../shared/weights"
NOWHERE = "http://127.0.0.1:9/yolox_nano.pth"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder without a network; the catalogue's address is of no use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    source = replace(catalog.find_source("yolox_nano"), address=NOWHERE)
    monkeypatch.setitem(catalog._SOURCES, "yolox_nano", source)
    (tmp_path / "weights").mkdir()
    (tmp_path / "cache").mkdir()
    return tmp_path


@pytest.fixture
def with_onnx(monkeypatch):
    """A function that says whether the package onnx is installed."""
    real = importlib.util.find_spec

    def say(installed):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *rest: installed or None if name == "onnx" else real(name, *rest),
        )

    return say


def put(path, monkeypatch, name):
    path.write_bytes(b"weights")
    published(monkeypatch, path, name)
    return path


@pytest.mark.parametrize("folder", ["weights", "cache"])
def test_a_pth_goes_before_an_onnx(here, monkeypatch, with_onnx, folder):
    with_onnx(True)
    onnx = put(here / folder / "yolox_nano.onnx", monkeypatch, "yolox_nano_onnx")
    assert coco_file("yolox_nano").absolute() == onnx
    pth = put(here / "cache" / "yolox_nano.pth", monkeypatch, "yolox_nano")
    assert coco_file("yolox_nano").absolute() == pth


def test_another_export_is_as_good_under_either_name(here, monkeypatch, with_onnx):
    with_onnx(True)
    path = here / "weights" / "yolox_nano_coco.onnx"
    path.write_bytes(b"export")
    with pytest.raises(WeightsError, match="yolox_nano_coco.onnx is not the file published"):
        coco_file("yolox_nano")
    published(monkeypatch, path, "yolox_nano_onnx")
    own = catalog.find_source("yolox_nano_onnx")
    other = replace(own, checksum="sha256:0", other_checksums=(own.checksum,))
    monkeypatch.setitem(catalog._SOURCES, "yolox_nano_onnx", other)
    assert coco_file("yolox_nano").name == "yolox_nano_coco.onnx"
    assert find_weights("yolox_nano_coco.onnx").name == "yolox_nano_coco.onnx"


def test_without_the_package_onnx_the_pth_is_fetched(here, monkeypatch, with_onnx):
    with_onnx(False)
    put(here / "weights" / "yolox_nano.onnx", monkeypatch, "yolox_nano_onnx")
    with pytest.raises(WeightsError, match=r"127.0.0.1:9/.* or run: pip install onnx.*nano.onnx"):
        coco_file("yolox_nano")
    (here / "served.pth").write_bytes(b"weights")
    published(monkeypatch, here / "served.pth")
    source = replace(
        catalog.find_source("yolox_nano"), address=(here / "served.pth").absolute().as_uri()
    )
    monkeypatch.setitem(catalog._SOURCES, "yolox_nano", source)
    assert coco_file("yolox_nano") == here / "cache" / "yolox_nano.pth"
    assert (here / "cache" / "yolox_nano.pth").read_bytes() == b"weights"


def test_offline_says_what_to_put_where(here):
    with pytest.raises(
        WeightsError,
        match=r"127.0.0.1:9/yolox_nano.pth could not.*as yolox_nano.pth into ./weights",
    ):
        get_backbone("yolox_nano").load_coco(whole_network())


def test_the_export_that_is_known_here_is_taken():
    if not SHARED.is_dir():
        pytest.skip("the shared weights are not here")
    path = find_weights(SHARED / "yolox_nano_coco.onnx")
    assert path.is_file() and _published(catalog.find_source("yolox_nano_onnx"), path)


# ---- into a network --------------------------------------------------------------------------
@pytest.fixture
def layers(here, monkeypatch):
    """Random weights that "coco" finds."""
    layers = random_layers(1)
    published(monkeypatch, write_checkpoint(here / "weights" / "yolox_nano.pth", layers))
    return layers


def assert_set(network, layers, names, prefix=""):
    for name in names:
        found = network.get_layer(name).get_weights()
        for array, values in zip(found, layers[name.removeprefix(prefix)], strict=True):
            np.testing.assert_allclose(array, values, rtol=1e-6)


def test_the_whole_detector(layers):
    network = whole_network()
    names = get_backbone("yolox_nano").load_coco(network)
    assert set(names) == set(layers)
    assert_set(network, layers, names)


def test_a_head_of_other_classes_keeps_its_class_layers_alone(layers):
    network = whole_network(classes=3)
    names = get_backbone("yolox_nano").load_coco(network)
    assert set(layers) - set(names) == {f"head{level}_class_logits" for level in (3, 4, 5)}
    assert_set(network, layers, names)


def test_a_head_under_a_familys_prefix(layers):
    network = whole_network(classes=0, prefix="own_head")
    names = get_backbone("yolox_nano").load_coco(network, prefix="own_")
    assert "own_head3_box0_depthwise" in names and "own_head5_objectness" in names
    assert "stage1_focus" in names
    assert_set(network, layers, names, "own_")
    network = whole_network(classes=0, prefix="own_head")
    assert not any(name.startswith("own") for name in get_backbone("yolox_nano").load_coco(network))


def test_other_shapes_name_the_layer_and_nothing_changes(layers):
    image = keras.Input((64, 64, 3))
    maps = get_backbone("yolox_nano").build(image)
    wide = keras.layers.Conv2D(65, 1, name="other")(maps[2])
    outputs = decoupled_head([wide, *maps[3:]], 80)
    network = keras.Model(image, [level for head in outputs for level in head])
    before = network.get_layer("stage1_focus").get_weights()[0]
    with pytest.raises(WeightsError, match=r"nano.pth\) do not fit layer 'head3_stem'.*65.*64"):
        get_backbone("yolox_nano").load_coco(network)
    np.testing.assert_array_equal(before, network.get_layer("stage1_focus").get_weights()[0])


def test_a_backbone_without_such_weights_names_one_that_has():
    with pytest.raises(WeightsError, match=r"no COCO weights for backbone 'resnet50'.*yolox_nano"):
        get_backbone("resnet50").load_coco(whole_network())


def test_layers_in_a_model_inside_the_network(layers):
    inner = whole_network(classes=0)
    image = keras.Input((64, 64, 3))
    network = keras.Model(image, inner(image))
    assert "head3_stem" in get_backbone("yolox_nano").load_coco(network)
    assert_set(inner, layers, ["stage1_focus", "head3_stem"])
