"""Guards: ``load_weights("coco")`` fills what it fits of a user's model, and says where each layer
ended."""

import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.errors import MaskdetWarning, WeightsError
from maskdet.training.layers import weighted_layers
from tests.pretrained.yolox_files import published, random_layers, write_checkpoint


@pytest.fixture
def layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layers = random_layers(2)
    (tmp_path / "weights").mkdir()
    published(monkeypatch, write_checkpoint(tmp_path / "weights" / "yolox_nano.pth", layers))
    return layers


def weights_of(model):
    return {name: layer.get_weights() for name, layer in weighted_layers(model.keras_model)}


def test_trunk_and_pyramid_of_a_mask_rcnn(layers, tmp_path, make_config):
    config = make_config(BACKBONE="yolox_nano")
    model = MaskRCNN("training", config, tmp_path)
    model.class_names = ("BG", "red", "blue")
    before = weights_of(model)
    report = model.load_weights("coco", by_name=True)
    assert "stage5_neck_p5_out" in report.loaded and "rpn_class_raw" in report.unmatched
    own = set(before)
    assert sorted(report.loaded + report.unmatched) == sorted(own)
    after = weights_of(model)
    for name in own:
        stands = layers[name] if name in report.loaded else before[name]
        for array, values in zip(after[name], stands, strict=True):
            np.testing.assert_allclose(array, values, rtol=1e-6)
    assert model.class_names == ("BG", "red", "blue")  # whatever the heads knew, they know


def test_excluded_layers_keep_their_values(layers, tmp_path, make_config):
    model = MaskRCNN("inference", make_config(BACKBONE="yolox_nano"), tmp_path)
    before = weights_of(model)
    with pytest.warns(MaskdetWarning, match="exclude names nothing, which this network has not"):
        report = model.load_weights("coco", exclude=["stage1_focus", "nothing"])
    assert report.excluded == ["stage1_focus"] and "stage1_focus" not in report.loaded
    np.testing.assert_array_equal(before["stage1_focus"][0], weights_of(model)["stage1_focus"][0])


def test_a_backbone_without_coco_weights_is_told_which_have_some(tmp_path, make_config):
    model = MaskRCNN("training", make_config(), tmp_path)
    with pytest.raises(WeightsError, match=r"backbone 'efficientnet_lite0'.*\(.*yolox_nano\)"):
        model.load_weights("coco")
