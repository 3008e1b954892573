"""Promise: the course of a training is read off its history, with the stages where they were."""

import pytest

from maskdet.report.history import history_chapter, stages_of
from maskdet.training.logs import read_history
from tests.report.reading import parts_of, texts


def test_losses_figures_and_stages(log_dir):
    rows = read_history(log_dir / "history.csv")
    chapter = history_chapter(rows)
    loss, figures, first, second = parts_of(chapter, "figure")
    assert [mark.text for mark in loss.marks] == ["training photos", "photos held out"]
    assert "training photos 0.700, photos held out 1.500" in loss.alt
    assert [mark.text for mark in figures.marks] == ["AP", "AP50"]
    assert "AP 0.420, AP50 0.810" in figures.alt
    assert (first.title, second.title) == ("rpn_loss", "head_loss")
    assert [mark.text for mark in first.marks] == ["training photos"]
    [table] = parts_of(chapter, "table")
    assert table.rows == (("A: heads", "1 to 2"), ("B: all", "3 to 4"))
    assert texts(chapter) == ["The best AP was 0.420, after epoch 4."]


def test_without_stages_evaluations_or_validation():
    chapter = history_chapter([{"epoch": "1", "loss": "2"}, {"epoch": "2", "loss": "1"}])
    [loss] = parts_of(chapter, "figure")
    assert [mark.text for mark in loss.marks] == ["training photos"]
    assert not parts_of(chapter, "table") and not texts(chapter)
    assert "not known" in history_chapter([]).note


def test_what_is_no_number_is_left_out():
    rows = [
        {"epoch": 1, "stage": "all", "loss": "nan", "val_ap": "nan", "val_loss": None},
        {"epoch": 2, "stage": "all", "loss": "inf", "val_ap": "", "val_loss": "text"},
    ]
    assert [part.kind for part in history_chapter(rows).parts] == ["table"]
    rows.append({"epoch": 3, "stage": "all", "loss": 0.5, "val_ap": 0.25})
    chapter = history_chapter(rows)
    assert texts(chapter) == ["The best AP was 0.250, after epoch 3."]
    assert "training photos 0.500" in parts_of(chapter, "figure")[0].alt


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("hhaa", [("A", "h", 1, 2), ("B", "a", 3, 4)]),
        ("hah", [("A", "h", 1, 1), ("B", "a", 2, 2), ("C", "h", 3, 3)]),
        ("", []),
    ],
)
def test_stages(stages, expected):
    rows = [{"epoch": i, "stage": stage} for i, stage in enumerate(stages, start=1)]
    assert stages_of(rows) == expected
