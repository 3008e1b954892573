"""Guards: without anchors an object is learnt by the few cells that predict it best, and by no
others; crowds teach nothing, padding is nothing."""

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maskdet.layers.dynamic_matching import DynamicTargets, cell_centres, dynamic_matches

SIDE = 10


def grid(rows, columns=None, side=SIDE):
    """Anchors of rows x columns cells: squares around the cells' upper left corners."""
    y, x = np.mgrid[:rows, : columns or rows].reshape(2, -1) * side
    half = side / 2
    return np.stack([y - half, x - half, y + half, x + half], axis=-1).astype("f4")


#: An object whose centre (25, 25) is that of cell (2, 2); nearer than 25 pixels are rows and
#: columns 0 .. 4 (centres 5 .. 45), not row 5 (55).
OBJECT = [15, 15, 35, 35]


def slices(overlaps, count=36, box=OBJECT):
    """What each cell predicts: a part of the box that has this IoU with it; elsewhere nothing."""
    predicted = np.zeros((count, 4), "f4")
    for cell, overlap in overlaps.items():
        y1, x1, y2, x2 = box
        predicted[cell] = [y1, x1, y1 + overlap * (y2 - y1), x2]
    return predicted


def matched(predicted, class_ids, boxes, costs=0.0, anchors=None):
    """Positive, negative, owner and overlap of one image's cells."""
    centres, sides = cell_centres(grid(6) if anchors is None else anchors)
    costs = np.broadcast_to(np.float32(costs), (1, 1, len(predicted)))
    ids, boxes = np.array([class_ids], "i4"), np.array([boxes], "f4")
    outputs = dynamic_matches(predicted[None], costs, centres, sides, ids, boxes)
    return [keras.ops.convert_to_numpy(output)[0] for output in outputs]


def positives(*arguments, **settings):
    return np.flatnonzero(matched(*arguments, **settings)[0]).tolist()


# ---- by hand -----------------------------------------------------------------------------------
def test_centres_and_sides_of_cells():
    centres, sides = cell_centres(np.concatenate([grid(1, 2, 8), grid(1, 2, 32)]))
    assert centres.tolist() == [[4, 4], [4, 12], [16, 16], [16, 48]]
    assert sides.tolist() == [8, 8, 32, 32]


@pytest.mark.parametrize(
    ("overlaps", "expected"),
    [
        pytest.param({7: 0.9, 14: 0.8, 8: 0.7, 13: 0.75}, [7, 13, 14], id="3.15 makes three"),
        pytest.param({7: 0.9, 14: 0.8, 8: 0.2, 13: 0.05}, [7], id="1.95 makes one"),
        pytest.param({7: 0.3, 14: 0.2}, [7], id="half of one makes one"),
    ],
)
def test_an_object_takes_as_many_cells_as_its_overlaps_add_up_to(overlaps, expected):
    assert positives(slices(overlaps), [1], [OBJECT]) == expected


def test_the_ten_best_overlaps_count():
    """Fifteen of 0.98 .. 0.70 are 12.6 together, the ten best of them 8.9."""
    cells = [row * 6 + column for row in range(3) for column in range(5)]
    overlaps = {cell: 0.98 - 0.02 * place for place, cell in enumerate(cells)}
    assert positives(slices(overlaps), [1], [OBJECT]) == cells[:8]


def test_cells_that_are_far_neither_learn_nor_count():
    """Cell 31 in row 5 is 30 pixels off: as sure as it is, it is not asked."""
    near_and_far = {14: 0.9, 7: 0.8, 31: 1.0, 5: 1.0}
    assert positives(slices(near_and_far), [1], [OBJECT]) == [14]  # 0.9 + 0.8: one
    assert 31 not in positives(slices({31: 1.0}), [1], [OBJECT])


def test_a_cell_of_a_coarser_level_is_near_from_further_away():
    """A cell of 40 pixels reaches 100: (20, 100) is near (25, 25), which one of 10 is not."""
    anchors = np.concatenate([grid(6), grid(3, side=40)])
    predicted = slices({36 + 2: 0.9, 11: 0.95}, 45)
    assert positives(predicted, [1], [OBJECT], anchors=anchors) == [38]


