"""Guards: a YOLOX trains stage by stage on boxes, goes on where it was cut, and starts from what
was learned on COCO."""

from pathlib import Path

import numpy as np
import pytest

from maskdet import YOLOX
from maskdet.models.yolox.losses import NAMES
from maskdet.training.layers import select_layers, weighted_layers
from tests.models.yolox.conftest import SmallYolox
from tests.pretrained.yolox_files import published, random_layers, write_checkpoint


def weights_of(model):
    return {name: layer.get_weights() for name, layer in weighted_layers(model.network)}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, arrays in expected.items():
        for array, values in zip(found[name], arrays, strict=True):
            np.testing.assert_array_equal(array, values, err_msg=name)


@pytest.fixture(scope="module")
def trained(yolox_set, tmp_path_factory):
    """Two epochs of heads in one go."""
    model = YOLOX("training", SmallYolox(), tmp_path_factory.mktemp("whole"))
    before = weights_of(model)
    history = model.train(yolox_set, yolox_set, 0.01, 2, "heads")
    return model, before, history


def test_the_heads_learn_and_nothing_else_does(trained):
    model, before, history = trained
    assert set(history) >= {"loss", "val_loss", *NAMES, *(f"val_{name}" for name in NAMES)}
    # Of the same pictures each time; those of a training epoch hold more or less to find.
    assert history["val_loss"][1] < history["val_loss"][0]
    after = weights_of(model)
    for name, arrays in before.items():
        same = all(np.array_equal(a, b) for a, b in zip(arrays, after[name], strict=True))
        assert same is not name.startswith("head"), name
    assert model.outputs == {"boxes"} and model.class_names == ("BG", "red", "blue")


def test_the_loss_is_the_weighted_sum(trained):
    history = trained[2]
    parts = [history[name][0] * weight for name, weight in zip(NAMES, (5.0, 1.0, 1.0), strict=True)]
    assert history["loss"][0] == pytest.approx(sum(parts), rel=1e-4)


def test_a_training_that_was_cut_goes_on_as_if_it_had_not_been(trained, yolox_set, tmp_path):
    whole, _, history = trained
    again = YOLOX("training", SmallYolox(), tmp_path)
    [checkpoint] = Path(whole.log_dir).glob("*_0001.h5")
    again.load_weights(checkpoint)
    assert again.epoch == 1
    later = again.train(yolox_set, yolox_set, 0.01, 2, "heads")
    assert len(later["loss"]) == 1 and history["loss"][1] == pytest.approx(later["loss"][0], 1e-3)
    assert whole.epoch == again.epoch == 2


def test_stages_by_word(trained):
    model = trained[0]
    words = model.family.stages(model.config)
    names = {word: set(select_layers(model.network, word, words)) for word in words}
    assert list(names) == ["heads", "3+", "4+", "5+", "all"]
    assert all(name.startswith("head") for name in names["heads"])
    assert names["heads"] < names["5+"] < names["4+"] < names["3+"] < names["all"]
    assert "stage5_neck_p3_out" in names["5+"] and "stage1_focus" not in names["3+"]
    assert model.family.rate("head3_stem", model.config) == 1.0
    assert model.family.rate("stage5_neck_p3_out", model.config) == model.config.BACKBONE_RATE


def test_a_set_of_other_classes_starts_from_coco(yolox_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    layers = random_layers(3)
    published(monkeypatch, write_checkpoint(tmp_path / "weights" / "yolox_nano.pth", layers))
    model = YOLOX("training", SmallYolox(), tmp_path)
    report = model.load_weights("coco")
    assert report.unmatched == [f"head{level}_class_logits" for level in (3, 4, 5)]
    assert model.class_names == ()
    np.testing.assert_allclose(
        model.network.get_layer("head4_box1_pointwise").get_weights()[0],
        layers["head4_box1_pointwise"][0],
        rtol=1e-6,
    )
