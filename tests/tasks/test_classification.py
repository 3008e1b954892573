"""Promise: labels of images hold together, are scored and compared as one expects."""

import re

import numpy as np
import pytest

from maskdet.errors import DataError, UsageError
from maskdet.geometry.placement import place
from maskdet.tasks.classification.accuracy import evaluate_labels
from maskdet.tasks.classification.labels import Labels
from maskdet.tasks.classification.task import CLASSIFICATION
from maskdet.tasks.table import get_task
from maskdet.tasks.task import FileFacts


def labels(*scores):
    return Labels(scores, ("ants", "bees", "wasps")[: len(scores)], (40, 60))


def test_the_likeliest_classes_come_first():
    result = labels(0.25, 0.6, 0.15)
    assert result.top(2) == [("bees", pytest.approx(0.6)), ("ants", pytest.approx(0.25))]
    assert (result.name, result.score) == ("bees", pytest.approx(0.6))
    assert result.summary() == result.listing() == "bees 0.60, ants 0.25, wasps 0.15"
    assert result == labels(0.25, 0.6, 0.15) != labels(0.25, 0.5, 0.25)


@pytest.mark.parametrize(
    ("scores", "names"), [([0.5], ("a", "b")), ([], ()), ([float("nan")], ("a",))]
)
def test_scores_without_names_are_refused(scores, names):
    with pytest.raises(UsageError, match="one finite score a class"):
        Labels(np.array(scores), names, (4, 4))


def test_labels_are_drawn_onto_a_copy():
    image = np.full((40, 60, 3), 200, np.uint8)
    drawn = labels(0.2, 0.8).draw(image)
    assert drawn.shape == image.shape and (image == 200).all()
    assert (drawn[:6, :6] == 0).all() and (drawn[-3:, -3:] == 200).all()


def test_labels_survive_a_file_and_damage_is_named(tmp_path):
    path = tmp_path / "labels.json"
    labels(0.2, 0.8).save(path)
    assert Labels.load(path) == labels(0.2, 0.8)
    path.write_text('{"format": "maskdet.labels"}')
    with pytest.raises(DataError, match="labels.json cannot be read"):
        Labels.load(path)


class Folder:
    class_names = ("BG", "ants", "bees")
    image_ids = (0, 1, 2, 3)

    def load_label(self, image_id):
        return [1, 1, 2, 2][image_id]


def test_accuracy_by_hand():
    results = [labels(0.9, 0.1), labels(0.4, 0.6), labels(0.2, 0.8), labels(0.3, 0.7)]
    accuracy = evaluate_labels(Folder(), results)
    assert accuracy.accuracy == 0.75 and accuracy.per_class == {"ants": 0.5, "bees": 1.0}
    assert accuracy.confusion.tolist() == [[1, 1], [0, 2]]
    assert CLASSIFICATION.figures(accuracy) == {"accuracy": 0.75}
    assert accuracy.to_dict()["images"] == 4
    with pytest.raises(UsageError, match="4 images but 1 labels"):
        evaluate_labels(Folder(), results[:1])


@pytest.mark.parametrize(
    ("other", "precision", "fault"),
    [
        (labels(0.9, 0.1), "float32", None),
        (labels(0.89, 0.11), "float32", "a score differs by 0.01"),
        (labels(0.8, 0.2), "int8", None),
        (labels(0.4, 0.6), "int8", "the network says ants 0.90.*the file bees 0.60"),
    ],
)
def test_files_are_compared_with_their_network(other, precision, fault):
    unsure = labels(0.45, 0.4, 0.15)
    agreement = CLASSIFICATION.compare([unsure, labels(0.9, 0.1)], [unsure, other], precision)
    assert agreement.expected == 1
    if fault is None:
        assert agreement.fault is None
    else:
        assert agreement.photo == 1
        assert re.search(fault, agreement.fault)


def test_a_files_scores_become_labels():
    placement = place((40, 60), 0, 32)
    facts = FileFacts(class_names=("BG", "ants", "bees"), task="classification")
    result = CLASSIFICATION.decode([np.array([[0.3, 0.7]])], placement, facts)
    assert result == labels(0.3, 0.7)
    nameless = CLASSIFICATION.decode([np.array([[0.3, 0.7]])], placement, FileFacts())
    assert nameless.class_names == ("class 1", "class 2")


def test_an_unknown_task_lists_the_known():
    with pytest.raises(UsageError, match="no task 'pose'.*classification, detection"):
        get_task("pose")
