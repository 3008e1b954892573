"""Promise: files, classes and weights that do not fit an SSD are refused in one sentence that says
what to do, from Python and from the command line.
"""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from maskdet import SSD, YOLOX, MaskRCNN, YoloxConfig, open_model
from maskdet.commands.main import main
from maskdet.errors import ConfigError, MaskdetError, UsageError, WeightsError
from maskdet.images import write_image
from tests.exporters.lite_files import lite_file
from tests.models.conftest import SmallConfig
from tests.models.ssd.conftest import SmallSsd
from tests.pretrained.api_files import ApiGraph

SIDES = {"IMAGE_MIN_DIM": 96, "IMAGE_MAX_DIM": 96}


@pytest.fixture(scope="module")
def files(ssd_weights, tmp_path_factory):
    """Weights that are whole, cut, empty, and something else altogether."""
    folder = tmp_path_factory.mktemp("files")
    ApiGraph("ssd_mobilenet_v1", 0.25).write(folder)
    shutil.copy(ssd_weights, folder / "mine.h5")
    open_model(ssd_weights).export(
        folder / "mine.tflite", profile="detect", verify=False, progress=False
    )
    for name in ("mine.h5", "mine.tflite", "frozen_inference_graph.pb", "model.ckpt.index"):
        content = (folder / name).read_bytes()
        (folder / f"half_{name}").write_bytes(content[: len(content) // 2])
    for name in ("empty.pb", "empty.tflite", "empty.h5"):
        (folder / name).touch()
    write_others(folder)
    config = SmallConfig()
    config.NUM_CLASSES = 3
    MaskRCNN("inference", config, folder).save_weights(folder / "mrcnn.h5")
    (folder / "mrcnn.h5.json").unlink()  # the file itself says what it is
    write_image(folder / "photo.png", np.full((40, 40, 3), 90, np.uint8))
    return folder


def write_others(folder):
    """A classifier as TFLite, a two-stage detector's checkpoint, and an SSD's that lacks a head."""
    image = keras.Input(batch_shape=(1, 32, 32, 3), name="image")
    scores = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(image))
    (folder / "classifier.tflite").write_bytes(
        lite_file(keras.Model({"image": image}, {"scores": scores}))
    )
    name = "FirstStageFeatureExtractor/InceptionV2/Conv2d_2b_1x1/weights"
    write_checkpoint(folder / "faster.ckpt", {name: np.zeros((1, 1, 3, 2), "f4")})
    reader = tf.train.load_checkpoint(str(folder / "model.ckpt"))
    variables = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    del variables["BoxPredictor_3/ClassPredictor/biases"]
    write_checkpoint(folder / "lacking.ckpt", variables)


def write_checkpoint(prefix, variables):
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=[tf.constant(value) for value in variables.values()],
    )


# What the command line and every way in Python says of a file.
SAID = {
    "half_mine.tflite": "is no whole TFLite file",
    "empty.tflite": "is no whole TFLite file",
    "mine.tflite": r"is a file that maskdet exported, .*give the \.h5 that it was made from",
    "half_frozen_inference_graph.pb": "is no whole frozen graph",
    "empty.pb": "is empty; fetch it again",
    "half_model.ckpt": r"half_model\.ckpt\.index is missing or damaged",
    "classifier.tflite": "does not hold SSD MobileNetV1 .*: it lacks 'FeatureExtractor/Mobilenet",
    "faster.ckpt": "holds a two-stage detector .*; those of SSD with MobilenetV1,",
    "lacking.ckpt": "not hold a whole SSD .*'BoxPredictor_3/ClassPredictor/biases' is not in it",
    "half_mine.h5": "cannot be read as a Keras weight file: .*truncated.*; it may be damaged",
    "empty.h5": "is no HDF5 file",
    "none.h5": "does not exist; check the path",
    "none.tflite": "cannot be read: .*No such file",
    "none.ckpt": "does not exist; check the path",
}


