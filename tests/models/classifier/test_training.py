"""Promise: folders of photos in, a classifier out that says how good it is and whose file says the
same elsewhere."""

import json

import numpy as np
import pytest

from maskdet import Classifier, open_model
from maskdet.commands.main import main
from maskdet.errors import UsageError, WeightsError
from maskdet.images import read_image
from maskdet.runtime import Classifier as FileClassifier
from maskdet.runtime import Detector
from maskdet.training.layers import weighted_layers
from tests.models.classifier.conftest import SmallConfig


@pytest.fixture(scope="module")
def model(trained):
    return open_model(trained[0])


def test_the_last_layer_learns_and_the_trunk_stays(trained, tmp_path):
    _, history, model = trained
    assert history["label_loss"][-1] < 0.4 and history["val_label_loss"][-1] < 0.4
    fresh = Classifier("training", SmallConfig(), tmp_path)
    fresh.load_weights("imagenet")
    before = dict(weighted_layers(fresh.network))
    for name, layer in weighted_layers(model.network):
        same = all(map(np.array_equal, layer.get_weights(), before[name].get_weights()))
        assert same == (name != "classifier_logits"), name


@pytest.mark.thorough
def test_a_recipe_alone_trains_in_stages_and_augments(colours, tmp_path, capsys):
    config = SmallConfig()
    config.RECIPES = {"default": (("heads", 1.0, 30), ("4+", 0.3, 30))}
    config.STEPS_PER_EPOCH = 2
    model = Classifier("training", config, tmp_path)
    model.load_weights("imagenet")
    history = model.train(colours, colours)
    assert "epoch of 'heads'" in capsys.readouterr().out
    assert len(history["loss"]) == 2 and "val_accuracy" in history
    assert config.AUGMENTATION == "parts"


def test_it_names_what_it_sees_and_is_scored(model, colours, tmp_path):
    names = [colours.class_names[colours.load_label(i)] for i in colours.image_ids]
    images = [colours.load_image(i) for i in colours.image_ids]
    assert [labels.name for labels in model.classify(images)] == names
    evaluation = model.evaluate(colours, progress=False)
    assert evaluation.accuracy == 1.0 == evaluation.top(1)
    assert evaluation.confusion.tolist() == np.diag([6, 6, 6]).tolist()
    assert evaluation.precision == evaluation.recall == dict.fromkeys(colours.class_names[1:], 1.0)
    evaluation.draw_worst(colours, tmp_path / "worst.png", 4)
    assert read_image(tmp_path / "worst.png").shape[1] > 4 * 360


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_tflite_file_gives_the_same_names_and_scores(model, colours, precision, tmp_path):
    path = tmp_path / "colours.tflite"
    calibration = colours if precision == "int8" else None
    report = model.export(path, precision, calibration=calibration, dataset=colours, progress=False)
    assert report.verified and "accuracy" in report.table()
    # int8 means all that has many weights: 4.7 million of them.
    assert report.size < {"float32": 19e6, "float16": 10e6, "int8": 5.5e6}[precision]
    runner = FileClassifier(path)
    assert runner.class_names == ("BG", "blue", "green", "red")
    limit = {"float32": 1e-3, "float16": 0.02, "int8": 0.2}[precision]
    for image_id in (0, 7, 14):
        image = colours.load_image(image_id)
        [expected] = model.classify([image])
        labels = runner.classify(image)
        assert labels.name == expected.name
        np.testing.assert_allclose(labels.scores, expected.scores, atol=limit)


def test_the_file_is_no_detectors(model, tmp_path):
    path = tmp_path / "colours.tflite"
    model.export(path, verify=False, progress=False)
    with pytest.raises(WeightsError, match=r"it is a classifier: use maskdet.runtime.Classifier"):
        Detector(path)


@pytest.mark.slow
def test_a_saved_model_and_onnx(model, colours, tmp_path):
    report = model.export(tmp_path / "saved", format="saved_model", dataset=colours, progress=False)
    assert report.verified and (tmp_path / "saved" / "saved_model.pb").exists()
    pytest.importorskip("tf2onnx")
    assert model.export(tmp_path / "colours.onnx", dataset=colours, progress=False).verified


def test_weights_for_other_classes_leave_the_last_layer_out(trained, tmp_path):
    config = SmallConfig()
    config.NUM_CLASSES = 3
    model = Classifier("training", config, tmp_path)
    with pytest.raises(WeightsError, match="classifier_logits"):
        model.load_weights(trained[0])
    report = model.load_weights(trained[0], exclude=["classifier_logits"])
    assert report.excluded == ["classifier_logits"] and not report.unmatched


def test_training_mode_and_single_images_are_told(trained, model):
    with pytest.raises(UsageError, match="mode='training'"):
        trained[2].classify([np.zeros((9, 9, 3), np.uint8)])
    with pytest.raises(UsageError, match=r"put it into a list"):
        model.classify(np.zeros((9, 9, 3), np.uint8))


def test_commands(trained, folders, tmp_path, capsys):
    photo = folders / "red" / "0.png"
    assert main(["detect", str(trained[0]), str(photo), "--out", str(tmp_path / "out")]) == 0
    assert f"{photo}: red " in capsys.readouterr().out
    target = tmp_path / "colours.tflite"
    assert main(["export", str(trained[0]), str(target), "--dataset", str(folders)]) == 0
    assert "accuracy" in capsys.readouterr().out and target.is_file()
    assert main(["check", str(folders), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["images by class"]


def test_batches_never_mix_two_photos(colours):
    """Mosaic and mixup would show two classes under the name of one."""
    from maskdet.data.augment import Augmentation
    from maskdet.models.classifier.family import ClassifierFamily
    from maskdet.training.loaders import make_loader

    mixing = Augmentation(mosaic=1.0, mixup=1.0)
    loader = make_loader(ClassifierFamily(), SmallConfig(), colours, mixing)
    batch = loader.batch(0)
    for image, label in zip(batch["images"], batch["labels"], strict=True):
        channel = {1: 2, 2: 1, 3: 0}[int(label)]
        means = image.reshape(-1, 3).mean(axis=0)
        assert means.argmax() == channel and np.sort(means)[1] < 60


def test_augmented_photos_fill_the_input(colours):
    """Photos are wider than the input: what is beyond is cut off, nothing is padded."""
    from maskdet.data.augment import Augmentation
    from maskdet.models.classifier.family import ClassifierFamily
    from maskdet.training.loaders import make_loader

    loader = make_loader(ClassifierFamily(), SmallConfig(), colours, Augmentation(flip=1.0))
    batch = loader.batch(0)
    assert batch["images"].shape == (6, 64, 64, 3)
    for image, label in zip(batch["images"], batch["labels"], strict=True):
        channel = {1: 2, 2: 1, 3: 0}[int(label)]
        assert (image[..., channel] > 150).all()


def test_a_split_deals_out_every_class(colours):
    from maskdet.data.split import split

    parts = split(colours, {"train": 0.5, "val": 0.5})
    for part in parts.values():
        assert [int((part.labels == k).sum()) for k in (1, 2, 3)] == [3, 3, 3]
