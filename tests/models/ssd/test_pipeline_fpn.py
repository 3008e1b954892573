"""Guards: a pipeline.config with a feature pyramid becomes the settings that it means, and what
cannot be is refused by its line."""

import re
from pathlib import Path

import pytest

from maskdet.data.formats.text_proto import parse_text_proto
from maskdet.errors import ConfigError
from maskdet.models.ssd.config import SsdConfig
from tests.models.ssd.pipeline_sample import PIPELINE
from tests.models.ssd.test_pipeline import leaves, settings

PUBLISHED = (
    Path(__file__).resolve().parents[3]
    / "../shared/data/pipelines/ssd_mobilenet_v2_fpnlite_320x320_coco17_tpu-8.config"
)
# The small sample with a pyramid: as the published ResNet50's, in the order of its messages.
EXTRACTOR = """    feature_extractor {
      type: 'ssd_resnet50_v1_fpn_keras'
      fpn { min_level: 3 max_level: 6 additional_layer_depth: 64 }
      min_depth: 16
      conv_hyperparams { activation: RELU_6 }
      override_base_feature_extractor_hyperparams: true
    }
"""
ANCHORS = """      multiscale_anchor_generator {
        min_level: 3
        max_level: 6
        anchor_scale: 3.0
        aspect_ratios: [1.0, 0.5]
        scales_per_octave: 3
      }
"""
HEADS = """    box_predictor { weight_shared_convolutional_box_predictor {
      depth: 48
      class_prediction_bias_init: -4.6
      conv_hyperparams { batch_norm { epsilon: 0.001 } }
      num_layers_before_predictor: 2
      kernel_size: 3
    } }
"""


def pyramid_text():
    text = PIPELINE
    for pattern, new in (
        (r"    feature_extractor {.*?}\n", EXTRACTOR),
        (r"      ssd_anchor_generator {.*?      }\n", ANCHORS),
        (r"    box_predictor {.*?} }\n", HEADS),
    ):
        text, count = re.subn(pattern, new, text, count=1, flags=re.DOTALL)
        assert count == 1, pattern
    return text


@pytest.fixture
def read(tmp_path):
    def read(*changes):
        text = pyramid_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / "mine.config"
        path.write_text(text)
        return SsdConfig.from_pipeline(path)

    return read


def published():
    if not PUBLISHED.is_file():
        pytest.skip(f"{PUBLISHED.name} is not here")
    return PUBLISHED


def test_the_published_fpnlite():
    expected = {
        "NUM_CLASSES": 91,
        "BACKBONE": "mobilenet_v2",
        "IMAGE_RESIZE_MODE": "stretch",
        "IMAGE_MAX_DIM": 320,
        "FPN_CHANNELS": 128,
        "FPN_LEVELS": (3, 7),
        "FPN_TOP_CHANNELS": 1280,
        "FPN_HEAD_LAYERS": 4,
        "FPN_HEAD_CHANNELS": 128,
        "FPN_SHARED_TOWER": True,
        "FPN_ANCHOR_SCALE": 4.0,
        "FPN_SCALES_PER_OCTAVE": 2,
        "ANCHOR_RATIOS": (1.0, 2.0, 0.5),
        "SEPARABLE_HEADS": True,
        "HEAD_KERNEL": 3,
        "CLASS_LOSS": "focal",
        "FOCAL_ALPHA": 0.25,
        "NEGATIVES_PER_POSITIVE": 0.0,
        "LEARNING_RATE": 0.08,
    }
    assert settings(SsdConfig.from_pipeline(published()), expected) == expected


def test_no_field_is_passed_over(tmp_path):
    text = re.sub(r"{(?=\n)", "{\nnew_field: 1", published().read_text())
    (tmp_path / "mine.config").write_text(text)
    report = SsdConfig.from_pipeline(tmp_path / "mine.config").pipeline.report
    listed = {(line, field) for line, field, _ in report.left if field.endswith("new_field")}
    expected = {leaf for leaf in leaves(parse_text_proto(text, "")) if "new_field" in leaf[1]}
    assert listed == expected and len(listed) > 40


