"""Guards: the photos that are shown as the worst are those whose errors cost most."""

import numpy as np
import pytest

from maskdet.evaluation.by_image import best_images, errors_by_image, worst_images
from maskdet.evaluation.errors import find_errors, objects_of
from tests.evaluation.conftest import CAT, DOG, Listed, detections_of

BOX, BESIDE, FAR = [20, 20, 60, 60], [20, 40, 60, 80], [70, 70, 90, 90]
IMAGES = [
    ([(BOX, CAT)], [(BOX, CAT, 0.9)]),  # right
    ([(BOX, CAT), (FAR, DOG)], [(BOX, CAT, 0.8), (FAR, DOG, 0.8)]),  # twice right
    ([(BOX, CAT), (FAR, CAT)], [(BESIDE, DOG, 0.4)]),  # both missed; too unsure to count
    ([(BOX, DOG, "difficult"), (FAR, DOG)], [(FAR, DOG, 0.95), (BOX, CAT, 0.7)]),  # background
    ([], []),
    ([(BOX, CAT)], [(BESIDE, CAT, 0.9), ([0, 0, 9, 9], CAT, 0.6)]),  # badly placed, background
]


@pytest.fixture(scope="module")
def judged():
    dataset = Listed().fill([objects for objects, _ in IMAGES])
    found = [detections_of(*rows) for _, rows in IMAGES]
    errors = find_errors(dataset, found)
    return errors_by_image(found, objects_of(dataset, dataset.image_ids), errors), errors


def test_what_there_is_in_each(judged):
    images, _ = judged
    assert [list(image.kinds) for image in images] == [
        ["right"],
        ["right", "right"],
        [],
        ["right", "background"],
        [],
        ["badly placed", "background"],
    ]
    assert [image.right for image in images] == [1, 2, 0, 1, 0, 0]
    assert [image.errors for image in images] == [0, 0, 2, 1, 0, 2]
    assert images[2].missed.tolist() == [True, True]
    assert images[3].missed.tolist() == [False, False]
    # Numbers count all objects of the photo, the difficult one too.
    assert images[3].targets.tolist() == [1, -1]
    assert images[2].all_kinds == {"missed"} and images[5].all_kinds == {
        "badly placed",
        "background",
    }


def test_an_error_costs_its_share_of_its_kind(judged):
    images, errors = judged
    price = {kind: max(0, gain) / max(1, errors.total(kind)) for kind, gain in errors.gains.items()}
    assert price["missed"] > 0 and price["badly placed"] > 0
    assert images[2].cost == pytest.approx(2 * price["missed"])
    assert images[5].cost == pytest.approx(price["badly placed"] + price["background"])
    assert [images[i].cost for i in (0, 1, 4)] == [0, 0, 0]
    spent = sum(image.cost for image in images)
    kinds = [kind for kind in errors.gains if errors.total(kind)]
    assert spent == pytest.approx(sum(max(0, errors.gains[kind]) for kind in kinds))


def test_the_worst_and_the_best(judged):
    images, _ = judged
    costs = [image.cost for image in worst_images(images, 9)]
    assert costs == sorted(costs, reverse=True)
    assert {image.number for image in worst_images(images, 9)} == {2, 3, 5}
    assert len(worst_images(images, 1)) == 1
    assert [image.number for image in best_images(images, 9)] == [1, 0]


def test_a_set_with_nothing_to_find_costs_nothing():
    dataset = Listed().fill([[], []])
    found = [detections_of((BOX, CAT, 0.9)), detections_of()]
    errors = find_errors(dataset, found)
    images = errors_by_image(found, objects_of(dataset, dataset.image_ids), errors)
    assert [image.cost for image in images] == [0, 0] and np.isnan(errors.ap50)
    assert [image.number for image in worst_images(images, 9)] == [0]
    assert best_images(images, 9) == []
