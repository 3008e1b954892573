"""Promise: what a report says of a classifier is what was counted."""

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.images import write_image
from maskdet.report.page import render
from maskdet.tasks.classification.labels import Labels
from maskdet.tasks.classification.task import CLASSIFICATION
from tests.report.reading import Page, chapter, parts_of, texts

# True class, and the scores of "ant" and "bee".
ROWS = [("ant", 0.9), ("ant", 0.8), ("ant", 0.3), ("bee", 0.1), ("bee", 0.6)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("insects")
    for number, (name, _) in enumerate(ROWS):
        write_image(folder / name / f"{number}.png", np.full((30, 40, 3), 40 * number, np.uint8))
    return Dataset.load(folder)


@pytest.fixture(scope="module")
def contents(dataset):
    results = [Labels([ant, 1 - ant], ("ant", "bee"), (30, 40)) for _, ant in ROWS]
    return CLASSIFICATION.report(dataset, results, CLASSIFICATION.score(dataset, results))


def test_figures_at_the_top(contents):
    assert contents.summary == "3 of 5 photos got their right class (60 %)."
    shown = {headline.label: (headline.value, headline.remark) for headline in contents.headlines}
    assert shown["Right class"] == ("60 %", "3 of 5 (accuracy)")
    assert shown["Worst class"] == ("50 %", "bee: its photos that are right")
    # Bins of a photo each: |0.9-1| and so on, 0.1 + 0.2 + 0.7 + 0.1 + 0.6, of five.
    assert shown["Calibration error"][0] in ("0.260", "0.340")


def test_each_class_and_what_it_is_taken_for(contents):
    [table] = parts_of(chapter(contents, "How well each class is told"), "table")
    assert table.rows == (("bee", "2", "50 %", "50 %"), ("ant", "3", "67 %", "67 %"))
    [table] = parts_of(chapter(contents, "Which class is taken for which"), "table")
    assert table.columns == ("true \\ said", "ant", "bee")
    assert table.rows == (("ant", "2", "1"), ("bee", "1", "1"))


def test_how_far_scores_can_be_believed(contents):
    believed = chapter(contents, "How far scores can be believed")
    [chart] = parts_of(believed, "figure")
    assert [mark.text for mark in chart.marks] == ["as sure as right", "this network"]
    [table] = parts_of(believed, "table")
    assert sum(int(row[1]) for row in table.rows) == 5


def test_the_hardest_photos_come_first_with_their_scores(contents):
    [hard] = parts_of(chapter(contents, "The hardest photos"), "pictures")
    marks = [[mark.text for mark in picture.marks] for picture in hard.pictures]
    assert marks[0] == ["is ant (0.30)", "was called bee (0.70)"]
    assert marks[1] == ["is bee (0.40)", "was called ant (0.60)"]
    assert marks[-1] == ["is bee (0.90)"] or marks[-1] == ["is ant (0.90)"]
    assert Page(render("t", "s", contents.headlines, contents.chapters)).open == []


def test_all_right_is_said_and_the_surest_are_no_hard_ones(tmp_path):
    for number in range(20):
        write_image(tmp_path / "ab"[number % 2] / f"{number}.png", np.zeros((8, 8, 3), np.uint8))
    dataset = Dataset.load(tmp_path)
    results = []
    for image_id in dataset.image_ids:
        score, label = 0.6 + 0.01 * image_id, dataset.load_label(image_id)
        scores = [score, 1 - score] if label == 1 else [1 - score, score]
        results.append(Labels(scores, ("a", "b"), (8, 8)))
    contents = CLASSIFICATION.report(dataset, results, CLASSIFICATION.score(dataset, results))
    assert "right class all the same" in chapter(contents, "The hardest photos").note
    [sure] = parts_of(chapter(contents, "The surest photos"), "pictures")
    [hard] = parts_of(chapter(contents, "The hardest photos"), "pictures")
    assert (len(hard.pictures), len(sure.pictures)) == (12, 6)
    assert "(0.79)" in sure.pictures[0].marks[0].text
    assert not {p.title for p in sure.pictures} & {p.title for p in hard.pictures}


def test_classes_without_photos_are_named(dataset):
    names = ("ant", "bee", "wasp")
    more = dataset.subset(dataset.image_ids)
    more.class_info.append({"source": more.class_info[1]["source"], "id": 9, "name": "wasp"})
    more.prepare()
    results = [Labels([0.5, 0.3, 0.2], names, (30, 40)) for _ in ROWS]
    contents = CLASSIFICATION.report(more, results, CLASSIFICATION.score(more, results))
    assert texts(contents.chapters[0])[1] == "There is no photo of wasp."
    [table] = parts_of(chapter(contents, "How well each class is told"), "table")
    assert table.rows[-1] == ("wasp", "0", "–", "–")
