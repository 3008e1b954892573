"""Promise: what a report says of a detector is what was counted, whatever there was to count."""

from dataclasses import replace

import numpy as np
import pytest

from maskdet import Detections
from maskdet.data.dataset import Dataset
from maskdet.evaluation.report import evaluate_detections
from maskdet.report.page import render
from maskdet.tasks.detection.task import DETECTION
from tests.evaluation.conftest import CAT, DOG, Listed, UpperHalves, detections_of
from tests.report.reading import Page, chapter, parts_of, texts

BOX, BESIDE, FAR = [20, 20, 60, 60], [20, 40, 60, 80], [70, 70, 90, 90]
WRONG = "What goes wrong"


def contents_of(images, rows, kind=Listed):
    dataset = kind().fill(images)
    results = [detections_of(*found) for found in rows]
    if kind is UpperHalves:
        results = [replace(r, small_masks=np.ones((len(r), 8, 8))) for r in results]
    return DETECTION.report(dataset, results, evaluate_detections(dataset, results))


@pytest.fixture(scope="module")
def contents():
    """A cat found, one missed; a dog taken for a cat; something in nothing."""
    images = [[(BOX, CAT), (FAR, CAT)], [(BOX, DOG)], []]
    return contents_of(images, [[(BOX, CAT, 0.9)], [(BOX, CAT, 0.8), (FAR, DOG, 0.7)], []])


def test_figures_at_the_top(contents):
    assert contents.summary == (
        "From a score of 0.5 on, 1 of 3 objects were found (33 %), and 1 of 3 detections are right "
        "(33 %)."
    )
    shown = {headline.label: headline.value for headline in contents.headlines}
    assert shown["Objects found"] == "33 %" and shown["Detections right"] == "33 %"
    assert set(shown) == {"Objects found", "Detections right", "Box AP50", "Box AP"}


def test_what_was_evaluated(contents):
    first = contents.chapters[0]
    assert texts(first) == ["3 photos with 3 objects of 2 classes. 1 photo has no object in it."]
    assert parts_of(first, "table")[0].rows == (("cat", "2", "1"), ("dog", "1", "1"))


def test_each_class_the_worst_first(contents):
    [table] = parts_of(chapter(contents, "How well each class is found"), "table")
    assert [row[:4] for row in table.rows] == [
        ("all classes", "3", "33 %", "33 %"),
        ("dog", "1", "0 %", "0 %"),
        ("cat", "2", "50 %", "50 %"),
    ]


def test_errors_and_what_to_do_about_the_most_costly(contents):
    total, by_class = parts_of(chapter(contents, WRONG), "table")
    counts = {row[0].split(":")[0]: row[1] for row in total.rows}
    assert (counts["missed"], counts["confused"], counts["background"]) == ("1", "1", "1")
    gains = [float(row[2]) for row in total.rows]
    assert gains == sorted(gains, reverse=True) and gains[0] > 0.2
    [advice] = texts(chapter(contents, WRONG))
    assert advice.startswith("Most costly: confused") and "What to do: Add photos of the" in advice
    column = by_class.columns.index("confused")
    assert [row[column] for row in by_class.rows] == ["1", "0"]  # what was said, not what it is


def test_which_class_is_taken_for_which(contents):
    [table] = parts_of(chapter(contents, "Which class is taken for which"), "table")
    assert table.columns == ("true \\ said", "cat", "dog", "missed")
    assert table.rows == (
        ("cat", "1", "", "1"),
        ("dog", "1", "", ""),
        ("nothing there", "", "1", ""),
    )
    assert table.shades[0] == (0.5, 0.0, 0.5)


def test_photos_name_their_errors(contents):
    [worst] = parts_of(chapter(contents, "Photos with the worst errors"), "pictures")
    remarks = [[mark.text for mark in picture.marks] for picture in worst.pictures]
    assert sorted(remarks) == [
        ["1 right", "1: cat: missed"],
        ["1: cat 0.80: is dog", "2: dog 0.70: nothing there"],
    ]
    assert "dashed: where objects are" in [mark.text for mark in worst.legend]
    titles = [chapter.title for chapter in contents.chapters]
    assert "Photos that went best" not in titles  # there is none without an error


def test_missed_objects_of_one_class_share_a_line():
    contents = contents_of([[(BOX, CAT), (FAR, CAT), ([0, 0, 9, 9], DOG)]], [[]])
    [worst] = parts_of(chapter(contents, "Photos with the worst errors"), "pictures")
    assert [mark.text for mark in worst.pictures[0].marks] == [
        "1, 2: cat: missed",
        "3: dog: missed",
    ]


