"""Guards: masks that boxes teach end where colours change, not where the box or the RoI does."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from maskdet.backbones.scaling import pixels_of
from maskdet.config import Config
from maskdet.models.mask_rcnn import family, losses
from maskdet.models.mask_rcnn.box_supervision import RoiColours, inside_boxes
from maskdet.models.mask_rcnn.colour_field import CONTEXT_SHAPE, context_boxes, refined_masks

SIDE = 96
SHAPE = (28, 28)
GROUND, ANIMAL = (60, 140, 50), (150, 90, 60)


def array(value):
    return np.asarray(ops.convert_to_numpy(value))


def photo(seed=0):
    """An animal's triangle on grass, a little noise; its box, normalised, and its mask."""
    noise = np.random.default_rng(seed).normal(0, 3, (SIDE, SIDE, 3))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = (rows >= 24) & (rows <= 71) & (columns >= 24) & (columns - 24 <= rows - 24)
    image = np.where(mask[..., None], ANIMAL, GROUND) + noise
    box = np.float32([24, 24, 71, 71]) / (SIDE - 1)
    return image.astype(np.float32)[None], box[None, None], mask


def refined(image, box, roi=None, masks=None):
    roi = box if roi is None else roi
    if masks is None:
        masks = np.full((1, 1, *SHAPE), 0.5, np.float32)
    colours = RoiColours(SHAPE, (0, 0, 0), 1.0)([roi, image])
    context = RoiColours(CONTEXT_SHAPE, (0, 0, 0), 1.0)([context_boxes(box), image])
    rows, columns = inside_boxes(box, roi, SHAPE)
    inside = rows[..., :, None] * columns[..., None, :]
    values, fit = refined_masks(masks, colours, inside, roi, box, context)
    return array(values)[0, 0], float(array(fit)[0, 0])


def overlap(values, expected):
    return ((values > 0.5) & expected).sum() / ((values > 0.5) | expected).sum()


def cells_of(mask, roi):
    """The mask under the cells of a RoI, the outermost ones on its corners."""
    y1, x1, y2, x2 = roi[0, 0] * (SIDE - 1)
    rows = np.linspace(y1, y2, SHAPE[0]).round().astype(int)
    columns = np.linspace(x1, x2, SHAPE[1]).round().astype(int)
    return mask[np.ix_(rows, columns)]


def test_ground_in_a_box_is_known_by_the_ground_around_it_although_the_roi_shows_none():
    image, box, mask = photo()
    values, fit = refined(image, box)
    expected = cells_of(mask, box)
    assert expected.mean() == pytest.approx(0.5, abs=0.05)
    assert overlap(values, expected) > 0.93
    # A triangle touches all sides of its box.
    assert fit > 0.8


def test_a_wide_roi_gives_the_same_outline_and_nothing_around_the_box():
    image, box, mask = photo()
    roi = context_boxes(box)
    values, _ = refined(image, box, roi=array(roi))
    assert overlap(values, cells_of(mask, array(roi))) > 0.9
    border = np.ones(SHAPE, bool)
    border[4:-4, 4:-4] = False  # the margin is 4 of 28 cells
    assert not values[border].any()


def test_a_box_as_large_as_the_image_keeps_what_the_head_says():
    image, _, mask = photo()
    box = np.float32([[[0, 0, 1, 1]]])
    masks = cells_of(mask, box).astype(np.float32)[None, None] * 0.8 + 0.1
    values, _ = refined(image, box, masks=masks)
    assert overlap(values, cells_of(mask, box)) > 0.9


def test_colours_that_the_grid_never_saw_say_nothing():
    """A speck between the grid's cells is left as the head has it."""
    image, box, _ = photo()
    colours = np.tile(np.float32([60, -40, 40]), (1, 1, *SHAPE, 1))
    colours[0, 0, 10, 10] = [20, 60, -90]
    context = np.tile(np.float32([60, -40, 40]), (1, 1, *CONTEXT_SHAPE, 1))
    masks = np.full((1, 1, *SHAPE), 0.5, np.float32)
    values, _ = refined_masks(masks, colours, np.ones_like(masks), box, box, context)
    # The prior of a cell in a box alone, a logit of 1.
    assert array(values)[0, 0, 10, 10] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)
    # All others are of the colour of the ground around the box.
    assert array(values)[0, 0, 20, 20] < 0.2


