"""Promise: backbones have the levels, strides and layer names claim; frozen statistics stay."""

import json
import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet.backbones import registry
from maskdet.backbones.applications import application_backbone
from maskdet.backbones.efficientnet_lite import efficientnet_lite, scaled_groups
from maskdet.backbones.registry import backbone_names, get_backbone, register_backbone
from maskdet.errors import ConfigError
from maskdet.pretrained.by_layer import set_layers
from maskdet.pretrained.imagenet import mobilenet_v2_layers, resnet_layers

PARITY = Path(__file__).resolve().parents[2] / "../shared/parity"
CHANNELS = {
    "efficientnet_lite0": (16, 24, 40, 112, 320),
    "efficientnet_lite0_short": (16, 24, 40, 112, 192),
    "efficientnet_lite1": (16, 24, 40, 112, 320),
    "efficientnet_lite2": (16, 24, 48, 120, 352),
    "inception_v2": (64, 192, 320, 576, 1024),
    "mobilenet_v1": (64, 128, 256, 512, 1024),
    "mobilenet_v1_0.75": (48, 96, 192, 384, 768),
    "mobilenet_v1_0.5": (32, 64, 128, 256, 512),
    "mobilenet_v1_0.25": (16, 32, 64, 128, 256),
    "mobilenet_v2": (16, 24, 32, 96, 320),
    "mobilenet_v2_0.5": (8, 16, 16, 48, 160),
    "resnet50": (64, 256, 512, 1024, 2048),
    "resnet101": (64, 256, 512, 1024, 2048),
    "resnet50_relu6": (64, 256, 512, 1024, 2048),
    "resnet101_relu6": (64, 256, 512, 1024, 2048),
    "yolox_nano": (16, 32, 64, 128, 256),
}


def _array(value) -> np.ndarray:
    return value.numpy()


def _model(name: str, side: int = 64, train_bn: bool | None = False) -> keras.Model:
    image = keras.Input((side, side, 3))
    return keras.Model(image, get_backbone(name).build(image, train_bn=train_bn))


def test_the_table_is_complete():
    assert backbone_names() == sorted(CHANNELS)


@pytest.mark.parametrize("name", ["resnet50", "resnet50_relu6"])
def test_only_the_bounded_resnet_stops_at_six(name):
    """Weights of the API's ResNets count on it, and matterport's on the other."""
    model = _model(name)
    for layer in model.layers:
        if layer.name.startswith("bn"):
            layer.beta.assign(layer.beta + 8.0)
    levels = model.predict_on_batch(np.zeros((1, 64, 64, 3), "f4"))
    assert {bool(level.max() > 6.0) for level in levels} == {name == "resnet50"}


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_levels_strides_and_stages(name):
    spec = get_backbone(name)
    model = _model(name)
    found = [tuple(level.shape[1:]) for level in model.outputs]
    sizes = [64 // stride for stride in spec.strides]
    assert found == [(s, s, c) for s, c in zip(sizes, CHANNELS[name], strict=True)]
    weighted = [layer.name for layer in model.layers if layer.weights]
    stages = [
        [stage for stage in range(1, 6) if re.fullmatch(spec.stage_pattern(stage), layer)]
        for layer in weighted
    ]
    assert all(len(stage) == 1 for stage in stages), "a layer belongs to exactly one stage"
    assert {stage[0] for stage in stages} == {1, 2, 3, 4, 5}
    # C3's layers change C3 and not C2: names and levels mean the same stage.
    below = keras.Model(model.inputs[0], model.outputs[1])
    assert not any(re.fullmatch(spec.stage_pattern(3), layer.name) for layer in below.layers)


def test_scaled_groups_follow_the_published_tables():
    assert [group.repeats for group in scaled_groups("lite0")] == [1, 2, 2, 3, 3, 4, 1]
    assert [group.repeats for group in scaled_groups("lite2")] == [1, 3, 3, 4, 4, 5, 1]
    assert [g.channels for g in scaled_groups("lite2")] == [16, 24, 48, 88, 120, 208, 352]


def test_parameters_of_lite0_with_its_classifier():
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, efficientnet_lite(image, include_top=True))
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trained == 4_652_008  # the published model's


