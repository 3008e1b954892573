"""Promise: the photos that come first are those that the network is unsure of and that are unlike
all that is labelled or comes before them; the rule is the one that is written down."""

import numpy as np
import pytest

from maskdet.tasks.detection.usefulness import FARTHEST, FLOOR, pooled, ranked, uncertainty


def directions(*degrees):
    """Features of length 1, as angles in a plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], 0.2),  # it may hide one of 0.1
        ([1.0], 0.2),
        ([0.5], 1.2),
        ([0.25, 0.75], 1.2),
        ([0.99, 0.5, 0.3], 0.02 + 1.0 + 0.6 + 0.2),
        ([0.05, 0.09], 0.2),  # too faint to count
    ],
)
def test_uncertainty_by_hand(scores, expected):
    assert uncertainty(scores) == pytest.approx(expected)
    assert FLOOR == 0.1


def test_the_first_is_the_one_the_network_is_least_sure_of():
    order, unlikeness = ranked([0.3, 2.0, 1.0], directions(0, 50, 90))
    assert order[0] == 1
    assert unlikeness[1] == FARTHEST


def test_an_order_by_hand():
    # 60 and 70 degrees are near each other; the second of them has to wait for 0, although the
    # network is surer there.
    order, unlikeness = ranked([1.0, 1.5, 1.4], directions(0, 60, 70))
    assert order.tolist() == [1, 0, 2]
    assert unlikeness == pytest.approx([1.0, FARTHEST, 2 * np.sin(np.radians(5))], abs=1e-3)


def test_what_is_like_a_labelled_photo_comes_last_however_unsure():
    order, unlikeness = ranked([9.0, 0.2, 0.3], directions(30, 31, 90), directions(30))
    assert order.tolist() == [2, 1, 0]
    assert unlikeness[0] == 0


def test_of_two_alike_the_second_waits_until_the_end():
    order, _ = ranked([1.0, 1.0, 0.2, 0.2], directions(0, 0, 45, 90))
    assert order.tolist() == [0, 3, 2, 1]


@pytest.mark.parametrize("seed", range(25))
def test_every_order_keeps_the_rule(seed):
    draws = np.random.default_rng(seed)
    count, known = int(draws.integers(1, 30)), int(draws.integers(0, 6))
    features = np.abs(draws.normal(size=(count + known, 8))).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    photos, labelled = features[:count], features[count:]
    if known:
        photos[-1] = labelled[0]
    weights = 0.2 + draws.random(count)
    order, unlikeness = ranked(weights, photos, labelled)
    assert sorted(order.tolist()) == list(range(count))
    if known:
        assert order[-1] == count - 1
    before = list(labelled)
    for place, row in enumerate(order.tolist()):
        # The rule, slowly: the largest product of uncertainty and distance to the nearest.
        distances = {
            other: min(
                (float(np.linalg.norm(photos[other] - point)) for point in before),
                default=FARTHEST,
            )
            for other in order[place:].tolist()
        }
        use = {other: weights[other] * distance for other, distance in distances.items()}
        assert use[row] == pytest.approx(max(use.values()), rel=1e-3, abs=1e-3)
        assert unlikeness[row] == pytest.approx(distances[row], abs=1e-3)
        before.append(photos[row])


def test_each_photo_that_has_its_place_is_told():
    places = []
    features = np.eye(3, dtype=np.float32)
    order, _ = ranked([1, 3, 2], features, each=lambda: places.append(len(places)))
    assert order.tolist() == [1, 2, 0] and places == [0, 1, 2]


def test_no_photos_and_no_labels():
    for labelled in (None, np.zeros((0, 4)), np.ones((2, 4))):
        order, unlikeness = ranked([], np.zeros((0, 4)), labelled)
        assert order.shape == unlikeness.shape == (0,)


def test_a_feature_is_that_of_the_photo_not_of_the_padding():
    maps = np.full((4, 8, 2), 100.0, np.float32)  # what padding gives
    maps[1:3, 2:6] = [3.0, 4.0]
    feature = pooled(maps, (64, 128, 192, 384), (256, 512))
    assert feature.tolist() == pytest.approx([0.6, 0.8], abs=1e-3)
    assert (feature == feature.astype(np.float16)).all()
    assert pooled(np.zeros((2, 2, 3)), (0, 0, 64, 64), (64, 64)).tolist() == [0, 0, 0]
    # A photo thinner than a cell.
    assert np.isfinite(pooled(maps, (127, 0, 128, 512), (256, 512))).all()
