"""Promise: a file that does not do what its network does is never written."""

import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.exporters.contract import ExportOptions
from maskdet.exporters.verify import Comparison, Row, check, check_scores, same_rows, table


def outputs(scores, lefts, classes):
    count = len(scores)
    boxes = np.zeros((1, count, 4), np.float32)
    boxes[0, :, 1] = lefts
    return {
        "score": np.array([scores], np.float32),
        "location": boxes,
        "category": np.array([classes], np.float32),
    }


def test_objects_that_changed_places_are_the_same_objects():
    ours = outputs([0.9, 0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0, 0], [0, 1, 2, 0, 0])
    theirs = outputs([0.9, 0.5, 0.5, 0.0, 0.0], [0.1, 0.3, 0.2, 0, 0], [0, 2, 1, 0, 0])
    assert same_rows(ours, theirs).tolist() == [0, 2, 1, 3, 4]
    assert same_rows(ours, ours).tolist() == [0, 1, 2, 3, 4]


def options(precision):
    return ExportOptions(precision, "instances", 20, 0.05)


@pytest.mark.parametrize(
    ("precision", "errors", "found", "refused"),
    [
        ("float32", {"score": 0.9e-5, "masks": 9e-5}, 0, False),
        ("float32", {"score": 1.1e-5, "masks": 0.0}, 10, True),
        ("float32", {"score": 0.0, "masks": 1.1e-4}, 10, True),
        ("float16", {"score": 0.4}, 10, False),
        ("float16", {"score": 0.4}, 9, True),
        ("int8", {"score": 0.4}, 8, False),
        ("int8", {"score": 0.4}, 7, True),
    ],
)
def test_limits_of_each_precision(precision, errors, found, refused):
    comparison = Comparison(5, errors, found, 10)
    if refused:
        with pytest.raises(UsageError, match="was not written"):
            check(comparison, options(precision), "a.tflite")
    else:
        check(comparison, options(precision), "a.tflite")


@pytest.mark.parametrize(
    ("key", "loss", "refused"),
    [
        ("box AP50", 0.009, False),
        ("box AP50", 0.011, True),
        ("box AP", 0.019, False),
        ("mask AP", 0.021, True),
        ("mask AP50", -0.2, False),
    ],
)
def test_int8_may_lose_one_point_of_ap50_and_two_of_ap(key, loss, refused):
    rows = [Row("network", 0, 1.0, {key: 0.8}), Row("file", 9, 1.0, {key: 0.8 - loss})]
    if refused:
        with pytest.raises(UsageError, match=rf"points of {key}.*verify=False"):
            check_scores(rows, options("int8"), "a.tflite")
    else:
        check_scores(rows, options("int8"), "a.tflite")


def test_the_table_lines_up():
    scores = {"box AP50": 0.5, "box AP": 0.25}
    text = table(
        [Row("network", 0, 80.0, scores), Row("mine.tflite, int8", 3_400_000, 9.5, scores)]
    )
    head, first, second = text.splitlines()
    assert "box AP50" in head
    assert first.index("0.500") == second.index("0.500")
    assert "3.40 MB" in second
    assert "9.5 ms" in second