def test_what_else_a_cell_costs_is_weighed_against_its_overlap():
    """An overlap of 0.5 costs 3 ln(0.9 / 0.5) = 1.76 more than one of 0.9."""
    predicted, dear = slices({7: 0.9, 14: 0.5}), np.zeros(36)
    dear[7] = 1.7
    assert positives(predicted, [1], [OBJECT], costs=dear) == [7]
    dear[7] = 1.8
    assert positives(predicted, [1], [OBJECT], costs=dear) == [14]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_cell_that_two_want_learns_the_one_that_costs_it_less(order):
    """Cell 14 overlaps the object by 0.9 and its lower half, another object, by 5/9."""
    objects = np.array([OBJECT, [15, 15, 25, 35]])[list(order)]
    _, _, owner, overlap = matched(slices({14: 0.9}), [1, 1], objects)
    assert owner[14] == order.index(0)
    assert overlap[14] == pytest.approx(0.9)
    assert matched(slices({14: 0.9}), [1, 1], objects)[0].sum() == 1


def test_each_of_two_apart_learns_its_own():
    other = [15, 65, 35, 85]  # its centre is that of cell (2, 7) of nine columns
    predicted = slices({20: 0.9}, 54) + slices({25: 0.6}, 54, other)
    positive, negative, owner, overlap = matched(
        predicted, [2, 1], [OBJECT, other], anchors=grid(6, 9)
    )
    assert np.flatnonzero(positive).tolist() == [20, 25]
    assert owner[[20, 25]].tolist() == [0, 1]
    np.testing.assert_allclose(overlap[[20, 25]], [0.9, 0.6], rtol=1e-5)
    np.testing.assert_array_equal(negative, ~positive)


def test_cells_on_a_crowd_are_neither():
    """Those that predict a thousandth of it; the others are background."""
    predicted = slices({7: 0.9, 14: 0.002, 8: 0.0005})
    positive, negative, *_ = matched(predicted, [-1], [OBJECT])
    assert not positive.any()
    assert np.flatnonzero(~negative).tolist() == [7, 14]


def test_an_object_on_a_crowd_is_learnt():
    positive, negative, owner, _ = matched(
        slices({7: 0.9, 14: 0.8}), [-1, 1], [[0, 0, 60, 60], OBJECT]
    )
    assert np.flatnonzero(positive).tolist() == [7] and owner[7] == 1
    assert not negative[[7, 14]].any()  # 14 is on the crowd


@pytest.mark.parametrize("class_ids", [[0], [0, 0, 0]])
def test_padding_is_nothing(class_ids):
    boxes = [[0, 0, 0, 0]] * len(class_ids)
    positive, negative, _, overlap = matched(slices({7: 0.9}), class_ids, boxes)
    assert not positive.any() and negative.all() and np.isfinite(overlap).all()


