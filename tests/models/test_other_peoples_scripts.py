"""Promise: what people's scripts do around a training works as with any Keras model, or is said
before the first step."""

from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.errors import ConfigError, UsageError
from maskdet.mrcnn import model as modellib
from maskdet.training.checkpoints import epoch_of, free_log_dir, new_log_dir
from maskdet.training.layers import weighted_layers


def weights_of(model):
    return {name: layer.get_weights() for name, layer in weighted_layers(model.keras_model)}


def same(one, other):
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    pairs = [pair for name in ours for pair in zip(ours[name], theirs[name], strict=True)]
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, masked, make_config):
    """A training of which EarlyStopping ends the second of 20 epochs."""
    folder = tmp_path_factory.mktemp("stopped")
    best = str(folder / "best.weights.h5")
    model = MaskRCNN("training", make_config(STEPS_PER_EPOCH=1), folder)
    model.train(
        masked,
        None,
        0.001,
        20,
        "heads",
        custom_callbacks=[
            keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=1e9),
            keras.callbacks.ModelCheckpoint(best, monitor="loss", save_weights_only=True),
        ],
    )
    return model, best


def test_epochs_that_were_trained_count_not_those_that_were_asked_for(stopped):
    model, _ = stopped
    assert model.epoch == 2 == len(list(Path(model.log_dir).glob("*.h5")))


def test_what_keras_checkpoints_wrote_is_read_with_all_that_is_known_of_it(
    stopped, tmp_path, make_config
):
    model, best = stopped
    other = MaskRCNN("inference", make_config(SEED=9), tmp_path)
    assert not same(model, other)
    other.load_weights(best)
    assert same(model, other) and other.class_names == ("BG", "red", "blue")


def test_a_set_of_other_classes_is_not_trained_on_by_accident(stopped, masked, monkeypatch):
    model, _ = stopped
    monkeypatch.setattr(masked, "class_names", ["BG", "red", "green"])
    with pytest.raises(ConfigError, match=r"red, green.*red, blue"):
        model.train(masked, None, 0.001, 4, "heads")
    assert model.epoch == 2


@pytest.mark.parametrize("door", [MaskRCNN, modellib.MaskRCNN])
@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_whole_model_that_keras_saved_comes_back(door, mode, name, tmp_path, make_config):
    network = door(mode, make_config(), str(tmp_path)).keras_model
    network.save(tmp_path / name)
    back = keras.models.load_model(tmp_path / name, compile=False)
    assert type(back) is type(network) and back.output_shape == network.output_shape
    pairs = zip(network.get_weights(), back.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_trainings_of_one_minute_have_folders_of_their_own(tmp_path, make_config):
    folder = new_log_dir(tmp_path, make_config())
    folder.mkdir()
    assert free_log_dir(folder) == folder  # a training that came to nothing leaves room
    (folder / "mask_rcnn_small_0001.h5").touch()
    assert new_log_dir(tmp_path, make_config()) != folder
    second = free_log_dir(folder)
    assert second.name == f"{folder.name}-02" and second.name > folder.name
    second.mkdir()
    (second / "mask_rcnn_small_0001.h5").touch()
    assert free_log_dir(folder).name == f"{folder.name}-03"
    path = second / "mask_rcnn_small_0007.h5"
    assert epoch_of(path, "mask_rcnn", make_config()) == (second, 7)


@pytest.mark.thorough
def test_two_models_made_in_one_minute_do_not_share_a_folder(tmp_path, masked, make_config):
    one = MaskRCNN("training", make_config(STEPS_PER_EPOCH=1), tmp_path)
    folder = Path(one.log_dir)
    folder.mkdir()
    checkpoint = folder / "mask_rcnn_small_0001.h5"  # of another process, made after `one` was
    checkpoint.write_bytes(b"another training's")
    one.train(masked, None, 0.001, 1, "heads")
    assert checkpoint.read_bytes() == b"another training's"
    assert Path(one.find_last()).parent == Path(one.log_dir) != folder
    assert "-02" in one.checkpoint_path


@pytest.fixture
def _policy():
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")


@pytest.mark.usefixtures("_policy")
def test_half_precision_is_refused_when_the_model_is_made(tmp_path, make_config):
    keras.config.set_dtype_policy("mixed_float16")
    with pytest.raises(UsageError, match=r"mixed_float16.*\(\"float32\"\).*COMPUTE_DTYPE"):
        MaskRCNN("training", make_config(), tmp_path)


@pytest.mark.usefixtures("_policy")
def test_channels_first_is_refused_when_the_model_is_made(tmp_path, make_config):
    keras.config.set_image_data_format("channels_first")
    with pytest.raises(UsageError, match=r"channels_first.*channels_last"):
        MaskRCNN("inference", make_config(), tmp_path)