@pytest.mark.parametrize("name", SAID)
def test_a_file_that_is_no_weights_of_an_ssd(name, files, tmp_path, capsys):
    ways = (
        SSD.load,
        open_model,
        SSD("inference", SmallSsd(), tmp_path).load_weights,
    )
    for way in ways:
        with pytest.raises(WeightsError, match=SAID[name]) as raised:
            way(files / name)
        assert "\n" not in str(raised.value) and name in str(raised.value)
    arguments = ["detect", str(files / name), str(files / "photo.png"), "--out", str(tmp_path)]
    if name == "mine.tflite":  # which the command runs, as a Pi does
        assert main(arguments) == 0
        return
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("maskdet: ") and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# ---- families ----------------------------------------------------------------------------------
def test_weights_of_mask_rcnn_are_refused_by_an_ssd(files, tmp_path):
    model = SSD("inference", SmallSsd(), tmp_path)
    before = model.network.get_weights()
    words = r"mrcnn\.h5 holds weights of 'mask_rcnn' .*, but SSD is of 'ssd' .*open_model"
    for settings in ({}, {"by_name": True}):
        with pytest.raises(WeightsError, match=words):
            model.load_weights(files / "mrcnn.h5", **settings)
    with pytest.raises(WeightsError, match=r"'mask_rcnn'; open it with maskdet\.open_model"):
        SSD.load(files / "mrcnn.h5")
    assert all((a == b).all() for a, b in zip(before, model.network.get_weights(), strict=True))


def test_weights_of_an_ssd_are_refused_by_the_others(files, make_config, tmp_path):
    class Small(YoloxConfig):
        NUM_CLASSES, IMAGE_MIN_DIM, IMAGE_MAX_DIM = 3, 128, 128

    for model in (
        MaskRCNN("inference", make_config(), tmp_path),
        YOLOX("inference", Small(), tmp_path),
    ):
        kind, own = type(model).__name__, model.family.name
        with pytest.raises(WeightsError, match=f"weights of 'ssd' .*, but {kind} is of '{own}'"):
            model.load_weights(files / "mine.h5")
        for name in ("frozen_inference_graph.pb", "model.ckpt", ""):
            with pytest.raises(WeightsError, match=f"is read by SSD, but {kind} is of '{own}'"):
                model.load_weights(files / name)
        with pytest.raises(WeightsError, match=SAID["mine.tflite"]):
            model.load_weights(files / "mine.tflite")


def test_a_folder_without_weights_is_called_a_folder(make_config, tmp_path):
    with pytest.raises(WeightsError, match="is a folder; give the path of the weight file in it"):
        MaskRCNN("inference", make_config(), tmp_path).load_weights(tmp_path)


# ---- classes -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("BG", "nut"), "class_names has 2 names, but NUM_CLASSES is 4"),
        (("nut", "bolt", "nail"), "has 3 names, .* 4, .*; begin with the background: give"),
    ],
)
def test_names_that_are_not_as_many_as_classes(names, words, files):
    model = SSD.load(files / "frozen_inference_graph.pb", **SIDES)
    with pytest.raises(ConfigError, match=words):
        model.class_names = names
    model.class_names = ["BG", "nut", "bolt", "nail"]
    assert model.class_names == ("BG", "nut", "bolt", "nail")


def test_another_number_of_classes_is_for_a_training(files):
    path, few = files / "frozen_inference_graph.pb", {"NUM_CLASSES": 3, **SIDES}
    with pytest.raises(WeightsError, match=r"knows 3 classes, .*NUM_CLASSES=3 .*mode='training'"):
        SSD.load(path, **few)
    assert SSD.load(path, "training", **few).config.NUM_CLASSES == 3


def test_a_set_whose_names_are_not_those_of_the_weights(files, ssd_set, tmp_path):
    model = SSD.load(files / "mine.h5", "training", tmp_path, NUM_CLASSES=3)
    model.class_names = ("BG", "blue", "red")
    with pytest.raises(MaskdetError, match="red.*blue|blue.*red") as raised:
        model.train(ssd_set, None, 0.01, 1, "heads")
    assert isinstance(raised.value, (ConfigError, UsageError)) and "\n" not in str(raised.value)


def test_a_set_of_another_number_of_classes(files, ssd_set, tmp_path):
    model = SSD.load(files / "frozen_inference_graph.pb", "training", tmp_path, **SIDES)
    with pytest.raises(ConfigError, match="NUM_CLASSES"):
        model.train(ssd_set, None, 0.01, 1, "heads")