def by_hand(masks, colours, roi, box, context):
    """Cell by cell, with the constants of the module's description."""
    frame = array(context_boxes(box))[0, 0]
    box, roi = box[0, 0], roi[0, 0]

    def places(corners, shape):
        rows = np.linspace(corners[0], corners[2], shape[0])
        columns = np.linspace(corners[1], corners[3], shape[1])
        grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
        return grid, (grid - box[:2]) / (box[2:] - box[:2])

    def read(values, points):
        """Bilinear; nothing outside the RoI."""
        size = np.array(values.shape) - 1
        at = (points - roi[:2]) / (roi[2:] - roi[:2]) * size
        if (at < -1e-4).any() or (at > size + 1e-4).any():
            return 0.0
        low = np.minimum(np.floor(np.clip(at, 0, size)).astype(int), size - 1)
        y, x = np.clip(at, 0, size) - low
        block = values[low[0] : low[0] + 2, low[1] : low[1] + 2]
        return float(np.array([1 - y, y]) @ block @ np.array([1 - x, x]))

    def logits(p):
        p = np.clip(p, 0.02, 0.98)
        return np.log(p / (1 - p)) + 1

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def votes(place, colour, values):
        gaps = ((coarse_colours - colour) / 6) ** 2
        nearness = ((coarse_places - place) / 0.35) ** 2
        ties = np.exp(-0.5 * (gaps.sum(-1) + nearness.sum(-1)))
        return 10 * (ties * (2 * values - 1)).sum() / (ties.sum() + 0.1)

    coarse_points, coarse_places = places(frame, CONTEXT_SHAPE)
    coarse_colours = context[0, 0]
    slack = 0.5 * (frame[2:] - frame[:2]) / (np.array(CONTEXT_SHAPE) - 1)
    held = np.all((coarse_points >= box[:2] - slack) & (coarse_points <= box[2:] + slack), axis=-1)
    cells = list(np.ndindex(*CONTEXT_SHAPE))
    own = np.array([logits(read(masks[0, 0], coarse_points[c])) for c in cells])
    own = own.reshape(CONTEXT_SHAPE)
    values = sigmoid(own) * held
    for _ in range(4):
        told = [votes(coarse_places[c], coarse_colours[c], values) for c in cells]
        values = sigmoid(own + np.reshape(told, CONTEXT_SHAPE)) * held
    _, fine_places = places(roi, masks.shape[2:])
    told = [votes(fine_places[c], colours[0, 0][c], values) for c in np.ndindex(*masks.shape[2:])]
    return sigmoid(logits(masks[0, 0]) + np.reshape(told, masks.shape[2:]))


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_field_is_the_one_described_cell_by_cell(seed):
    rng = np.random.default_rng(seed)
    shape = (6, 8)
    masks = rng.uniform(0, 1, (1, 1, *shape)).astype(np.float32)
    colours = rng.normal(0, 8, (1, 1, *shape, 3)).astype(np.float32)
    context = rng.normal(0, 8, (1, 1, *CONTEXT_SHAPE, 3)).astype(np.float32)
    box = np.float32([[[0.3, 0.25, 0.6, 0.7]]])
    roi = np.float32([[[0.27, 0.25, 0.6, 0.75]]])
    inside = np.ones((1, 1, *shape), np.float32)
    values, _ = refined_masks(masks, colours, inside, roi, box, context)
    expected = by_hand(masks, colours, roi, box, context)
    np.testing.assert_allclose(array(values)[0, 0], expected, atol=2e-3)


def test_an_object_of_its_ground_s_colour_teaches_little_by_colour():
    image, box, _ = photo()
    image[:] = GROUND
    values, fit = refined(image, box)
    # Nearly all of the box is taken for ground, which touches no side of it.
    assert values.mean() < 0.2
    assert fit < 0.3


def rois_of(count, image, box):
    boxes = np.repeat(box, count, axis=1)
    return {
        "target_ids": np.ones((1, count), np.int32),
        "masks": np.full((1, count, *SHAPE, 2), 0.5, np.float32),
        "outlined": np.zeros((1, count), np.float32),
        "rois": boxes.copy(),
        "boxes": boxes.copy(),
        "colours": array(RoiColours(SHAPE, (0, 0, 0), 1.0)([boxes, image])),
        "context": array(RoiColours(CONTEXT_SHAPE, (0, 0, 0), 1.0)([context_boxes(boxes), image])),
    }


def test_the_loss_is_least_for_the_refined_mask_and_counts_only_objects_with_a_box_alone():
    image, box, mask = photo()
    batch = rois_of(2, image, box)

    def loss(masks, **changes):
        masks = np.broadcast_to(np.float32(masks)[..., None], (1, 2, *SHAPE, 2))
        terms = losses.mrcnn_box_mask_losses(**{**batch, "masks": masks, **changes})
        return float(array(terms["refined"]))

    right = cells_of(mask, box) * 0.4 + 0.3
    filled = np.full(SHAPE, 0.7)
    assert loss(right) < 0.7 * loss(filled)
    assert loss(filled, outlined=np.float32([[1, 0]])) == 0  # the second is past the half
    assert loss(filled, target_ids=np.int32([[0, 0]])) == 0
    half = loss(filled, target_ids=np.int32([[1, 0]]), outlined=np.float32([[0, 0]]))
    assert half == pytest.approx(loss(filled), rel=1e-5)


