"""Promise: what cannot be learned from is said in one sentence: the place and the way out."""

import numpy as np
import pytest

from maskdet import Classifier, Dataset
from maskdet.commands.main import main
from maskdet.errors import ConfigError, DataError, UsageError
from tests.models.classifier.conftest import SmallConfig, write_folders
from tests.models.conftest import BoxedRectangles


def refusal(call, kind=DataError):
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("parts", [False, True])
def test_one_class(parts, tmp_path):
    write_folders(tmp_path / ("train" if parts else "."), ["red"], 2)
    text = refusal(lambda: Dataset.load(tmp_path))
    assert "photos lie in one folder alone" in text and "red" in text and "two or more" in text


def test_one_class_beside_an_empty_one(tmp_path):
    write_folders(tmp_path, ["red"], 2)
    (tmp_path / "blue").mkdir()
    assert "(empty: blue)" in refusal(lambda: Dataset.load(tmp_path))


def test_an_empty_class_folder(tmp_path):
    write_folders(tmp_path, count=1)
    (tmp_path / "yellow").mkdir()
    text = refusal(lambda: Dataset.load(tmp_path))
    assert "yellow is a class's folder without a photo; put some in, or remove it" in text
    with pytest.warns(match="yellow"):
        assert Dataset.load(tmp_path, on_error="skip").num_classes == 4


@pytest.mark.parametrize("split", [None, "test"])
def test_a_class_in_test_that_train_lacks(split, tmp_path):
    write_folders(tmp_path / "train", ["red", "blue"], 1)
    write_folders(tmp_path / "test", ["red", "green"], 1)
    text = refusal(lambda: Dataset.load(tmp_path, split=split))
    assert "is of class 'green'" in text and "train has no folder for" in text


def test_classes_of_parts_are_numbered_as_trains(tmp_path):
    write_folders(tmp_path / "train", count=1)
    write_folders(tmp_path / "test", ["red"], 2)
    test = Dataset.load(tmp_path, split="test")
    assert list(test.class_names) == ["BG", "blue", "green", "red"]
    assert test.labels.tolist() == [3, 3]
    assert Dataset.load(tmp_path).num_images == 5


def test_a_set_of_other_classes_is_not_scored(trained, tmp_path):
    other = Dataset.load(write_folders(tmp_path, ["blue", "green", "yellow"], 1))
    text = refusal(lambda: trained[2].evaluate(other, progress=False), ConfigError)
    assert "blue, green, yellow" in text and "scored on" in text


def test_a_picture_that_cannot_be_read(trained, tmp_path, capsys):
    write_folders(tmp_path, count=2)
    broken = tmp_path / "red" / "0.png"
    broken.write_bytes(broken.read_bytes()[:200])
    assert str(broken) in refusal(lambda: Dataset.load(tmp_path))
    with pytest.warns(match="0.png"):
        assert Dataset.load(tmp_path, on_error="skip").num_images == 5
    arguments = ["detect", str(trained[0]), str(tmp_path / "red"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "0.png" in printed and "1.png: " in printed


def test_boxes_where_folders_are_wanted(tmp_path):
    model = Classifier("training", SmallConfig(), tmp_path)
    boxes = BoxedRectangles().fill(4)
    text = refusal(lambda: model.train(boxes, None), UsageError)
    assert "BoxedRectangles says what objects its images have" in text
    assert "give a set of folders, one a class" in text


def test_another_number_of_classes(colours, tmp_path):
    config = SmallConfig()
    config.NUM_CLASSES = 3
    model = Classifier("training", config, tmp_path)
    text = refusal(lambda: model.train(colours, None), ConfigError)
    assert "set NUM_CLASSES = 4" in text


def test_an_image_that_is_none(tmp_path):
    model = Classifier("inference", SmallConfig(), tmp_path)
    text = refusal(lambda: model.classify([np.zeros((4, 4, 7), np.uint8)]), UsageError)
    assert "Image 0" in text
