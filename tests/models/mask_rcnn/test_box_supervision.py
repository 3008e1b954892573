"""Guards: a box alone teaches a mask what a box says, no more: its shadows and its colours."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from skimage.color import rgb2lab

from maskdet.layers.colours import lab
from maskdet.models.mask_rcnn import losses
from maskdet.models.mask_rcnn.box_supervision import (
    RoiColours,
    WideRois,
    inside_boxes,
    marked,
    outside_losses,
    projection_losses,
    unmarked,
)
from maskdet.models.mask_rcnn.colour_field import CONTEXT_SHAPE, context_boxes

SHAPE = (6, 8)


def array(value):
    return np.asarray(ops.convert_to_numpy(value))


# ---- colours ---------------------------------------------------------------------------------
def test_colours_are_those_of_the_field_s_library():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3))
    pixels[:4] = [[0, 0, 0], [255, 255, 255], [3, 2, 9], [128, 128, 128]]
    expected = rgb2lab(pixels[None].astype(np.uint8))[0]
    np.testing.assert_allclose(array(lab(pixels.astype(np.float32))), expected, atol=0.02)
    # What interpolation leaves outside 0..255 is no colour beyond black and white.
    np.testing.assert_allclose(array(lab(np.float32([[-9, -9, -9]])))[0], [0, 0, 0], atol=1e-3)


def test_cells_have_the_colours_under_them_whatever_the_scaling():
    image = np.random.default_rng(1).integers(0, 256, (1, 20, 20, 3)).astype(np.float32)
    mean, std = (120.0, 110.0, 100.0), 50.0
    # Rows 4 .. 9 and columns 2 .. 9: a cell is a pixel.
    roi = np.float32([[[4 / 19, 2 / 19, 9 / 19, 9 / 19]]])
    colours = RoiColours(SHAPE, mean, std)([roi, (image - mean) / std])
    assert colours.shape == (1, 1, *SHAPE, 3)
    expected = rgb2lab(image[0, 4:10, 2:10].astype(np.uint8))
    np.testing.assert_allclose(array(colours)[0, 0], expected, atol=0.1)


def test_large_rois_read_means_so_that_noise_is_not_taken_for_edges():
    image = np.random.default_rng(2).normal(128, 40, (1, 256, 256, 3)).astype(np.float32)
    roi = np.float32([[[0, 0, 1, 1]]])
    colours = array(RoiColours((32, 32), (0, 0, 0), 1.0)([roi, image]))[0, 0]
    # A cell is 8 x 8 pixels, of which the mean has an eighth of the deviation.
    assert colours[..., 0].std() < 3 < rgb2lab(np.clip(image[0], 0, 255) / 255)[..., 0].std()


@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_other_channels_have_colours_too(channels):
    image = np.full((1, 20, 20, channels), 128, np.float32)
    roi = np.float32([[[0, 0, 1, 1]]])
    colours = array(RoiColours(SHAPE, [0] * channels, 1.0)([roi, image]))
    np.testing.assert_allclose(colours[0, 0, 0, 0], rgb2lab(np.full((1, 1, 3), 128 / 255))[0, 0],
                               atol=0.05)  # fmt: skip


# ---- RoIs ------------------------------------------------------------------------------------
sides = st.floats(0, 1).map(np.float32)
boxes = st.tuples(sides, sides, sides, sides).map(
    lambda b: [min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]) + 0.01, max(b[1], b[3]) + 0.01]
)


@given(st.lists(st.tuples(boxes, boxes), min_size=1, max_size=5), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_a_wide_roi_holds_roi_and_box_and_no_more_than_the_margin(pairs, seed):
    rois = np.clip(np.float32([[roi for roi, _ in pairs]]), 0, 1)
    own = np.clip(np.float32([[box for _, box in pairs]]), 0, 1)
    wide = array(WideRois(0.3, seed)([rois, own, np.zeros(rois.shape[:2], np.float32)]))
    low, high = np.minimum(rois, own)[..., :2], np.maximum(rois, own)[..., 2:]
    reach = 0.3 * (own[..., 2:] - own[..., :2]) + 1e-5
    assert (wide[..., :2] <= low + 1e-6).all() and (wide[..., 2:] >= high - 1e-6).all()
    # TensorFlow takes the smallest numbers for 0.
    assert (wide[..., :2] >= np.minimum(low, own[..., :2] - reach).clip(0) - 1e-6).all()
    assert (wide[..., 2:] <= np.maximum(high, own[..., 2:] + reach).clip(None, 1) + 1e-6).all()


def test_rois_of_objects_with_an_outline_and_padding_stay_to_the_bit():
    rois = np.float32([[[0.2, 0.2, 0.4, 0.5], [0, 0, 0, 0], [0.3, 0.3, 0.6, 0.6]]])
    own = np.float32([[[0.21, 0.2, 0.4, 0.5], [0.1, 0.1, 0.2, 0.2], [0.3, 0.3, 0.6, 0.6]]])
    wide = array(WideRois(0.5)([rois, own, np.float32([[1, 0, 0]])]))
    np.testing.assert_array_equal(wide[0, :2], rois[0, :2])
    assert not np.array_equal(wide[0, 2], rois[0, 2])


def test_margins_are_drawn_anew_for_each_roi_and_side_and_every_second_side_is_tight():
    rois = np.tile(np.float32([0.4, 0.4, 0.6, 0.6]), (1, 100, 1))
    layer = WideRois(0.3, 3)
    first, second = (array(layer([rois, rois, np.zeros((1, 100))])) for _ in range(2))
    tight = first == rois
    assert 160 < tight.sum() < 240
    assert len(np.unique(first[~tight])) > 150 and not np.array_equal(first, second)
    # A border that always is background would be taken for background in inference.
    assert all(30 < tight[0, :, side].sum() < 70 for side in range(4))


@given(boxes, boxes)
@settings(max_examples=60, deadline=None)
def test_cells_are_inside_where_their_middle_lies_in_the_box(box, roi):
    box, roi = np.float32(box), np.float32(roi)
    rows, columns = (
        array(values)[0, 0] for values in inside_boxes(box[None, None], roi[None, None], SHAPE)
    )
    for values, axis, count in ((rows, 0, SHAPE[0]), (columns, 1, SHAPE[1])):
        places = np.linspace(roi[axis], roi[axis + 2], count)
        slack = (roi[axis + 2] - roi[axis]) / (count - 1) / 2
        clear = np.minimum(
            np.abs(places - box[axis] + slack), np.abs(places - box[axis + 2] - slack)
        )
        expected = (places >= box[axis] - slack) & (places <= box[axis + 2] + slack)
        decided = clear > 1e-5
        np.testing.assert_array_equal(values[decided], expected[decided])


# ---- losses ----------------------------------------------------------------------------------
def shadows(mask):
    return mask.any(axis=1).astype(np.float32), mask.any(axis=0).astype(np.float32)


@given(st.integers(0, 2**48 - 1))
@settings(max_examples=60, deadline=None)
def test_any_mask_that_touches_its_box_s_sides_has_the_box_s_shadows(bits):
    mask = np.array([bits >> i & 1 for i in range(48)], bool).reshape(SHAPE)
    if not mask.any():
        return
    rows, columns = shadows(mask)
    values = array(
        projection_losses(np.float32(mask)[None, None], rows[None, None], columns[None, None])
    )
    assert values.shape == (1, 1)
    assert values[0, 0] == pytest.approx(0, abs=1e-4)


def test_what_leaves_the_box_or_does_not_reach_its_sides_costs():
    rows, columns = np.float32([[[0, 1, 1, 1, 0, 0]]]), np.float32([[[0, 0, 1, 1, 1, 1, 0, 0]]])
    whole = rows[..., :, None] * columns[..., None, :]

    def loss(masks):
        return float(array(projection_losses(masks, rows, columns))[0, 0])

    beyond, short = whole.copy(), whole.copy()
    beyond[0, 0, 5, 7] = 1
    short[0, 0, 1] = 0
    # By hand: 1 - 2 * 3 / (4 + 3), 1 - 2 * 4 / (5 + 4); 1 - 2 * 2 / (2 + 3).
    assert loss(whole) == pytest.approx(0, abs=1e-4)
    assert loss(beyond) == pytest.approx(1 / 7 + 1 / 9, abs=1e-4)
    assert loss(short) == pytest.approx(1 / 5, abs=1e-4)
    assert loss(np.zeros_like(whole)) == pytest.approx(2, abs=1e-4)


def test_what_lies_around_a_box_is_background_cell_by_cell():
    masks = np.random.default_rng(5).uniform(0.1, 0.9, (1, 2, *SHAPE)).astype(np.float32)
    inside = np.zeros_like(masks)
    inside[:, 0, 2:4, 3:6] = 1
    inside[:, 1] = 1  # nothing is seen around it
    outside = masks[0, 0][inside[0, 0] == 0]
    expected = [-np.log(1 - outside).mean(), 0]
    np.testing.assert_allclose(array(outside_losses(masks, inside))[0], expected, rtol=1e-5)


def test_on_larger_masks_a_shadow_is_more_than_one_cell():
    rows, columns = np.ones((1, 1, 28), np.float32), np.ones((1, 1, 28), np.float32)
    line, band = np.zeros((2, 1, 1, 28, 28), np.float32)
    line[..., np.arange(28), np.arange(28)] = 1
    for shift in range(4):
        band[..., np.arange(28), (np.arange(28) + shift) % 28] = 1
    assert array(projection_losses(band, rows, columns))[0, 0] == pytest.approx(0, abs=1e-4)
    # A line fills a quarter of each shadow: 1 - 2 * 0.25 / (0.0625 + 1), twice.
    assert array(projection_losses(line, rows, columns))[0, 0] == pytest.approx(1.0588, abs=1e-3)


def batch_of(outlined):
    """Two positive RoIs and a negative one, two classes beside the background."""
    rng = np.random.default_rng(4)
    return {
        "target_ids": np.int32([[1, 2, 0]]),
        "masks": rng.uniform(0.1, 0.9, (1, 3, *SHAPE, 3)).astype(np.float32),
        "outlined": np.float32([outlined]),
        "rois": np.tile(np.float32([0.2, 0.2, 0.6, 0.7]), (1, 3, 1)),
        "boxes": np.tile(np.float32([0.2, 0.2, 0.6, 0.7]), (1, 3, 1)),
        "colours": np.zeros((1, 3, *SHAPE, 3), np.float32),
        "context": np.zeros((1, 3, *CONTEXT_SHAPE, 3), np.float32),
    }


def test_each_object_teaches_by_what_is_known_of_it_and_counts_once():
    mixed, bare = batch_of([1, 0, 0]), batch_of([0, 0, 0])
    target = np.ones((1, 3, *SHAPE), np.float32)

    def box_losses(batch):
        terms = losses.mrcnn_box_mask_losses(**batch)
        return [float(array(terms[name])) for name in ("projection", "outside")]

    own = mixed["masks"][0, 1, ..., 2]
    # All cells lie in the box, and of eight or six the strongest one is a row's shadow.
    projection = 2 - sum(
        2 * shadow.sum() / ((shadow**2).sum() + len(shadow) + 1e-5)
        for shadow in (own.max(axis=1), own.max(axis=0))
    )
    # One of two positives has a box alone.
    assert box_losses(mixed) == pytest.approx([projection / 2, 0], rel=1e-4)
    assert box_losses(bare)[0] > projection / 2

    first = -np.log(mixed["masks"][0, 0, ..., 1]).mean()
    known = losses.mrcnn_mask_loss(target, mixed["target_ids"], mixed["masks"], mixed["outlined"])
    assert float(array(known)) == pytest.approx(first / 2, rel=1e-4)
    everything = losses.mrcnn_mask_loss(target, mixed["target_ids"], mixed["masks"])
    second = -np.log(own).mean()
    assert float(array(everything)) == pytest.approx((first + second) / 2, rel=1e-4)


def test_where_no_object_has_a_box_alone_losses_and_gradients_are_nothing():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken by TensorFlow's tape")
    batch = batch_of([1, 1, 0])
    masks = tf.constant(batch["masks"])
    with tf.GradientTape() as tape:
        tape.watch(masks)
        total = sum(losses.mrcnn_box_mask_losses(**{**batch, "masks": masks}).values())
    assert float(total) == 0
    gradient = tape.gradient(total, masks)
    assert np.isfinite(np.asarray(gradient)).all() and not np.asarray(gradient).any()


@pytest.mark.parametrize(
    "box",
    [[0, 0, 1, 1], [0.5, 0.5, 0.502, 0.502], [0, 0.2, 1, 0.201], [0.99, 0.99, 1, 1]],
    ids=["whole image", "a pixel", "a line", "the last corner"],
)
def test_boxes_of_any_size_give_losses_that_train(box):
    image = np.random.default_rng(6).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    box = np.float32([[box]])
    roi = WideRois(0.2)([box, box, np.zeros((1, 1), np.float32)])
    rows, columns = inside_boxes(box, roi, (28, 28))
    # There is always a row and a column to be touched.
    assert array(rows).any() and array(columns).any()
    colours = RoiColours((28, 28), (0, 0, 0), 1.0)([roi, image])
    context = RoiColours(CONTEXT_SHAPE, (0, 0, 0), 1.0)([context_boxes(box), image])
    masks = np.full((1, 1, 28, 28, 2), 0.5, np.float32)
    terms = losses.mrcnn_box_mask_losses(
        np.int32([[1]]), masks, np.zeros((1, 1)), roi, box, colours, context
    )
    assert all(np.isfinite(float(array(value))) for value in terms.values())
    assert 0 < float(array(terms["projection"])) < 2


def test_class_ids_say_who_has_only_a_box_and_nobody_else_is_changed():
    class_ids = np.int32([[1, 3, -2, 0], [2, 2, 0, 0]])
    outlined = np.array([[True, False, False, False], [False, True, False, False]])
    ids, known = (array(values) for values in unmarked(marked(class_ids, outlined)))
    np.testing.assert_array_equal(ids, class_ids)
    # Crowds and padding teach no mask in any case.
    np.testing.assert_array_equal(known, [[1, 0, 1, 1], [0, 1, 1, 1]])
    _, known = unmarked(marked(class_ids, None))
    np.testing.assert_array_equal(array(known), [[0, 0, 1, 1], [0, 0, 1, 1]])
    # matterport's plain class ids: every mask is known.
    ids, known = (array(values) for values in unmarked(class_ids))
    assert known.all() and (ids == class_ids).all()
