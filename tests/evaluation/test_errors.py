"""Guards: each error of a detector is named for what it is, and what mending it brings is true."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.errors import UsageError
from maskdet.evaluation.coco import coco_ap
from maskdet.evaluation.errors import find_errors
from maskdet.evaluation.judging import (
    BACKGROUND,
    BADLY_PLACED,
    BOTH,
    CONFUSED,
    CROWD,
    DOUBLE,
    KINDS,
    PART,
    RIGHT,
    Objects,
    judge,
)
from maskdet.evaluation.mending import MENDABLE, MISSED
from maskdet.evaluation.report import evaluate_detections
from tests.evaluation.conftest import CAT, DOG, Listed, detections_of

BOX = [20, 20, 60, 60]
NEAR_BOX = [20, 24, 60, 64]  # IoU 0.82
BESIDE = [20, 40, 60, 80]  # IoU 1/3
FAR = [70, 70, 90, 90]


def kinds_of(objects, *rows):
    """Kinds of detections, from (box, class id, score), beside objects as in ``Listed``."""
    return judged(objects, *rows).kinds


def judged(objects, *rows):
    dataset, found = Listed().fill([objects]), detections_of(*rows)
    there = Objects.of(*dataset.load_boxes(0), dataset.load_difficult(0))
    return judge(found.boxes, found.class_ids, found.scores, there)


# ---- kinds ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("box", "class_id", "kind", "target"),
    [
        (BOX, CAT, RIGHT, 1),
        (NEAR_BOX, CAT, RIGHT, 1),
        (NEAR_BOX, DOG, CONFUSED, 1),
        (BESIDE, CAT, BADLY_PLACED, 1),
        (BESIDE, DOG, BOTH, 1),
        (FAR, CAT, BACKGROUND, -1),
        ([20, 56, 60, 96], CAT, BACKGROUND, -1),  # IoU 0.05
    ],
)
def test_a_lone_detection(box, class_id, kind, target):
    judgement = judged([([0, 0, 9, 9], DOG), (BOX, CAT)], (box, class_id, 0.9))
    assert (judgement.kinds, judgement.targets.tolist()) == ([kind], [target])


@pytest.mark.parametrize(
    ("width", "kind"),
    [(0.49, BADLY_PLACED), (0.51, RIGHT), (0.11, BADLY_PLACED), (0.09, BACKGROUND)],
)
def test_the_limits_are_those_of_the_paper(width, kind):
    # The detection is the larger one, so that it is no part.
    assert kinds_of([([0, 0, 100, 100 * width], CAT)], ([0, 0, 100, 100], CAT, 0.9)) == [kind]


def test_the_better_of_two_on_one_object_is_right_the_other_double():
    judgement = judged([(BOX, CAT)], (NEAR_BOX, CAT, 0.6), (BOX, CAT, 0.5), (BOX, CAT, 0.7))
    assert judgement.kinds == [DOUBLE, DOUBLE, RIGHT]
    assert judgement.targets.tolist() == [0, 0, 0]
    # In the place of an object of its own class a detection is no confusion with another there.
    assert kinds_of([(BOX, CAT), (BOX, DOG)], (BOX, CAT, 0.9), (BOX, CAT, 0.8)) == [RIGHT, DOUBLE]


def test_of_two_objects_a_detection_takes_the_nearer():
    lower, upper = [20, 40, 60, 80], [20, 45, 60, 85]
    for objects, nearest in (((lower, upper), 0), ((upper, lower), 1)):
        found = [20, 41, 60, 81]
        judgement = judged([(box, CAT) for box in objects], (found, CAT, 0.9))
        assert judgement.targets.tolist() == [nearest]


def test_a_box_inside_a_larger_one_of_its_class_is_a_part_of_it():
    part = [22, 22, 40, 40]
    assert kinds_of([(BOX, CAT)], (part, CAT, 0.9)) == [PART]  # of an object, IoU 0.2
    assert kinds_of([], (part, CAT, 0.9), (BOX, CAT, 0.3)) == [PART, BACKGROUND]  # of a detection
    # Nine tenths suffice, less does not.
    for left, kind in ((18, PART), (16, BADLY_PLACED)):
        edge = [22, left, 42, left + 20]
        assert kinds_of([(BOX, CAT)], (edge, CAT, 0.9)) == [kind]


def test_what_lies_inside_and_is_no_part():
    part = [22, 22, 40, 40]
    # An object of its own.
    assert kinds_of([(BOX, CAT), (part, CAT)], (BOX, CAT, 0.9), (part, CAT, 0.8)) == [RIGHT, RIGHT]
    # Inside one of another class: a cat on a dog.
    assert kinds_of([(BOX, DOG)], (part, CAT, 0.9)) == [BOTH]
    assert kinds_of([], (part, CAT, 0.9), (BOX, DOG, 0.8)) == [BACKGROUND, BACKGROUND]
    # The same box twice: neither is larger.
    assert kinds_of([], (part, CAT, 0.9), (part, CAT, 0.8)) == [BACKGROUND, BACKGROUND]


def test_detections_on_crowds_and_difficult_objects_count_neither_way():
    crowd = [40, 40, 90, 90]
    inside, double = [50, 50, 60, 60], [70, 70, 85, 85]
    rows = ((inside, CAT, 0.9), (double, CAT, 0.8), (inside, DOG, 0.7))
    assert kinds_of([(crowd, -CAT)], *rows) == [CROWD, CROWD, BACKGROUND]
    judgement = judged([(BOX, CAT, "difficult")], (BOX, CAT, 0.9), (BOX, DOG, 0.8))
    assert judgement.kinds == [CROWD, BACKGROUND]
    assert judgement.targets.tolist() == [-1, -1]
    # An object that counts goes before the crowd around it.
    assert kinds_of([(crowd, -CAT), (inside, CAT)], (inside, CAT, 0.9)) == [RIGHT]


# ---- counts -----------------------------------------------------------------------------------
def test_counts_by_kind_and_class():
    dataset = Listed().fill([[(BOX, CAT), (FAR, DOG)], [(BOX, DOG)], [(FAR, -CAT)]])
    answers = [
        detections_of((BOX, CAT, 0.9), (NEAR_BOX, CAT, 0.8), (FAR, CAT, 0.7)),
        detections_of((FAR, DOG, 0.6), (BOX, DOG, 0.4)),
        detections_of((FAR, CAT, 0.9)),
    ]
    errors = find_errors(dataset, answers)
    assert errors.objects == {"cat": 1, "dog": 2}
    counts = {kind: n for kind, n in errors.counts.items() if any(n.values())}
    assert counts == {
        RIGHT: {"cat": 1, "dog": 0},
        DOUBLE: {"cat": 1, "dog": 0},
        CONFUSED: {"cat": 1, "dog": 0},
        BACKGROUND: {"cat": 0, "dog": 1},
        CROWD: {"cat": 1, "dog": 0},
        MISSED: {"cat": 0, "dog": 1},  # the one of the second image; the first one's is confused
    }
    assert errors.total(CONFUSED) == 1
    # What scores low is not there, unless it is asked for.
    lower = find_errors(dataset, answers, min_score=0.4)
    assert (lower.total(MISSED), lower.counts[RIGHT]["dog"]) == (0, 1)
    chosen = find_errors(dataset, answers[1:2], image_ids=[1])
    assert (chosen.objects, chosen.total(MISSED)) == ({"cat": 0, "dog": 1}, 1)
    with pytest.raises(UsageError, match="3 images but 1 detections"):
        find_errors(dataset, answers[:1])


def test_classes_are_the_same_where_their_names_are():
    dataset, own = Listed().fill([[(BOX, CAT)]]), detections_of((BOX, CAT, 0.9))
    turned = replace(own, class_names=("BG", "dog", "cat"), class_ids=np.array([2]))
    assert find_errors(dataset, [turned]) == find_errors(dataset, [own])


def test_a_badly_placed_detection_is_no_missed_object_a_part_is():
    dataset = Listed().fill([[(BOX, CAT)]])
    assert find_errors(dataset, [detections_of((BESIDE, CAT, 0.9))]).total(MISSED) == 0
    for box, class_id in (([22, 22, 40, 40], CAT), (BESIDE, DOG), (FAR, CAT)):
        assert find_errors(dataset, [detections_of((box, class_id, 0.9))]).total(MISSED) == 1


# ---- gains ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ((BESIDE, CAT), BADLY_PLACED),
        ((BOX, DOG), CONFUSED),
    ],
)
def test_mended_detections_find_their_objects(wrong, kind):
    dataset = Listed().fill([[(BOX, CAT)], [(FAR, CAT)], [(FAR, DOG)]])
    answers = [detections_of((*wrong, 0.9)), detections_of((FAR, CAT, 0.8))]
    answers.append(detections_of((FAR, DOG, 0.95)))
    errors = find_errors(dataset, answers)
    assert errors.ap50 == pytest.approx(coco_ap(dataset, answers).ap50)
    assert errors.ap50 + errors.gains[kind] == pytest.approx(1)


def test_of_several_on_one_object_the_best_alone_is_mended():
    # Two objects, one of them missed: recall ends at 1/2.
    dataset = Listed().fill([[(BOX, CAT)], [(FAR, CAT)]])
    half = pytest.approx(51 / 101)
    other = [20, 0, 60, 40]  # IoU 1/3 from the other side
    # Neither the second of two badly placed ones is right then, nor one beside a right one.
    for first in (BESIDE, BOX):
        answers = [detections_of((first, CAT, 0.9), (other, CAT, 0.8)), detections_of()]
        errors = find_errors(dataset, answers)
        assert errors.ap50 + errors.gains[BADLY_PLACED] == half
    # The better one is mended: it stands before the wrong one in rank.
    answers = [detections_of((other, CAT, 0.7), (BESIDE, CAT, 0.9)), detections_of((BOX, CAT, 0.8))]
    errors = find_errors(dataset, answers)
    assert errors.ap50 + errors.gains[BADLY_PLACED] == half


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ((FAR, CAT), BACKGROUND),
        ((NEAR_BOX, CAT), DOUBLE),
        (([22, 22, 40, 40], CAT), PART),
    ],
)
def test_what_is_taken_away_when_it_is_mended(wrong, kind):
    # Ranked: right, wrong, right: precision 1 up to recall 1/2, then 2/3.
    dataset = Listed().fill([[(BOX, CAT)], [(FAR, CAT)]])
    answers = [detections_of((BOX, CAT, 0.9), (*wrong, 0.8)), detections_of((FAR, CAT, 0.7))]
    errors = find_errors(dataset, answers)
    gains = dict.fromkeys(MENDABLE, 0.0) | {kind: 1 - (51 + 50 * 2 / 3) / 101}
    assert errors.gains == pytest.approx(gains)


def test_missed_objects_cost_their_recall():
    dataset = Listed().fill([[(BOX, CAT), (FAR, CAT)], [(BOX, DOG)]])
    errors = find_errors(dataset, [detections_of((BOX, CAT, 0.9)), detections_of()])
    assert errors.ap50 == pytest.approx(51 / 101 / 2)
    assert errors.ap50 + errors.gains[MISSED] == pytest.approx(1)


def test_gains_are_of_all_detections_whatever_their_score():
    dataset = Listed().fill([[(BOX, CAT)]])
    errors = find_errors(dataset, [detections_of((FAR, CAT, 0.4), (BOX, CAT, 0.3))])
    assert (errors.total(RIGHT), errors.total(BACKGROUND), errors.total(MISSED)) == (0, 0, 1)
    assert (errors.ap50, errors.gains[BACKGROUND]) == pytest.approx((0.5, 0.5))


# ---- whatever there is ------------------------------------------------------------------------
corners = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 12)] * 2)
boxes = corners.map(lambda c: [8 * c[0], 8 * c[1], 8 * (c[0] + c[2]), 8 * (c[1] + c[3])])
things = st.one_of(
    st.tuples(boxes, st.sampled_from([CAT, DOG, -CAT])),
    st.tuples(boxes, st.sampled_from([CAT, DOG]), st.just("difficult")),
)
found = st.tuples(boxes, st.sampled_from([CAT, DOG]), st.integers(1, 20).map(lambda n: n / 20))
images = st.lists(
    st.tuples(st.lists(things, max_size=5), st.lists(found, max_size=8)), min_size=1, max_size=3
)


@pytest.mark.hypothesis
@given(images)
def test_every_detection_has_one_kind_and_counts_add_up(images):
    dataset = Listed().fill([objects for objects, _ in images])
    answers = [detections_of(*rows) for _, rows in images]
    errors = find_errors(dataset, answers)
    rows = [row for _, rows in images for row in rows if np.float32(row[2]) >= 0.5]
    for class_id, name in ((CAT, "cat"), (DOG, "dog")):
        judged_ones = sum(errors.counts[kind][name] for kind in KINDS)
        assert judged_ones == len([row for row in rows if row[1] == class_id])
        assert errors.counts[RIGHT][name] + errors.counts[MISSED][name] <= errors.objects[name]
    mendable = errors.total(CONFUSED) + errors.total(BADLY_PLACED)
    assert errors.total(RIGHT) + errors.total(MISSED) + mendable >= sum(errors.objects.values())


@pytest.mark.hypothesis
@given(images)
def test_ap_is_cocos_and_no_mending_makes_it_worse(images):
    dataset = Listed().fill([objects for objects, _ in images])
    answers = [detections_of(*rows) for _, rows in images]
    errors = find_errors(dataset, answers)
    assert errors.ap50 == pytest.approx(coco_ap(dataset, answers).ap50, nan_ok=True)
    if not np.isnan(errors.ap50):
        for gain in errors.gains.values():
            assert -1e-9 <= gain <= 1 - errors.ap50 + 1e-9


# ---- the report -------------------------------------------------------------------------------
def test_an_evaluation_tells_its_errors_on_request():
    dataset = Listed().fill([[(BOX, CAT), (FAR, DOG)]])
    evaluation = evaluate_detections(
        dataset, [detections_of((BOX, CAT, 0.9), (NEAR_BOX, CAT, 0.8))]
    )
    assert evaluation.errors == find_errors(
        dataset, [detections_of((BOX, CAT, 0.9), (NEAR_BOX, CAT, 0.8))]
    )
    assert evaluation.table(errors=True) == f"{evaluation.table()}\n\n{evaluation.errors.table()}"
    assert "background" not in evaluation.table()
    facts = json.loads(json.dumps(evaluation.to_dict()["errors"]))
    assert facts["counts"][DOUBLE] == {"cat": 1, "dog": 0}
    assert facts["gains"][MISSED] == pytest.approx(0.5)
    assert (facts["min_score"], facts["objects"]) == (0.5, {"cat": 1, "dog": 1})


def test_the_table():
    dataset = Listed().fill([[(BOX, CAT), (FAR, DOG)]])
    errors = find_errors(dataset, [detections_of((BOX, CAT, 0.9), (NEAR_BOX, CAT, 0.8))])
    lines = [line.split() for line in errors.table().splitlines()]
    assert lines[0] == "right confused place both double part crowd background missed".split()
    assert lines[1] == ["all", "classes", *"1 0 0 0 1 0 0 0 1".split()]
    assert lines[2] == ["cat", *"1 0 0 0 1 0 0 0 0".split()]
    assert lines[3] == ["dog", *"0 0 0 0 0 0 0 0 1".split()]
    # Neither right ones nor those on crowds can be mended.
    assert lines[4] == ["AP50", "gain", *["+0.000"] * 5, "+0.000", "+0.500"]
    assert errors.table().splitlines()[5].startswith("box AP50 0.500 and gains")
