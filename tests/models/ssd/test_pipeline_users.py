"""Promise: who trained with the TF Object Detection API trains here with the same files, and is
told in one sentence which of them is wrong.
"""

import re
import shutil

import numpy as np
import pytest

from maskdet import SSD, Dataset, SsdConfig, open_model
from maskdet.commands.main import main
from maskdet.errors import DataError
from maskdet.models.ssd.pipeline_run import course_text
from tests.models.ssd.test_pipeline import SHARED, real, without_published

DATA = SHARED / "data/pipelines"
# What makes a training of seconds of the user's file; its model, paths and classes stay.
SMALL = (
    (r"height: 300", "height: 96"),
    (r"width: 300", "width: 96"),
    (r"batch_size: 12", "batch_size: 4"),
    (r"num_steps: 200000", "num_steps: 2"),
)
LABEL_MAP = "annotations/label_map.pbtxt"


@pytest.fixture
def wind_turbine(tmp_path, monkeypatch):
    """The user's folder: the config, and annotations/ with the label map and the real record."""
    text = real("wind_turbine").read_text()
    for pattern, new in SMALL:
        text, count = re.subn(pattern, new, text)
        assert count == 1, pattern
    (tmp_path / "pipeline.config").write_text(text)
    (tmp_path / "annotations").mkdir()
    shutil.copy(DATA / "wind_turbine_label_map.pbtxt", tmp_path / LABEL_MAP)
    for part in ("train", "test"):
        shutil.copy(DATA / "wind_turbine_test.record", tmp_path / f"annotations/{part}.record")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SSD, "load_weights", without_published(SSD.load_weights))
    return tmp_path


@pytest.mark.slow
def test_the_wind_turbine_users_line(wind_turbine, capsys):
    assert main(["train", "--pipeline", "pipeline.config"]) == 0
    said = capsys.readouterr().out
    for text in (
        "line 77   model.ssd.feature_extractor.type: BACKBONE = 'inception_v2'",
        "train_input_reader: 80 photos",
        "fine_tune_checkpoint (line 151) is 'pre-trained-model/model.ckpt', which is not there.",
        "give its model.ckpt as fine_tune_checkpoint",
        "num_steps, 2: epochs 1, steps of each 2.\n",
        "wind turbine",
    ):
        assert text in said, text
    [weights] = wind_turbine.glob("logs/*/trained.h5")
    assert f"python -m maskdet detect {weights.relative_to(wind_turbine)} " in said
    model = open_model(weights)
    assert isinstance(model, SSD) and model.class_names == ("BG", "wind turbine")
    assert (model.config.BACKBONE, model.steps) == ("inception_v2", 2)


def test_days_of_training_are_said_to_be_so():
    said = course_text(200_000, 80, 12)
    assert said.startswith("num_steps, 200000: epochs 100, steps of each 2000. That is 30000 pas")
    assert "--epochs 50 makes 50" in said
    assert course_text(200, 80, 8) == "num_steps, 200: epochs 20, steps of each 10."


@pytest.mark.slow
def test_inception_as_it_was_published_trains_a_step(tmp_path):
    """The whole width at 300 pixels, a step on two photos of the real record."""
    config = SsdConfig.from_pipeline(real("inception"))
    config.NUM_CLASSES, config.BATCH_SIZE, config.STEPS_PER_EPOCH = 2, 2, 1
    record, label_map = DATA / "wind_turbine_test.record", DATA / "wind_turbine_label_map.pbtxt"
    dataset = Dataset.load(record, label_map=label_map)
    model = SSD("training", config, tmp_path)
    assert model.network.output["class_logits"].shape[1:] == (1917, 2)
    before = model.network.get_layer("stage3_mixed3b_branch0_conv0").get_weights()[0]
    history = model.train(dataset, None, config.LEARNING_RATE, 1, "all", "none")
    after = model.network.get_layer("stage3_mixed3b_branch0_conv0").get_weights()[0]
    assert np.isfinite(history["loss"]).all() and (before != after).any()


# ---- label maps --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "line 180: .*label_map_path is 'annotations/label_map.pbtxt', but there is no such"),
        ("item { id: 1 name: 'wind turbine'", r"label_map\.pbtxt, line 1 "),
        ("item {\n id: 1\n name: }", r"label_map\.pbtxt, line 3 has '}' where a value is expected"),
        ("item { name: 'wind turbine' }", r"label_map\.pbtxt, line 1 begins an item that has no"),
        ("item { id: 0 name: 'wind turbine' }", "needs a name and an id from 1 on"),
        ("item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }", "line 2 gives the id 1 to 'b'"),
        ("wind turbine\n", r"label_map\.pbtxt, line 1 "),
        ("", r"label_map\.pbtxt is no label map: no item"),
        ("item { id: 2 name: 'wind turbine' }", r"line 9: .*num_classes is 1, but .*the id 2 "),
        ("item { id: 1 name: 'windmill' }", r"\(wind turbine\); known are windmill"),
    ],
)
def test_a_label_map_that_does_not_fit(text, words, wind_turbine, capsys):
    path = wind_turbine / LABEL_MAP
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert main(["train", "--pipeline", "pipeline.config"]) == 2
    error = capsys.readouterr().err
    assert re.search(words, error), error
    assert error.startswith("maskdet: ") and error.count("\n") == 1
    assert not (wind_turbine / "logs").exists()


def test_a_label_map_of_others_from_python(wind_turbine):
    (wind_turbine / LABEL_MAP).write_text("item { id: 1 name: 'windmill' }")
    with pytest.raises(DataError, match=r"\(wind turbine\); known are windmill"):
        Dataset.load("annotations/train.record", label_map=LABEL_MAP)
