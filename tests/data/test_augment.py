"""Guards: image, boxes and masks move together, and one seed gives one result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.data.augment import PRESETS, Augmentation, Sample
from maskdet.data.augment.colour import jitter
from maskdet.data.augment.geometric import compose
from maskdet.errors import ConfigError
from maskdet.geometry.masks import boxes_around, boxes_from_masks

CANVAS = (96, 128)


def make_sample(with_masks=True, boxes=((20, 30, 60, 50),), size=(100, 140)):
    """White rectangles on black, so that pixels themselves tell where an object is."""
    image = np.zeros((*size, 3), np.uint8)
    masks = np.zeros((len(boxes), *size), bool)
    for mask, (y1, x1, y2, x2) in zip(masks, boxes, strict=True):
        image[y1:y2, x1:x2] = 255
        mask[y1:y2, x1:x2] = True
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return Sample(image, rows, np.ones(len(rows), np.int32), masks if with_masks else None)


def bright_box(image):
    return boxes_around((image.min(axis=2) > 200)[None])[0]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    with_masks=st.booleans(),
    flips=st.tuples(st.booleans(), st.booleans()),
    scale=st.tuples(st.floats(0.5, 1.6), st.floats(0.5, 1.6)),
)
def test_a_box_stays_on_its_pixels(seed, with_masks, flips, scale):
    rng = np.random.default_rng(seed)
    centre = tuple(rng.uniform(0.4, 0.6, 2) * CANVAS)
    affine = compose((100, 140), CANVAS, scale, centre, 0.0, flips)
    moved = affine.sample(make_sample(with_masks), (0, 0, 0))
    pixels = bright_box(moved.image)
    if pixels.any() and len(moved.boxes) and moved.class_ids[0] > 0:
        np.testing.assert_allclose(moved.boxes[0], pixels, atol=1.6)
        assert (moved.masks is None) == (not with_masks)


@pytest.mark.parametrize("degrees", [-15, 4, 30])
def test_turned_masks_and_pixels_agree(degrees):
    affine = compose((100, 140), CANVAS, (0.8, 0.8), (48, 64), degrees)
    moved = affine.sample(make_sample(), (0, 0, 0))
    np.testing.assert_allclose(moved.boxes[0], bright_box(moved.image), atol=1.6)
    inside = moved.image[moved.masks[0]].mean()
    assert inside > 235
    assert moved.image[~moved.masks[0]].mean() < 6


def test_a_turned_boxs_hull_is_that_of_the_ellipse_in_it():
    affine = compose((100, 100), (100, 100), (1, 1), (50, 50), 45.0)
    hull = affine.hulls(np.array([[30, 30, 70, 70]], np.float32))[0]
    np.testing.assert_allclose(hull, [30, 30, 70, 70], atol=1e-4)  # a circle stays a circle


@pytest.mark.parametrize("with_masks", [True, False])
def test_objects_that_leave_become_crowds_and_then_go(with_masks):
    boxes = ((40, 0, 60, 20), (40, 85, 60, 105), (40, 95, 60, 135))
    affine = compose((100, 140), (100, 100), (1, 1), (50, 70))  # the right 40 columns fall off
    moved = affine.sample(make_sample(with_masks, boxes), (0, 0, 0))
    assert moved.class_ids.tolist() == [1, 1, -1]
    np.testing.assert_allclose(moved.boxes[2], [40, 95, 60, 100], atol=0.01)
    gone = affine.sample(make_sample(with_masks, ((40, 98, 60, 138),)), (0, 0, 0))
    assert len(gone.boxes) == 0


def test_an_image_without_objects_is_augmented_too():
    empty = make_sample(boxes=())
    changed = Augmentation.preset("strong").apply(
        empty, CANVAS, np.random.default_rng(0), lambda: empty
    )
    assert changed.image.shape == (*CANVAS, 3)
    assert changed.boxes.shape == (0, 4)


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_keep_boxes_inside_and_repeat_for_a_seed(name):
    pipeline = Augmentation.preset(name)
    sample = make_sample(boxes=((10, 10, 50, 60), (50, 70, 90, 130)))
    for seed in range(12):
        first, second = (
            pipeline.apply(sample, CANVAS, np.random.default_rng(seed), lambda: sample)
            for _ in range(2)
        )
        assert (first.image == second.image).all()
        assert (first.boxes == second.boxes).all()
        assert (first.boxes >= 0).all()
        assert (first.boxes <= [*CANVAS, *CANVAS]).all()
        np.testing.assert_allclose(boxes_around(first.masks), first.boxes)


def test_boxes_around_masks_of_either_order_are_the_same():
    planes = np.zeros((3, 7, 9), bool)
    planes[0, 2:5, 3:9] = planes[2, 6, 0] = True
    boxes = boxes_around(planes)
    assert boxes.dtype == np.float32
    assert boxes.tolist() == [[2, 3, 5, 9], [0, 0, 0, 0], [6, 0, 7, 1]]
    np.testing.assert_array_equal(boxes, boxes_from_masks(np.moveaxis(planes, 0, -1)))
    assert boxes_around(planes[:0]).shape == (0, 4)


def test_a_mosaic_holds_objects_of_several_images():
    pipeline = Augmentation(mosaic=1.0)
    one, two = make_sample(), make_sample(boxes=((5, 5, 95, 135),))
    mosaic = pipeline.apply(one, CANVAS, np.random.default_rng(3), lambda: two)
    assert len(mosaic.boxes) >= 3
    assert mosaic.masks.shape == (len(mosaic.boxes), *CANVAS)


def test_colour_changes_are_those_asked_for():
    image = np.full((8, 8, 3), [100, 150, 200], np.uint8)
    plain = np.ones(3)
    assert (jitter(image, 1, 1, 1, plain) == image).all()
    np.testing.assert_allclose(jitter(image, 0.5, 1, 1, plain)[0, 0], [50, 75, 100], atol=1)
    grey = jitter(image, 1, 1, 0, plain)[0, 0]
    assert np.ptp(grey.astype(int)) <= 1
    np.testing.assert_allclose(jitter(image, 1, 0, 1, plain)[0, 0], [150] * 3, atol=1)
    assert jitter(image, 1, 1, 1, np.array([2, 1, 1]))[0, 0, 0] == 200


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'heavy'.*'strong'"):
        Augmentation.preset("heavy")


def test_fields_are_replaced_by_name():
    assert Augmentation.preset("light").replace(flip=0.0).flip == 0.0
    assert Augmentation.preset("none").is_none
    assert not Augmentation.preset("light").is_none
