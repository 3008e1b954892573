"""Guards: every object and every detection is counted once in the table of confusions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.evaluation.confusion import confusion_of
from maskdet.evaluation.judging import CONFUSED, CROWD, RIGHT, Objects, judge
from maskdet.evaluation.mending import Judged
from tests.evaluation.conftest import CAT, DOG, Listed, detections_of

BOX, NEAR_BOX, BESIDE, FAR = [20, 20, 60, 60], [20, 24, 60, 64], [20, 40, 60, 80], [70, 70, 90, 90]


def confusion(images, *rows):
    """Of images of objects as in ``Listed``, and a list of (box, class id, score) for each."""
    dataset = Listed().fill(images)
    objects = [
        Objects.of(*dataset.load_boxes(i), dataset.load_difficult(i)) for i in dataset.image_ids
    ]
    found = [detections_of(*image) for image in rows]
    return found, objects, confusion_of(Judged.of(found, objects), 2)


# Rows cat, dog, nothing there; columns cat, dog, missed.
@pytest.mark.parametrize(
    ("objects", "rows", "expected"),
    [
        ([(BOX, CAT)], [(BOX, CAT, 0.9)], [[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ([(BOX, CAT)], [(BOX, DOG, 0.9)], [[0, 1, 0], [0, 0, 0], [0, 0, 0]]),
        ([(BOX, DOG)], [], [[0, 0, 0], [0, 0, 1], [0, 0, 0]]),
        ([], [(FAR, CAT, 0.9)], [[0, 0, 0], [0, 0, 0], [1, 0, 0]]),
        # Beside its place: the object is missed, and there is nothing where it was said to be.
        ([(BOX, CAT)], [(BESIDE, CAT, 0.9)], [[0, 0, 1], [0, 0, 0], [1, 0, 0]]),
        # Right beats a surer confusion, which then has nothing of its own.
        ([(BOX, CAT)], [(BOX, DOG, 0.9), (NEAR_BOX, CAT, 0.6)], [[1, 0, 0], [0, 0, 0], [0, 1, 0]]),
        ([(BOX, CAT)], [(BOX, CAT, 0.9), (NEAR_BOX, CAT, 0.6)], [[1, 0, 0], [0, 0, 0], [1, 0, 0]]),
        # A difficult object counts neither way, nor does what is found on it.
        ([(BOX, CAT, "difficult")], [(BOX, CAT, 0.9)], [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ([], [], [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ],
)
def test_a_photo(objects, rows, expected):
    assert confusion([objects], rows)[2].tolist() == expected


def plainly(found, objects, classes):
    """The same, object by object."""
    table = np.zeros((classes + 1, classes + 1), int)
    for detections, there in zip(found, objects, strict=True):
        judgement = judge(detections.boxes, detections.class_ids, detections.scores, there)
        counted = set()
        for number, class_id in enumerate(there.class_ids):
            if there.ignored[number]:
                continue
            own = [
                i
                for i in range(len(detections))
                if judgement.targets[i] == number and judgement.kinds[i] in (RIGHT, CONFUSED)
            ]
            own.sort(key=lambda i: (judgement.kinds[i] != RIGHT, -detections.scores[i], i))
            said = detections.class_ids[own[0]] - 1 if own else classes
            counted |= set(own[:1])
            table[class_id - 1, said] += 1
        for i, kind in enumerate(judgement.kinds):
            if i not in counted and kind != CROWD:
                table[classes, detections.class_ids[i] - 1] += 1
    return table


BOXES = st.sampled_from(
    [
        BOX,
        NEAR_BOX,
        BESIDE,
        FAR,
        [22, 22, 40, 40],
        [20, 20, 62, 58],
        [0, 0, 90, 90],
        [60, 60, 80, 80],
    ]
)
KINDS = st.sampled_from([CAT, DOG])
OBJECTS = st.lists(
    st.one_of(st.tuples(BOXES, KINDS), st.tuples(BOXES, KINDS, st.just("difficult"))), max_size=5
)
FOUND = st.lists(st.tuples(BOXES, KINDS, st.sampled_from([0.5, 0.6, 0.7, 0.8])), max_size=6)


@given(st.lists(st.tuples(OBJECTS, FOUND), min_size=1, max_size=3))
def test_it_is_what_counting_one_by_one_gives(images):
    found, objects, table = confusion([objects for objects, _ in images], *(f for _, f in images))
    np.testing.assert_array_equal(table, plainly(found, objects, 2))
    real = np.concatenate([there.class_ids[~there.ignored] for there in objects])
    assert table[:2].sum(axis=1).tolist() == [(real == CAT).sum(), (real == DOG).sum()]
    kinds = Judged.of(found, objects).kinds
    assert table[:, :2].sum() == (kinds != CROWD).sum() and table[2, 2] == 0