@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
def test_resnet_has_the_layers_of_matterport(name):
    table = (
        PARITY
        / {"resnet50": "layers_resnet50_4.json", "resnet101": "layers_resnet101_81.json"}[name]
    )
    if not table.exists():
        pytest.skip("the original's layer tables are not here")
    layers = json.loads(table.read_text())["layers_inference"]
    backbone = re.compile(r"conv1|bn_conv1|(res|bn)\d.*")
    expected = [(n, [tuple(s) for _, s in w]) for n, w in layers if w and backbone.fullmatch(n)]
    model = _model(name)
    found = [(x.name, [tuple(w.shape) for w in x.weights]) for x in model.layers if x.weights]
    assert sorted(found) == sorted(expected)
    outputs = {n for n, _ in layers if re.fullmatch(r"res\d._out", n)}
    assert outputs == {x.name for x in model.layers if re.fullmatch(r"res\d._out", x.name)}


@pytest.mark.parametrize("name", ["mobilenet_v2_0.5", "efficientnet_lite0", "resnet50"])
def test_frozen_statistics_do_not_move_in_a_training_step(name):
    model = _model(name, side=32)
    model = keras.Model(model.inputs[0], keras.layers.GlobalAveragePooling2D()(model.outputs[-1]))
    before = {w.path: _array(w) for w in model.non_trainable_weights}
    gammas = [w for w in model.trainable_weights if w.name == "gamma"]
    old = [_array(w) for w in gammas]
    model.compile(keras.optimizers.SGD(0.1), loss="mse", jit_compile=False, run_eagerly=True)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    model.train_on_batch(images, np.ones((2, model.output_shape[-1]), "float32"))
    assert before and all(
        np.array_equal(before[w.path], _array(w)) for w in model.non_trainable_weights
    )
    assert any(not np.array_equal(a, _array(b)) for a, b in zip(old, gammas, strict=True))


def test_train_bn_none_moves_them():
    model = _model("mobilenet_v2_0.5", side=32, train_bn=None)
    before = _array(model.get_layer("stage1_stem").moving_mean)
    model(np.ones((2, 32, 32, 3), "float32"), training=True)
    assert not np.array_equal(before, _array(model.get_layer("stage1_stem").moving_mean))


def _randomised(model: keras.Model) -> None:
    random = np.random.default_rng(3)
    for weight in model.weights:
        if weight.name != "kernel":
            weight.assign(random.uniform(0.5, 1.5, weight.shape))


def _set(network, arrays):
    return set_layers(network, arrays, "weights", key=lambda name: re.sub(r"^stage\d_", "", name))