def test_rois_without_an_object_leave_losses_finite():
    """Their box may be a row of padding, normalised, and the RoI anywhere or padding itself."""
    image, box, _ = photo()
    batch = rois_of(8, image, box)
    batch["target_ids"] = np.int32([[1, *[0] * 7]])
    padding = np.float32([0, 0, -1 / (SIDE - 1), -1 / (SIDE - 1)])
    batch["boxes"][0, 1:4] = padding
    batch["rois"][0, 1:4] = [[0, 0, 1, 1], [0.9, 0.9, 1, 1], [0, 0, 0, 0]]
    terms = losses.mrcnn_box_mask_losses(**batch)
    alone = losses.mrcnn_box_mask_losses(**rois_of(1, image, box))
    for name, term in terms.items():
        assert float(array(term)) == pytest.approx(float(array(alone[name])), rel=1e-4), name


@pytest.mark.parametrize("name", ["projection", "outside", "refined"])
def test_each_term_counts_by_its_weight(name):
    image, box, _ = photo()
    batch = rois_of(2, image, np.float32(array(context_boxes(box))))
    batch["boxes"] = np.repeat(box, 2, axis=1)
    config = Config()
    config.MASK_BOX_LOSS_WEIGHTS = {**dict.fromkeys(Config.MASK_BOX_LOSS_WEIGHTS, 0.0), name: 3.0}
    outputs = {
        "mrcnn_mask": batch["masks"],
        "target_class_ids": batch["target_ids"],
        **{
            f"mask_{key}": batch[key] for key in ("outlined", "rois", "boxes", "colours", "context")
        },
    }
    term = float(array(losses.mrcnn_box_mask_losses(**batch)[name]))
    assert term > 0.05
    assert float(array(family._mask_loss(outputs, config))) == pytest.approx(3 * term, rel=1e-5)


def test_targets_have_no_gradient_of_their_own():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken by TensorFlow's tape")
    image, box, _ = photo()
    batch = rois_of(2, image, box)
    masks = tf.constant(batch["masks"])
    with tf.GradientTape() as tape:
        tape.watch(masks)
        loss = losses.mrcnn_box_mask_losses(**{**batch, "masks": masks})["refined"]
    gradient = np.asarray(tape.gradient(loss, masks))[0, 0, ..., 1]
    target, fit = refined(image, box)
    # d/dp of the cross entropy with a constant target, at p = 0.5, of the one RoI that counts.
    np.testing.assert_allclose(gradient, fit * (0.5 - target) / 0.25 / target.size, atol=1e-5)


def test_the_training_network_reads_colours_where_masks_and_contexts_lie(make_mobile_config):
    config = make_mobile_config(USE_RPN_ROIS=False)
    kind = family.MaskRCNNFamily()
    network = kind.build(config, "training")
    side = config.IMAGE_MAX_DIM
    rng = np.random.default_rng(3)
    objects = np.float32([[10, 20, 50, 60], [40, 5, 90, 70]])
    batch = {
        "images": rng.integers(0, 256, (1, side, side, 3), dtype=np.uint8),
        "active_classes": np.ones((1, config.NUM_CLASSES)),
        "class_ids": np.int32([[1, 1]]),
        "boxes": objects[None],
        "masks": np.ones((1, 2, *config.MINI_MASK_SHAPE), bool),
    }
    inputs = kind.training_inputs(batch, config)
    # The objects themselves are proposals: both have positive RoIs.
    normal = (objects - np.float32([0, 0, 1, 1])) / (side - 1)
    inputs["input_roi"][:, :2] = objects
    outputs = {name: array(value) for name, value in network(inputs).items()}
    boxes, rois = outputs["mask_boxes"], outputs["mask_rois"]
    positive = outputs["target_class_ids"][0, : boxes.shape[1]] > 0
    assert positive.sum() >= 2 and not outputs["mask_outlined"][0, positive].any()
    for box in boxes[0, positive]:
        assert abs(normal - box).max(axis=1).min() < 1e-5
    scaling = pixels_of(config)
    for name, shape, corners in (
        ("mask_colours", config.MASK_SHAPE, rois),
        ("mask_context", CONTEXT_SHAPE, array(context_boxes(boxes))),
    ):
        colours = RoiColours(shape, scaling.mean, scaling.std)([corners, inputs["input_image"]])
        np.testing.assert_allclose(
            outputs[name][:, positive], array(colours)[:, positive], atol=0.1, err_msg=name
        )
