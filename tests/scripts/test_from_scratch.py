"""Guards: a detector is trained from nothing with one photo at a time as with eight, goes on after
a cut, and its curves come from what was measured."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskdet.backbones import registry
from maskdet.errors import UsageError
from maskdet.models.opening import open_model

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples/from_scratch"
MODULES = ("backbone", "curves", "train")


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """The example's modules, as scripts in its folder see one another."""
    monkeypatch.setattr(registry, "_BACKBONES", dict(registry._BACKBONES))
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


def run(script, *arguments, cwd):
    command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


# ---- the trunk -------------------------------------------------------------------------------
def test_a_photo_has_the_same_maps_alone_and_among_others_also_in_training():
    import keras
    from backbone import STAGES, separable

    image = keras.Input((64, 96, 3))
    network = keras.Model(image, separable(image))
    photos = np.random.default_rng(0).uniform(-1, 1, (8, 64, 96, 3)).astype("float32")
    alone = network(photos[:1], training=True)
    among = network(photos, training=True)
    for stage, (single, batch, (channels, _)) in enumerate(
        zip(alone, among, STAGES, strict=True), start=1
    ):
        assert single.shape == (1, 64 // 2**stage, 96 // 2**stage, channels)
        np.testing.assert_allclose(single[0], batch[0], atol=2e-5)
        # Signals neither die nor burst on their way down.
        assert 0.2 < float(np.std(np.asarray(batch))) < 2
    assert all(
        weight.trainable for weight in network.weights if "seed_generator" not in weight.path
    )


def test_stages_have_names_by_which_they_are_trained():
    import re

    import keras
    from backbone import SEPARABLE, STAGES

    from maskdet.backbones.registry import get_backbone

    spec = get_backbone(SEPARABLE)
    image = keras.Input((64, 64, 3))
    names = [layer.name for layer in keras.Model(image, spec.build(image)).layers[1:]]
    for stage, (_, pairs) in enumerate(STAGES, start=1):
        own = [name for name in names if re.fullmatch(spec.stage_pattern(stage), name)]
        assert len(own) == pairs * (3 if stage == 1 else 4)


# ---- batches ---------------------------------------------------------------------------------
@pytest.mark.parametrize("batch", [1, 2, 4, 8])
def test_a_step_has_eight_photos_whatever_the_batch(batch):
    from train import FromScratchConfig, batch_settings

    config = FromScratchConfig()
    batch_settings(config, batch)
    config.validate()
    assert config.IMAGES_PER_GPU == batch
    assert config.IMAGES_PER_GPU * config.GRADIENT_ACCUMULATION == 8
    # The warm-up has as many photos too.
    assert config.WARMUP_STEPS * batch == 400


@pytest.mark.parametrize("batch", [0, 3, 16, -1])
def test_a_batch_that_does_not_divide_a_step_is_said(batch):
    from train import FromScratchConfig, batch_settings

    with pytest.raises(UsageError, match=r"use 1, 2, 4 or 8"):
        batch_settings(FromScratchConfig(), batch)


# ---- scripts ---------------------------------------------------------------------------------
@pytest.mark.slow
def test_trained_cut_taken_up_again_and_drawn(tmp_path):
    first = run("train.py", "--quick", "--batch", 1, "--epochs", 2, "--out", "one", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "8 batches of 1 a step" in first.stdout
    # Nothing of TensorFlow's start, which backbone.py might set off too early.
    assert "oneDNN" not in first.stderr
    (log,) = (tmp_path / "one/logs").iterdir()
    checkpoint = log / "ssd_from_scratch_0002.h5"
    second = run(
        "train.py", "--quick", "--batch", 1, "--epochs", 4, "--resume", checkpoint, "--out", "one",
        cwd=tmp_path,
    )  # fmt: skip
    assert second.returncode == 0, second.stderr
    assert f"Goes on from {checkpoint}, 2 of 4 epochs" in second.stdout
    result = json.loads((tmp_path / "one/result.json").read_text())
    assert result["batch"] == 1 and result["epochs"] == 4
    with Image.open(tmp_path / "one/features.jpg") as picture:
        assert picture.width > 400

    drawn = run("curves.py", "one=one", "--csv", "c.csv", "--png", "c.png", cwd=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    with (tmp_path / "c.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # One training: the epochs before the cut and those behind it.
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [bool(row["val_ap50"]) for row in rows] == [False, True, False, True]
    assert float(rows[3]["loss"]) < float(rows[0]["loss"])
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.size[0] > 800

    # Whoever imports backbone.py opens the weights without a word on the trunk.
    import backbone

    model = open_model(tmp_path / "one/from_scratch.h5")
    assert model.config.BACKBONE == backbone.SEPARABLE


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        ("train.py", ("--dataset", "nowhere"), "There is no nowhere; leave --dataset out"),
        ("train.py", ("--batch", 3, "--quick"), "--batch 3 does not divide the 8 photos"),
        ("curves.py", ("one",), "'one' is no NAME=OUT"),
        ("curves.py", ("one=nowhere",), "train.py --out nowhere"),
    ],
)
def test_bad_calls_get_one_sentence(tmp_path, script, arguments, words):
    result = run(script, *arguments, cwd=tmp_path)
    assert result.returncode == 1
    (sentence,) = [line for line in result.stderr.splitlines() if line.startswith(script)]
    assert words in sentence
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
