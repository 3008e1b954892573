"""Promise: ``model.profile`` shows every step of a photo's way once, of any family, with what the
user's own call does last, and leaves the model as it was.
"""

import json

import numpy as np
import pytest

from maskdet import YOLOX, Classifier
from maskdet.errors import UsageError
from tests.families.toy_classifier import ToyClassifier, ToyClassifierConfig
from tests.profiling.test_stages import SmallClassifier, SmallYolox


def photo():
    return np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    config = SmallYolox()
    config.DETECTION_MIN_CONFIDENCE = 1e-6
    return YOLOX("inference", config, tmp_path_factory.mktemp("yolox"))


@pytest.mark.parametrize(
    ("model_class", "config_class"),
    [(Classifier, SmallClassifier), (ToyClassifier, ToyClassifierConfig)],
    ids=["classifier", "toy_classifier"],
)
def test_a_classifier_has_nothing_to_paste(model_class, config_class, tmp_path):
    model = model_class("inference", config_class(), tmp_path)
    profile = model.profile(photo(), rounds=1)
    assert [row.stage for row in profile.rows] == ["place", "backbone", "head", "decode"]
    assert profile.objects is None and "objects" not in str(profile).splitlines()[0]
    height, width = model.config.input_sides
    assert profile.subject == f"{model.family.name}, {height} x {width} pixels"
    dense = model.network.layers[-2].get_weights()[0]
    assert profile.rows[2].work.flops >= 2 * dense.size


def test_a_detectors_profile_goes_down_to_what_detect_gives(detector):
    before = detector.detect([photo()])
    profile = detector.profile(photo(), rounds=2)
    stages = ["place", "backbone", "neck", "heads", "detections", "decode", "paste"]
    assert [row.stage for row in profile.rows] == stages
    assert profile.objects == len(before[0]["class_ids"]) > 0
    assert profile.rounds == json.loads(profile.to_json())["rounds"] == 2
    after = detector.detect([photo()])
    np.testing.assert_array_equal(before[0]["rois"], after[0]["rois"])


def test_stages_and_the_whole_way_run_in_turns(detector, monkeypatch):
    names = []

    def measured(calls, rounds):
        for name, call in calls.items():
            call()
            names.append(name)
        return dict.fromkeys(calls, 1.0)

    monkeypatch.setattr("maskdet.profiling.profile.medians_in_turns", measured)
    profile = detector.profile(photo())
    assert names == [*(row.stage for row in profile.rows), "whole"]
    assert profile.summed == len(names) - 1


@pytest.mark.parametrize(
    ("image", "rounds", "sentence"),
    [(np.zeros(4), 1, "image"), (photo(), 0, "0 rounds give no median")],
    ids=["no image", "no rounds"],
)
def test_what_cannot_be_profiled_is_said(detector, image, rounds, sentence):
    with pytest.raises(UsageError, match=sentence):
        detector.profile(image, rounds)


def test_a_model_in_training_has_no_profile(tmp_path):
    model = ToyClassifier("training", ToyClassifierConfig(), tmp_path)
    with pytest.raises(UsageError, match="mode='inference'"):
        model.profile(photo())
