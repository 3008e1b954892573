"""Promise: figures are of photos that were not trained on, wherever there are such, and it is said
which they are of."""

import json
import shutil

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.data.image_sets import write_image_sets
from maskdet.data.split import split
from maskdet.detections import Detections
from maskdet.errors import ConfigError, DataError, UsageError
from maskdet.jobs import evaluation
from maskdet.jobs.evaluation import evaluate_file, photos_to_evaluate
from maskdet.jobs.run_folder import RunFolder
from maskdet.tasks.table import TASKS
from tests.models.classifier.conftest import write_folders


def names(dataset):
    return sorted(str(info["id"]) for info in dataset.image_info)


@pytest.fixture
def begun(made_things, tmp_path):
    """Makes the folder of a training with some options, with a split where ``divided``."""

    def make(divided=True, **options):
        folder = RunFolder(tmp_path / "run")
        parts = split(Dataset.load(made_things), {"train": 0.75, "val": 0.25}) if divided else {}
        folder.begin({"data": str(made_things), **options}, parts)
        return folder

    return make


# ---- which photos ---------------------------------------------------------------------------
def test_what_was_held_out_is_the_usual_choice(made_things, begun):
    folder = begun()
    listed = (folder.lists / "val.txt").read_text().split()
    for data in (None, str(made_things)):
        asked = photos_to_evaluate(data, folder)
        assert (names(asked.dataset), asked.name) == (sorted(listed), "part 'val'")
        assert asked.data == str(made_things)
    assert len(photos_to_evaluate(None, folder, "train").dataset.image_ids) == 9


def test_other_sets_are_taken_whole_or_by_their_own_parts(made_things, begun, tmp_path):
    folder, other = begun(), tmp_path / "other"
    shutil.copytree(made_things, other)
    shutil.rmtree(other / "ImageSets", ignore_errors=True)
    asked = photos_to_evaluate(str(other), folder)
    assert (len(asked.dataset.image_ids), asked.name) == (12, "all photos")
    write_image_sets(
        other / "ImageSets" / "Main", split(Dataset.load(other), {"train": 0.5, "test": 0.5})
    )
    asked = photos_to_evaluate(str(other), None)
    assert (len(asked.dataset.image_ids), asked.name) == (6, "part 'test'")


def test_the_test_set_of_a_training(made_things, begun, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(made_things, other)
    folder = begun(divided=False, test=str(other))
    asked = photos_to_evaluate(None, folder)
    assert (asked.data, asked.name) == (str(other), "the test set of the training")
    learned = photos_to_evaluate(str(made_things), folder)
    assert learned.name == "all photos, also those that it has learned"


def test_where_all_was_learned_it_is_said(begun):
    asked = photos_to_evaluate(None, begun(divided=False, held_out=0))
    assert len(asked.dataset.image_ids) == 12
    assert asked.name == "all photos, also those that it has learned"


def test_a_sets_own_parts_do_not_hide_that_all_was_learned(made_things, tmp_path):
    data, run = tmp_path / "data", RunFolder(tmp_path / "run")
    shutil.copytree(made_things, data)
    parts = split(Dataset.load(data), {"train": 0.5, "val": 0.5})
    write_image_sets(data / "ImageSets" / "Main", parts)
    run.begin({"data": str(data), "held_out": 0}, {})
    asked = photos_to_evaluate(None, run)
    assert len(asked.dataset.image_ids) == 12 and "also those that it has learned" in asked.name


def test_a_list_of_photos_alone_is_read(made_things, tmp_path):
    ids = names(Dataset.load(made_things))
    (tmp_path / "sunny.lst").write_text("\n".join(ids[2:5]))
    (tmp_path / "readme.txt").write_text("no list")
    asked = photos_to_evaluate(str(made_things), None, str(tmp_path / "sunny.lst"))
    assert names(asked.dataset) == ids[2:5]
    (tmp_path / "wrong.txt").write_text("nobody")
    with pytest.raises(DataError, match=r"wrong\.txt, line 1 lists 'nobody'"):
        photos_to_evaluate(str(made_things), None, str(tmp_path / "wrong.txt"))


def test_a_set_may_have_some_of_the_classes_alone(tmp_path):
    write_folders(tmp_path / "two", ["blue", "red"], 2)
    known = ("blue", "green", "red")
    dataset = photos_to_evaluate(str(tmp_path / "two"), None, None, known).dataset
    assert tuple(map(str, dataset.class_names[1:])) == known
    assert sorted({dataset.load_label(int(i)) for i in dataset.image_ids}) == [1, 3]
    for classes in (("blue",), ("pink", "red"), ()):
        dataset = photos_to_evaluate(str(tmp_path / "two"), None, None, classes).dataset
        assert tuple(map(str, dataset.class_names[1:])) == ("blue", "red")


def test_an_unknown_part_and_no_set_are_said(made_things, begun):
    with pytest.raises(UsageError, match=r"no part 'tset' \(it has train, val\); leave out --part"):
        photos_to_evaluate(None, begun(), "tset")
    with pytest.raises(UsageError, match="Say which photos: maskdet evaluate WEIGHTS DATA"):
        photos_to_evaluate(None, None)


# ---- exported files -------------------------------------------------------------------------
@pytest.fixture
def file(monkeypatch, made_things):
    """An exported detector that sees everything as it is annotated."""
    dataset = Dataset.load(made_things)

    class Predictor:
        task = TASKS["detection"]
        class_names = tuple(map(str, dataset.class_names))

        def predict(self, image):
            image_id = next(self.ids)
            boxes, class_ids = dataset.load_boxes(image_id)
            scores = np.ones(len(boxes), np.float32)
            return Detections(
                boxes, class_ids, scores, image_shape=image.shape[:2], class_names=self.class_names
            )

        ids = iter(dataset.image_ids)

    monkeypatch.setattr(evaluation, "open_file", lambda path, min_confidence: Predictor())
    return Predictor


def test_an_exported_file_is_scored(made_things, file):
    result = evaluate_file("mine.tflite", Dataset.load(made_things))
    assert result.figures["box AP50"] == 1.0
    assert (result.photos, result.report) == (12, None)
    assert json.dumps(result.figures)


def test_an_exported_file_of_other_classes_is_refused(made_things, file):
    file.class_names = ("BG", "kind 0", "Kind 1s")
    with pytest.raises(ConfigError, match=r"scored on it \(is 'kind 1' what .* 'Kind 1s'.*; name"):
        evaluate_file("mine.tflite", Dataset.load(made_things))


def test_an_exported_file_of_another_task_is_refused(made_colours, file):
    with pytest.raises(UsageError, match=r"mine\.tflite is for detection, but the set has a class"):
        evaluate_file("mine.tflite", Dataset.load(made_colours))


def test_a_set_without_photos_to_look_at_is_said(made_things, file):
    with pytest.raises(UsageError, match="There is no photo to evaluate; give a set"):
        evaluate_file("mine.tflite", Dataset.load(made_things).subset([]))
