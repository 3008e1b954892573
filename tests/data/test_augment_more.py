"""Guards: every change of the pipeline moves image, boxes and masks together, and can be alone."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.data.augment import Augmentation, Sample, perspective, pixels
from maskdet.data.augment.mixing import blend, paste_objects
from maskdet.geometry.masks import boxes_around

CANVAS = (96, 112)
FULL = {
    "flip": 1.0, "flip_vertical": 1.0, "zoom": (0.4, 2.0), "stretch": 0.5, "degrees": 40.0,
    "brightness": 0.5, "contrast": 0.5, "saturation": 0.8, "tint": 0.3, "grey": 1.0,
    "cut_out": 1.0, "mosaic": 1.0, "shift": 0.4, "shear": 25.0, "perspective": 0.2, "hue": 0.5,
    "blur": 4.0, "noise": 0.1, "jpeg": 1.0, "copy_paste": 1.0, "mixup": 1.0,
}  # fmt: skip


def sample(seed=0, channels=3, dtype=np.uint8, masks=True, size=(90, 120)):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (*size, channels)).astype(dtype)
    planes = np.zeros((2, *size), bool)
    planes[0, 10:50, 20:70], planes[1, 40:80, 60:110] = True, True
    planes[0] &= ~planes[1]
    boxes = boxes_around(planes)
    return Sample(image, boxes, np.array([1, 2], np.int32), planes if masks else None)


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("channels, dtype", [(3, np.uint8), (1, np.uint8), (4, np.float32)])
@pytest.mark.parametrize("name", FULL)
def test_each_change_alone(name, channels, dtype, masks):
    pipeline = Augmentation().replace(**{name: FULL[name]})
    given_sample = sample(0, channels, dtype, masks)
    results = [
        pipeline.apply(
            given_sample,
            CANVAS,
            np.random.default_rng(seed),
            lambda: sample(1, channels, dtype, masks),
        )
        for seed in (3, 3, 4)
    ]
    first, same, _ = results
    assert first.image.shape == (*CANVAS, channels) and first.image.dtype == dtype
    assert np.array_equal(first.image, same.image) and np.array_equal(first.boxes, same.boxes)
    assert np.isfinite(first.image.astype(float)).all()
    assert set(np.abs(first.class_ids)) <= {1, 2}
    assert (first.boxes[:, :2] >= 0).all() and (first.boxes[:, 2:] <= CANVAS).all()
    if masks:
        np.testing.assert_array_equal(boxes_around(first.masks), first.boxes)
    plain = Augmentation(flip=1e-9).apply(given_sample, CANVAS, np.random.default_rng(3))
    changed = not np.array_equal(first.image, plain.image) or not np.array_equal(
        first.boxes, plain.boxes
    )
    colours = name in ("saturation", "tint", "grey", "hue", "jpeg", "blur")
    pastes = name == "copy_paste" and not masks
    assert changed or pastes or (colours and (channels != 3 or dtype != np.uint8))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    names=st.sets(st.sampled_from(sorted(FULL)), min_size=1, max_size=6),
    boxes=st.sampled_from(["two", "none", "a pixel"]),
    masks=st.booleans(),
)
def test_any_pipeline_takes_any_sample(seed, names, boxes, masks):
    pipeline = Augmentation().replace(**{name: FULL[name] for name in names})
    given_sample = sample(seed, masks=masks)
    if boxes != "two":
        given_sample = given_sample.subset(np.zeros(2, bool))
    if boxes == "a pixel":
        plane = np.zeros((1, 90, 120), bool)
        plane[0, 44, 55] = True
        given_sample = Sample(
            given_sample.image,
            boxes_around(plane),
            np.ones(1, np.int32),
            plane if masks else None,
        )
    result = pipeline.apply(
        given_sample, CANVAS, np.random.default_rng(seed), lambda: sample(seed + 1, masks=masks)
    )
    assert result.image.shape == (*CANVAS, 3) and len(result.boxes) == len(result.class_ids)
    assert (result.boxes[:, 2:] > result.boxes[:, :2]).all()


def test_presets_give_what_trained_figures_rest_on():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)
    planes = np.zeros((2, 90, 120), bool)
    planes[0, 10:40, 20:60], planes[1, 50:80, 70:110] = True, True
    boxes = np.array([[10, 20, 40, 60], [50, 70, 80, 110]], np.float32)
    ids = np.array([1, 2], np.int32)
    expected = {"light": "light", "default": "default"}
    for name in expected:
        digest = hashlib.sha256()
        for seed in range(4):
            made = Augmentation.preset(name).apply(
                Sample(image, boxes, ids, planes), CANVAS, np.random.default_rng(seed)
            )
            digest.update(np.round(made.boxes).astype(np.int32).tobytes())
        expected[name] = digest.hexdigest()[:12]
    assert expected == {"light": "d50f96254441", "default": "24339837e58c"}


def test_a_homography_takes_corners_where_it_should():
    source = np.array([[0, 0], [0, 10], [8, 10], [8, 0]], float)
    target = np.array([[1, 2], [0, 12], [9, 9], [7, 1]], float)
    matrix = perspective.homography(source, target)
    np.testing.assert_allclose(perspective.moved(source, matrix), target, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_masks_and_pixels_agree_under_perspective(seed):
    image = np.zeros((100, 120, 3), np.uint8)
    plane = np.zeros((1, 100, 120), bool)
    image[30:70, 40:80], plane[0, 30:70, 40:80] = 255, True
    given_sample = Sample(image, boxes_around(plane), np.ones(1, np.int32), plane)
    matrix = perspective.random_homography((100, 120), 0.15, np.random.default_rng(seed))
    moved = perspective.apply(given_sample, matrix, (0, 0, 0))
    assert moved.image[moved.masks[0]].mean() > 230
    assert moved.image[~moved.masks[0]].mean() < 8
    boxed = perspective.apply(
        Sample(image, given_sample.boxes, np.ones(1, np.int32), None), matrix, (0, 0, 0)
    )
    # A box alone follows its ellipse, which lies inside the square.
    assert (boxed.boxes[0, :2] >= moved.boxes[0, :2] - 2).all()
    assert (boxed.boxes[0, 2:] <= moved.boxes[0, 2:] + 2).all()


def test_pasted_objects_hide_what_lies_under_them():
    below, above = sample(0, size=CANVAS), sample(1, size=CANVAS)
    below.masks[:] = False
    below.masks[0, 12:40, 22:60], below.masks[1, 45:75, 70:100] = True, True
    below.boxes[:] = boxes_around(below.masks)
    pasted = paste_objects(below, above, 1.1, np.random.default_rng(0))
    covered = above.masks.any(axis=0)
    assert (pasted.image[covered] == above.image[covered]).all()
    assert (pasted.image[~covered] == below.image[~covered]).all()
    assert pasted.masks.sum(axis=0).max() == 1  # no pixel belongs to two
    assert pasted.class_ids[-2:].tolist() == [1, 2]


def test_two_images_shine_through_each_other():
    first, second = sample(0, size=CANVAS), sample(1, size=CANVAS)
    mixed = blend(first, second, 0.25)
    wanted = 0.25 * first.image + 0.75 * second.image
    assert np.abs(mixed.image - wanted).max() <= 0.5 and len(mixed.boxes) == 4


def test_a_whole_turn_of_the_colour_circle_changes_little():
    photo = sample().image
    assert np.abs(pixels.turn_hue(photo, 1.0).astype(int) - photo).mean() < 3
    assert np.abs(pixels.turn_hue(photo, 0.5).astype(int) - photo).mean() > 30