@pytest.mark.parametrize(("name", "alpha"), [("mobilenet_v2", 1.0), ("mobilenet_v2_0.5", 0.5)])
def test_mobilenet_is_the_one_of_keras_applications(name, alpha, monkeypatch):
    theirs = keras.applications.MobileNetV2(
        include_top=False, weights=None, alpha=alpha, input_shape=(96, 96, 3)
    )
    _randomised(theirs)
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **_: theirs)
    ours = _model(name, side=96)
    assert len(_set(ours, mobilenet_v2_layers(name, None))) == sum(
        1 for layer in ours.layers if layer.weights
    )
    taps = ["expanded_conv_project_BN", "block_2_add", "block_5_add", "block_12_add"]
    taps.append("block_16_project_BN")
    reference = keras.Model(theirs.inputs[0], [theirs.get_layer(tap).output for tap in taps])
    image = np.random.default_rng(1).uniform(-1, 1, (1, 96, 96, 3)).astype("float32")
    for found, expected in zip(ours(image), reference(image, training=False), strict=True):
        expected = _array(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_resnet_has_the_blocks_of_keras_applications(monkeypatch):
    theirs = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    _randomised(theirs)
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **_: theirs)
    ours = _model("resnet50")
    assert len(_set(ours, resnet_layers("resnet50", None))) == 106
    image = np.random.default_rng(1).uniform(0, 255, (1, 64, 64, 3)).astype("float32")

    # The poolings differ by half a cell, so what lies before and after them is compared.
    head = keras.Model(ours.inputs[0], ours.get_layer("conv1_relu").output)
    their_head = keras.Model(theirs.inputs[0], theirs.get_layer("conv1_relu").output)
    rgb = image - np.array(get_backbone("resnet50").mean_pixel, "float32")
    bgr = image[..., ::-1] - np.array([103.9, 116.8, 123.7], "float32")
    np.testing.assert_allclose(head(rgb), their_head(bgr, training=False), rtol=1e-3, atol=1e-2)

    pooled = np.random.default_rng(2).uniform(0, 1, (1, 16, 16, 64)).astype("float32")
    body = keras.Model(ours.get_layer("conv1_pool").output, ours.outputs[1:])
    levels = [f"conv{stage}_block{last}_out" for stage, last in ((2, 3), (3, 4), (4, 6), (5, 3))]
    their_body = keras.Model(
        theirs.get_layer("pool1_pool").output, [theirs.get_layer(level).output for level in levels]
    )
    for found, expected in zip(body(pooled), their_body(pooled, training=False), strict=True):
        expected = _array(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_any_network_of_keras_applications():
    spec = application_backbone(
        keras.applications.MobileNetV3Small,
        alpha=0.75,
        minimalistic=True,
        include_preprocessing=False,
    )
    image = keras.Input((96, 64, 3))
    model = keras.Model(image, [level for level in spec.build(image) if level is not None])
    assert [tuple(level.shape[1:3]) for level in model.outputs][-4:] == [
        (24, 16), (12, 8), (6, 4), (3, 2)
    ]  # fmt: skip
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    before = [_array(norm.moving_mean) for norm in norms]
    model(np.ones((2, 96, 64, 3), "float32"), training=True)
    assert norms and all(
        np.array_equal(a, _array(norm.moving_mean)) for a, norm in zip(before, norms, strict=True)
    )
    weighted = [layer.name for layer in model.layers if layer.weights]
    assert all(
        sum(bool(re.fullmatch(spec.stage_pattern(s), n)) for s in range(1, 6)) == 1
        for n in weighted
    )
    assert get_backbone(spec) is spec


def test_a_callers_function_is_a_backbone():
    def tiny(input_image, stage5, train_bn):
        assert stage5 is True and train_bn is None
        return [input_image] * 5

    spec = get_backbone(tiny)
    assert spec.name == "tiny" and len(spec.build("image", train_bn=None)) == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet5O", "the nearest is 'resnet50'"),
        ("efficientnet_lite9", "efficientnet_lite0"),
        (7, "resnet101"),
    ],
)
def test_unknown_name_lists_the_known_ones(name, words):
    with pytest.raises(ConfigError, match=words):
        get_backbone(name)


@pytest.mark.parametrize(
    "call",
    [
        lambda: get_backbone("resnet50").stage_pattern(6),
        lambda: efficientnet_lite(keras.Input((32, 32, 3)), variant="lite7"),
    ],
    ids=["stage", "variant"],
)
def test_other_misuse(call):
    with pytest.raises(ConfigError):
        call()


# ---- backbones of one's own ------------------------------------------------------------------
def test_a_registered_backbone_is_known_by_its_name(monkeypatch):
    monkeypatch.setattr(registry, "_BACKBONES", dict(registry._BACKBONES))
    own = replace(get_backbone("mobilenet_v1_0.25"), name="my_trunk")
    assert register_backbone(own) is own
    assert get_backbone("my_trunk") is own and "my_trunk" in backbone_names()
    # A module that is run again, as in a notebook, says the same again.
    again = register_backbone(replace(own, pixel_std=1.0))
    assert get_backbone("my_trunk") is again


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2_0.35", ""])
def test_no_backbone_takes_the_name_of_one_of_ours(name):
    own = replace(get_backbone("mobilenet_v1_0.25"), name=name)
    before = backbone_names()
    with pytest.raises(ConfigError, match="call it otherwise"):
        register_backbone(own)
    assert backbone_names() == before