def test_sizes_are_those_of_coco():
    objects = [([0, 0, 31, 31], CAT), ([40, 0, 73, 33], CAT), ([0, 0, 100, 97], DOG)]
    contents = contents_of([objects], [[([0, 0, 31, 31], CAT, 0.9), ([0, 0, 100, 97], DOG, 0.9)]])
    [table] = parts_of(chapter(contents, "What size of objects is found"), "table")
    assert [row[1:] for row in table.rows] == [
        ("1", "100 %", "1.000"),
        ("1", "0 %", "0.000"),
        ("1", "100 %", "1.000"),
    ]


def test_with_masks_there_are_figures_and_curves_of_both():
    contents = contents_of([[(BOX, CAT)]], [[(BOX, CAT, 0.9)]], UpperHalves)
    assert [headline.label for headline in contents.headlines[2:]] == [
        *("Box AP50", "Box AP", "Mask AP50", "Mask AP"),
    ]
    classes = chapter(contents, "How well each class is found")
    assert [figure.title[-5:] for figure in parts_of(classes, "figure")] == ["boxes", "masks"]
    assert parts_of(classes, "table")[0].columns[-2:] == ("box AP50", "mask AP50")
    # A mask can be small in a box that is not: without a word there would be AP of no objects.
    assert "for mask AP of the mask" in chapter(contents, "What size of objects is found").note


def test_not_a_single_detection():
    contents = contents_of([[(BOX, CAT)], [(FAR, DOG)]], [[], []])
    assert "not a single detection" in contents.summary
    assert "all of 2 objects were missed" in contents.summary
    assert Page(render("t", "s", contents.headlines, contents.chapters)).open == []


def test_nothing_to_find():
    contents = contents_of([[], []], [[(BOX, CAT, 0.9)], []])
    assert contents.summary.startswith("There is nothing to find in these photos; 1 detection")
    assert {h.label: h.value for h in contents.headlines}["Box AP50"] == "–"
    assert texts(chapter(contents, WRONG)) == [
        "There is nothing to find, so no error can cost anything."
    ]
    titles = [chapter.title for chapter in contents.chapters]
    assert "What size of objects is found" not in titles
    page = Page(render("t", "s", contents.headlines, contents.chapters))
    assert "nan" not in page.text.lower().split()


def test_results_that_end_early_say_so():
    early = contents_of([[(BOX, CAT)]], [[(BOX, CAT, 0.9), (FAR, CAT, 0.3)]])
    assert "end at a score of 0.30" in texts(chapter(early, "How well each class is found"))[0]
    late = contents_of([[(BOX, CAT)]], [[(BOX, CAT, 0.9), (FAR, CAT, 0.01)]])
    assert texts(chapter(late, "How well each class is found")) == []


class Many(Dataset):
    """One object of each of twenty classes, in a photo each."""

    def fill(self):
        for number in range(1, 21):
            self.add_class("x", number, f"kind {number}")
            self.add_image("x", number, None)
        self.prepare()
        return self

    def load_boxes(self, image_id):
        return np.array([BOX], np.float32), np.array([image_id + 1], np.int32)

    def load_image(self, image_id):
        if image_id == 3:
            raise OSError("the photo is torn")
        return np.zeros((100, 100, 3), np.uint8)

    def image_shape(self, image_id):
        return 100, 100


def test_of_many_classes_the_worst_are_shown_and_all_are_folded_away():
    dataset = Many().fill()
    said = [2, 1, *range(3, 21)]  # the first two are taken for each other
    results = [Detections([BOX], [c], [0.9], tuple(dataset.class_names), (100, 100)) for c in said]
    results[3] = Detections.empty(tuple(dataset.class_names), (100, 100))
    contents = DETECTION.report(dataset, results, evaluate_detections(dataset, results))
    short, whole = parts_of(chapter(contents, "How well each class is found"), "table")
    assert [row[0] for row in short.rows[:4]] == ["all classes", "kind 1", "kind 2", "kind 4"]
    assert (len(short.rows), len(whole.rows)) == (9, 21)
    [figure] = parts_of(chapter(contents, "How well each class is found"), "figure")
    assert figure.marks[-1].text == "mean, of 20 classes (0.850)"
    [pairs] = parts_of(chapter(contents, "Which class is taken for which"), "table")
    assert pairs.rows == (("kind 1", "kind 2", "1", "100 %"), ("kind 2", "kind 1", "1", "100 %"))
    # A photo that cannot be read any more is named in place of its picture.
    worst = chapter(contents, "Photos with the worst errors")
    assert len(parts_of(worst, "pictures")[0].pictures) == 2
    assert texts(worst) == ["x image 4 cannot be shown: the photo is torn"]
