"""Promise: scores of labels are what one counts by hand, whatever order classes stand in."""

import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.images import read_image
from maskdet.tasks.classification.accuracy import evaluate_labels
from maskdet.tasks.classification.calibration import calibration_of
from maskdet.tasks.classification.labels import Labels

NAMES = ("ants", "bees", "wasps")


class Folder:
    class_names = ("BG", *NAMES)
    image_ids = (0, 1, 2, 3)

    def load_label(self, image_id):
        return [1, 1, 2, 3][image_id]

    def load_image(self, image_id):
        return np.full((240, 320, 3), 60 * image_id, np.uint8)

    def image_label(self, image_id):
        return f"photo {image_id}"


ROWS = [(0.9, 0.1, 0.0), (0.3, 0.6, 0.1), (0.2, 0.7, 0.1), (0.3, 0.5, 0.2)]


def labels(rows, names=NAMES):
    return [Labels(row, names, (30, 40)) for row in rows]


@pytest.fixture
def evaluation():
    return evaluate_labels(Folder(), labels(ROWS))


def test_precision_recall_and_ranks(evaluation):
    assert evaluation.accuracy == 0.5
    assert evaluation.recall == {"ants": 0.5, "bees": 1.0, "wasps": 0.0}
    assert evaluation.precision == {"ants": 1.0, "bees": pytest.approx(1 / 3)}
    assert evaluation.ranks.tolist() == [0, 1, 0, 2]
    assert [evaluation.top(k) for k in (1, 2, 3)] == [0.5, 0.75, 1.0]


def test_the_worst_come_first(evaluation):
    assert evaluation.worst(3) == [3, 1, 2]


def test_the_table_names_rows_and_columns(evaluation):
    lines = evaluation.table().splitlines()
    assert lines[2].split() == ["ants", "0.500", "1.000", "2"]
    assert lines[4].split() == ["wasps", "0.000", "-", "1"]
    assert lines[-4].split() == ["true", "\\", "said", *NAMES]
    assert lines[-3].split() == ["ants", "1", "1", "0"]
    assert "calibration error" in evaluation.table()
    assert evaluation.to_dict()["top_k"] == {"1": 0.5}


def test_classes_in_another_order_are_mapped_by_name(evaluation):
    turned = [Labels(row[::-1], NAMES[::-1], (30, 40)) for row in ROWS]
    again = evaluate_labels(Folder(), turned)
    assert again.confusion.tolist() == evaluation.confusion.tolist()
    with pytest.raises(UsageError, match="also has wasps"):
        evaluate_labels(Folder(), labels([row[:2] for row in ROWS], NAMES[:2]))


def test_calibration_by_hand():
    # Two bins: scores of 0.4 half right, scores of 0.9 all right but one of four.
    scores = np.array([0.4, 0.4, 0.9, 0.9, 0.9, 0.9])
    right = np.array([True, False, True, True, True, False])
    calibration = calibration_of(scores, right, bins=2)
    assert calibration.counts.tolist() == [2, 4]
    assert calibration.accuracies.tolist() == [0.5, 0.75]
    assert calibration.error == pytest.approx((2 * 0.1 + 4 * 0.15) / 6)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_at_both_ends_are_in_a_bin(score):
    calibration = calibration_of(np.array([score]), np.array([True]))
    assert calibration.counts.sum() == 1 and calibration.error == pytest.approx(1 - score)


def test_the_worst_in_one_picture(evaluation, tmp_path):
    evaluation.draw_worst(Folder(), tmp_path / "worst.png", 2)
    picture = read_image(tmp_path / "worst.png")
    assert picture.shape[1] > 2 * 360
    # The worst, photo 3, is the brighter one and stands first.
    assert picture[310, 350].tolist() == [180] * 3 and picture[310, 720].tolist() == [60] * 3
