"""Guards: anchors fitted to boxes cover them, rare kinds too, and stand where levels have cells."""

import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.geometry import pairwise_iou
from maskdet.geometry.anchor_fit import anchor_overlaps, best_overlaps, fit_shapes
from maskdet.geometry.anchors import generate_anchors

STRIDES = [8, 16, 32, 64]


def boxes_about(*kinds, count=200, spread=0.1):
    """Heights and widths (N, 2) around each kind's."""
    rng = np.random.default_rng(0)
    factors = np.exp(rng.normal(0, spread, (len(kinds), count, 2)))
    return (np.array(kinds, dtype=float)[:, None] * factors).reshape(-1, 2)


# ---- overlaps ---------------------------------------------------------------------------------
def test_centred_overlaps_by_hand():
    overlaps = anchor_overlaps([[10, 10], [20, 5]], [10, 20], [1, 4])
    assert overlaps.shape == (2, 2, 2)
    # Of scale 10 and ratio 4: 5 high, 20 wide.
    square, wide = 50 / (100 + 100 - 50), 25 / (100 + 100 - 25)
    np.testing.assert_allclose(overlaps[:, 0], [[1, 50 / 150], [square, wide]])
    np.testing.assert_allclose(overlaps[0, 1], [100 / 400, 100 / 400])
    np.testing.assert_allclose(best_overlaps([[10, 10], [20, 5]], [10, 20], [1, 4]), [1, square])


def test_a_coarse_level_costs_what_its_grid_costs():
    # Against the anchors of a level themselves, with boxes all over the middle of an image.
    side, stride = 512, 32
    anchors = generate_anchors(60, [1.7], (side // stride, side // stride), stride)
    places = np.arange(128, 256, 2.0) + 1
    y, x = (grid.ravel() for grid in np.meshgrid(places, places))
    boxes = np.stack([y - 20, x - 35, y + 20, x + 35], axis=1)
    expected = pairwise_iou(boxes, anchors).max(axis=1).mean()
    [[[overlap]]] = anchor_overlaps([[40, 70]], [60], [1.7], [stride])
    assert overlap == pytest.approx(expected, abs=0.02)
    assert anchor_overlaps([[40, 70]], [60], [1.7])[0, 0, 0] > overlap + 0.1


# ---- the fit ----------------------------------------------------------------------------------
def test_each_kind_of_box_gets_its_anchor():
    kinds = ((16, 16), (40, 40), (90, 90), (200, 200))
    scales, ratios = fit_shapes(boxes_about(*kinds), 4, 1, [2, 4, 8, 16])
    np.testing.assert_allclose(scales, [16, 40, 90, 200], rtol=0.15)
    assert ratios == [pytest.approx(1, abs=0.1)]


def test_wide_boxes_get_wide_anchors_and_tall_ones_tall_anchors():
    _, ratios = fit_shapes(boxes_about((30, 90), spread=0.05), 4, 3, [4, 8, 16, 32])
    assert ratios == sorted(ratios) and min(ratios) > 1.5
    scales, ratios = fit_shapes(boxes_about((90, 30), (30, 90), spread=0.02), 1, 2)
    np.testing.assert_allclose(scales, [52], atol=3)
    np.testing.assert_allclose(ratios, [1 / 3, 3], rtol=0.1)


def test_it_is_better_than_quantiles_and_common_anchors():
    boxes = boxes_about((20, 20), (50, 55), (60, 45), (100, 140), spread=0.25)
    scales, ratios = fit_shapes(boxes, 4, 3, STRIDES)
    fitted = best_overlaps(boxes, scales, ratios, STRIDES).mean()
    sizes = np.sqrt(boxes.prod(axis=1))
    quantiles = np.quantile(sizes, [0.125, 0.375, 0.625, 0.875])
    for others in (quantiles, (32, 64, 128, 224)):
        assert fitted > best_overlaps(boxes, others, [0.5, 1, 2], STRIDES).mean() + 0.02


def test_small_boxes_are_left_to_the_levels_that_have_cells_for_them():
    scales, _ = fit_shapes(boxes_about((24, 24)), 4, 1, STRIDES)
    assert abs(scales[0] - 24) < 4
    # Shapes alone would crowd all four around 24 px, where the coarse levels have holes.
    assert scales[3] > 1.2 * scales[0]
    alone, _ = fit_shapes(boxes_about((24, 24)), 4, 1)
    assert max(alone) < 34


def test_weights_speak_for_a_rare_kind():
    boxes = np.concatenate([boxes_about((55, 55), count=900), boxes_about((20, 20), count=60)])
    rare = np.arange(len(boxes)) >= 900
    by_number = fit_shapes(boxes, 4, 1, STRIDES)
    alike = fit_shapes(boxes, 4, 1, STRIDES, np.where(rare, 1 / 60, 1 / 900))
    rare_ones = [best_overlaps(boxes[rare], *fit, STRIDES).mean() for fit in (by_number, alike)]
    assert rare_ones[1] > rare_ones[0] + 0.1


def test_what_comes_out():
    for boxes in ([[30, 30]], [[3, 3]] * 5, [[2, 90], [90, 2], [1000, 1000]]):
        scales, ratios = fit_shapes(boxes, 5, 3, [4, 8, 16, 32, 64])
        assert len(scales) == 5 and len(ratios) == 3
        assert all(isinstance(scale, int) for scale in scales) and scales[0] >= 4
        assert scales == sorted(set(scales)) and ratios == sorted(ratios)
        assert 0.12 <= min(ratios) and max(ratios) <= 8
        assert (scales, ratios) == fit_shapes(boxes, 5, 3, [4, 8, 16, 32, 64])


def test_boxes_without_area_are_left_out():
    sides = boxes_about((30, 40), count=20)
    assert fit_shapes([*sides, [0, 20]], 4, 3, STRIDES) == fit_shapes(sides, 4, 3, STRIDES)
    for nothing in ([], [[0, 20], [20, 0]]):
        with pytest.raises(UsageError, match="there is none; give a set with objects"):
            fit_shapes(nothing, 4)