# ---- against loops -----------------------------------------------------------------------------
def iou(first, second):
    height = min(first[2], second[2]) - max(first[0], second[0])
    width = min(first[3], second[3]) - max(first[1], second[1])
    inter = max(height, 0.0) * max(width, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return inter / (sum(areas) - inter) if sum(areas) > inter else 0.0


def by_loops(predicted, costs, anchors, class_ids, boxes):
    """Owner of each cell: an object's number, -1 background, -2 neither."""
    wishes = [[] for _ in anchors]
    for number, (kind, box) in enumerate(zip(class_ids, boxes, strict=True)):
        if kind <= 0:
            continue
        near = []
        for cell, anchor in enumerate(anchors):
            side = anchor[2] - anchor[0]
            y, x = anchor[2] - (box[0] + box[2]) / 2, anchor[3] - (box[1] + box[3]) / 2
            if max(abs(y), abs(x)) < 2.5 * side:
                overlap = iou(predicted[cell], box)
                near.append((costs[cell] - 3 * np.log(max(overlap, 1e-8)), cell, overlap))
        total = sum(sorted((overlap for *_, overlap in near), reverse=True)[:10])
        near, count = sorted(near), min(10, max(1, int(total)))
        # Else rounding decides.
        assume(abs(total - round(total)) > 1e-4)
        assume(len(near) <= count or near[count][0] - near[count - 1][0] > 1e-4)
        for cost, cell, _ in near[:count]:
            wishes[cell].append((cost, number))
    owners = np.full(len(anchors), -1)
    for cell, wanted in enumerate(wishes):
        if wanted:
            owners[cell] = min(wanted)[1]
        elif any(
            kind < 0 and iou(predicted[cell], box) >= 0.001
            for kind, box in zip(class_ids, boxes, strict=True)
        ):
            owners[cell] = -2
    return owners


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    class_ids=st.lists(st.sampled_from([1, 1, 1, 2, -1, 0]), min_size=1, max_size=6),
    noise=st.sampled_from([1.0, 6.0, 20.0]),
)
def test_matches_are_those_of_loops(seed, class_ids, noise):
    draws = np.random.default_rng(seed)
    anchors = np.concatenate([grid(8, side=8), grid(4, side=16), grid(2, side=32)])
    corners = draws.uniform(-5, 55, (len(class_ids), 2))
    boxes = np.concatenate([corners, corners + draws.uniform(4, 40, corners.shape)], axis=1)
    boxes = boxes.astype("f4")
    # Each cell predicts one of the objects, more or less well.
    near = boxes[draws.integers(0, len(boxes), len(anchors))]
    predicted = near + draws.normal(0, noise, (len(anchors), 4)).astype("f4")
    low, high = np.minimum(predicted[:, :2], predicted[:, 2:]), predicted[:, 2:] + 0.5
    predicted = np.concatenate([low, np.maximum(low + 0.5, high)], axis=1)
    costs = draws.uniform(0, 5, len(anchors)).astype("f4")
    expected = by_loops(*(a.astype(float) for a in (predicted, costs, anchors)), class_ids, boxes)
    positive, negative, owner, overlap = matched(
        predicted, class_ids, boxes, costs=costs, anchors=anchors
    )
    found = np.where(positive, owner, np.where(negative, -1, -2))
    np.testing.assert_array_equal(found, expected)
    for cell in np.flatnonzero(positive):
        assert overlap[cell] == pytest.approx(iou(predicted[cell], boxes[owner[cell]]), abs=1e-4)


# ---- the layer ---------------------------------------------------------------------------------
def targets(layer, predicted, logits, class_ids, boxes):
    inputs = [predicted[None], logits[None], np.array([class_ids], "i4")]
    outputs = layer([*inputs, np.array([boxes], "f4")])
    return [keras.ops.convert_to_numpy(output)[0] for output in outputs]


def test_targets_of_cells_by_hand():
    predicted, logits = slices({7: 0.9, 14: 0.8, 8: 0.7}), np.zeros(36, "f4")
    crowd = [0, 45, 10, 55]
    predicted[5] = crowd
    match, boxes, overlap = targets(
        DynamicTargets(grid(6)), predicted, logits, [1, -1, 0], [OBJECT, crowd, [0] * 4]
    )
    assert match[[5, 7]].tolist() == [0, 1] and sorted(match) == [-1] * 33 + [0] + [1] * 2
    assert boxes[7].tolist() == OBJECT and not boxes[match != 1].any()
    assert overlap[7] == pytest.approx(0.9) and not overlap[match != 1].any()


def test_a_cell_that_is_sure_of_no_object_is_asked_last():
    """A logit of -4 costs ln(1 + e^4) = 4.02 beside 0.69; 3 ln(0.9 / 0.5) = 1.76."""
    predicted, logits = slices({7: 0.9, 14: 0.5}), np.zeros(36, "f4")
    layer = DynamicTargets(grid(6))
    match = targets(layer, predicted, logits, [1], [OBJECT])[0]
    assert np.flatnonzero(match == 1).tolist() == [7]
    logits[7] = -4
    match = targets(layer, predicted, logits, [1], [OBJECT])[0]
    assert np.flatnonzero(match == 1).tolist() == [14]


def test_a_layer_comes_back_from_its_config():
    layer = DynamicTargets(grid(6), name="rpn_targets")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.name == "rpn_targets"
    np.testing.assert_array_equal(again.anchors, layer.anchors)