def test_the_resnet_pyramid(read):
    config = read()
    expected = {
        "BACKBONE": "resnet50_relu6",
        "FPN_CHANNELS": 64,
        "FPN_LEVELS": (3, 6),
        "FPN_TOP_CHANNELS": 0,
        "FPN_HEAD_LAYERS": 2,
        "FPN_HEAD_CHANNELS": 48,
        "FPN_SHARED_TOWER": False,
        "FPN_ANCHOR_SCALE": 3.0,
        "FPN_SCALES_PER_OCTAVE": 3,
        "ANCHOR_RATIOS": (1.0, 0.5),
        "SEPARABLE_HEADS": False,
        "HEAD_KERNEL": 3,
    }
    assert settings(config, expected) == expected
    assert not config.pipeline.report.nearest
    shown = str(config.pipeline.report)
    assert "line 7    model.ssd.feature_extractor.type: BACKBONE = 'resnet50_relu6'" in shown
    assert "feature_extractor.fpn: FPN_LEVELS = (3, 6), FPN_CHANNELS = 64" in shown


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # Its trunk has the activation of the heads only where they override the trunk's own.
        ("activation: RELU_6", "activation: RELU", {"BACKBONE": "resnet50"}),
        ("extractor_hyperparams: true", "extractor_hyperparams: false", {"BACKBONE": "resnet50"}),
        ("resnet50_v1_fpn_keras", "resnet101_v1_fpn", {"BACKBONE": "resnet101_relu6"}),
        (
            "'ssd_resnet50_v1_fpn_keras'",
            "'ssd_mobilenet_v1_fpn_keras' depth_multiplier: 0.5",
            {"BACKBONE": "mobilenet_v1_0.5", "FPN_CHANNELS": 32, "FPN_TOP_CHANNELS": 0},
        ),
        (
            "'ssd_resnet50_v1_fpn_keras'",
            "'ssd_mobilenet_v2_fpn_keras' depth_multiplier: 0.5",
            {"BACKBONE": "mobilenet_v2_0.5", "FPN_TOP_CHANNELS": 640},
        ),
        # TensorFlow 1's light one ends in 256 channels.
        (
            "'ssd_resnet50_v1_fpn_keras'",
            "'ssd_mobilenet_v2_fpn' use_depthwise: true",
            {"BACKBONE": "mobilenet_v2", "FPN_TOP_CHANNELS": 256},
        ),
        ("depth: 48", "depth: 48 share_prediction_tower: true", {"FPN_SHARED_TOWER": True}),
        ("depth: 48", "depth: 48 use_depthwise: true", {"SEPARABLE_HEADS": True}),
        ("kernel_size: 3", "kernel_size: 1", {"HEAD_KERNEL": 1}),
        ("additional_layer_depth: 64", "", {"FPN_CHANNELS": 256}),
        ("anchor_scale: 3.0", "", {"FPN_ANCHOR_SCALE": 4.0}),
    ],
)
def test_what_a_field_becomes(read, old, new, expected):
    assert settings(read((old, new)), expected) == expected


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("kernel_size: 3", "kernel_size: 5", "HEAD_KERNEL = 3: heads' windows are 1 or 3 wide"),
        ("depth: 48", "depth: 48 use_dropout: true", "use_dropout: heads have no dropout"),
        ("depth: 48", "depth: 48 use_depthwise: true", "SEPARABLE_HEADS = True: pyramid and heads"),
        ("min_depth: 16", "pad_to_multiple: 64", "pad_to_multiple: is 64, but sides are as they"),
        ("batch_norm { epsilon: 0.001 }", "", "heads have batch norms all the same"),
        (
            "'ssd_resnet50_v1_fpn_keras'",
            "'ssd_mobilenet_v1_fpn' use_depthwise: true",
            "the trunk's last maps keep their channels, where theirs have 512, 256",
        ),
        (
            "anchor_scale: 3.0",
            "normalize_coordinates: false",
            "normalize_coordinates: is false, but anchors are shares",
        ),
    ],
)
def test_what_is_lost_is_said(read, old, new, line):
    assert line in str(read((old, new)).pipeline.report)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ssd_resnet50_v1_fpn_keras", "ssd_resnet152_v1_fpn", r"line 7: .*no trunk; .*resnet50_"),
        ("min_depth: 16", "depth_multiplier: 0.5", r"line 7: .*with a depth_multiplier of 0.5"),
        ("multiscale_anchor_generator", "ssd_anchor_generator", r"line \d+: .*multiscale_anchor_"),
        ("weight_shared_conv", "conv", r"line \d+: .*has convolutional_box_predictor, but maskdet"),
        ("max_level: 6 additional", "max_level: 7 additional", "the levels 3 to 6, but .* 3 to 7"),
        ("aspect_ratios: [1.0, 0.5]", "", "reads aspect_ratios"),
        ("depth: 48", "", "reads depth; give the channels of the heads'"),
        ("height: 96 width: 96", "height: 100 width: 100", "100 x 100; .* 32 divides, such as 96"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_with_its_line(read, old, new, message):
    with pytest.raises(ConfigError, match=message) as raised:
        read((old, new))
    assert "\n" not in str(raised.value)
