"""Promise: a classifier is a trunk as ImageNet taught it with one new layer, and every word of
``layers=`` trains what it says."""

import re

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from maskdet import Classifier, ClassifierConfig
from maskdet.backbones.efficientnet_lite import efficientnet_lite
from maskdet.backbones.registry import TOP_LOGITS
from maskdet.errors import ConfigError, WeightsError
from maskdet.models.classifier.network import label_loss
from maskdet.pretrained.coco import coco_here
from maskdet.pretrained.imagenet import load_imagenet
from tests.models.classifier.conftest import SmallConfig


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    made = Classifier("inference", SmallConfig(), tmp_path_factory.mktemp("logs"))
    made.load_weights("imagenet")
    return made


def test_below_its_own_layer_it_is_imagenets_classifier(model):
    image = keras.Input((64, 64, 3))
    whole = keras.Model(image, efficientnet_lite(image, include_top=True))
    load_imagenet(whole, "efficientnet_lite0", "efficientnet_lite0")
    part = keras.Model(model.network.inputs, model.network.get_layer(TOP_LOGITS).output)
    photos = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    expected = whole.predict_on_batch(photos)
    assert expected.shape == (2, 1000) and expected.std() > 0.5
    np.testing.assert_allclose(part.predict_on_batch(photos), np.maximum(expected, 0), atol=1e-4)


def test_likeness_is_squared(model):
    part = keras.Model(
        model.network.inputs,
        [model.network.get_layer(n).output for n in (TOP_LOGITS, "classifier_likeness")],
    )
    logits, likeness = part.predict_on_batch(np.ones((1, 64, 64, 3), np.float32))
    assert logits.min() == 0 < logits.max()
    np.testing.assert_allclose(likeness, logits**2 / 10, rtol=1e-5)


def test_before_a_training_all_classes_are_alike(model):
    [labels] = model.classify([np.full((50, 80, 3), 120, np.uint8)])
    np.testing.assert_allclose(labels.scores, np.full(3, 1 / 3), atol=1e-6)
    assert labels.class_names == ("class 1", "class 2", "class 3")
    assert labels.image_shape == (50, 80)


def test_every_layer_is_loaded_but_the_last(tmp_path):
    report = Classifier("training", SmallConfig(), tmp_path).load_weights("imagenet")
    assert report.unmatched == ["classifier_logits"] and len(report.loaded) > 40


@pytest.mark.parametrize(
    ("word", "inside", "outside"),
    [
        ("heads", {"classifier_logits"}, {TOP_LOGITS, "stage5_top_conv"}),
        ("5+", {"classifier_logits", TOP_LOGITS, "stage5_top_conv"}, {"stage4_block5_expand"}),
        ("4+", {"stage4_block5_expand", "classifier_logits"}, {"stage3_block3_expand"}),
        ("all", {"stage1_stem", "classifier_logits"}, set()),
    ],
)
def test_words_for_layers(model, word, inside, outside):
    pattern = model.family.stages(model.config)[word]
    names = {layer.name for layer in model.network.layers if layer.weights}
    assert inside | outside <= names
    matching = {name for name in names if re.fullmatch(pattern, name)}
    assert inside <= matching and not outside & matching


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_by_hand(smoothing):
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 0.0]], np.float32)
    target = np.full((2, 3), smoothing / 3)
    target[[0, 1], [2, 1]] += 1 - smoothing
    expected = -(target * log_softmax(logits, axis=1)).sum(axis=1).mean()
    loss = float(label_loss(np.array([2, 1]), logits, smoothing))
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("backbone", ["mobilenet_v1_0.25", "efficientnet_lite0_short"])
def test_other_backbones_are_pooled_as_they_are(backbone, tmp_path):
    config = SmallConfig()
    config.BACKBONE = backbone
    model = Classifier("inference", config, tmp_path)
    assert TOP_LOGITS not in {layer.name for layer in model.network.layers}
    [labels] = model.classify([np.zeros((40, 40, 3), np.uint8)])
    assert len(labels.scores) == 3


def test_cocos_trunk_can_be_had(tmp_path):
    config = SmallConfig()
    config.BACKBONE = "yolox_nano"
    model = Classifier("training", config, tmp_path)
    if not coco_here("yolox_nano"):
        pytest.skip("COCO's weights are not here")
    report = model.load_weights("coco")
    assert "classifier_logits" in report.unmatched and len(report.loaded) > 40


def test_imagenets_weights_of_a_backbone_without_such(tmp_path):
    config = SmallConfig()
    config.BACKBONE = "inception_v2"
    with pytest.raises(WeightsError, match=r"no ImageNet weights.*inception_v2"):
        Classifier("training", config, tmp_path).load_weights("imagenet")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"NUM_CLASSES": 2}, r"NUM_CLASSES is 2; a classifier tells two classes apart at least"),
        ({"IMAGE_MIN_DIM": 200}, r"IMAGE_MIN_DIM is 200.*'centre' cuts 224.*224 or more"),
        ({"IMAGE_RESIZE_MODE": "pad64"}, r"IMAGE_RESIZE_MODE is 'pad64'; use one of centre"),
        ({"DROPOUT": 1.0}, r"DROPOUT"),
        ({"LABEL_SMOOTHING": -0.1}, r"LABEL_SMOOTHING"),
    ],
)
def test_settings_that_cannot_be(settings, message, tmp_path):
    config = ClassifierConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    with pytest.raises(ConfigError, match=message):
        Classifier("training", config, tmp_path)
