"""Guards: a training's mask head works for objects alone, and learns what it would have learned."""

import keras
import numpy as np
import pytest

from maskdet import LiteConfig
from maskdet.layers.detection import PositiveRows
from maskdet.models.mask_rcnn import network as networks
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.tasks.detection.task import BARE_BOXES, OUTLINES
from maskdet.training.loss_model import make_loss_model

PLACES = "mrcnn_mask"


def small_config():
    config = LiteConfig()
    config.NUM_CLASSES, config.IMAGES_PER_GPU = 3, 2
    config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = 128
    config.TRAIN_HEADS_BN = False
    return config


def batch(config, counts):
    """A batch of noise with so many objects in each image."""
    rng = np.random.default_rng(0)
    side, most = config.IMAGE_MAX_DIM, config.MAX_GT_INSTANCES
    corners = rng.uniform(0, side / 2, (len(counts), most, 2))
    ids = np.zeros((len(counts), most), np.int32)
    for row, count in zip(ids, counts, strict=True):
        row[:count] = 1
    return {
        "images": rng.integers(0, 255, (len(counts), side, side, 3), dtype=np.uint8),
        "boxes": np.concatenate([corners, corners + side / 3], axis=2).astype(np.float32),
        "class_ids": ids,
        "masks": rng.random((len(counts), most, *config.MINI_MASK_SHAPE)) > 0.5,
        "outlined": ids > 0,
        "active_classes": np.ones((len(counts), config.NUM_CLASSES), np.float32),
    }


def losses_and_gradients(config, counts, lesson):
    """Of one step, with the weights that the seed draws."""
    tf = pytest.importorskip("tensorflow")
    keras.utils.clear_session()
    family = MaskRCNNFamily()
    keras.utils.set_random_seed(0)
    model = make_loss_model(
        family.build(config, "training"), family, config, frozenset({"boxes", "masks", lesson})
    )
    given = batch(config, counts)
    if lesson == BARE_BOXES:
        del given["masks"], given["outlined"]
    inputs = family.training_inputs(given, config)
    head = [v for v in model.trainable_variables if PLACES in v.path]
    with tf.GradientTape() as tape:
        losses = family.losses(model(inputs, training=True), config)
        total = sum(losses.values())
    gradients = tape.gradient(total, [variable.value for variable in head])
    return {name: float(loss) for name, loss in losses.items()}, [np.asarray(g) for g in gradients]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends keep all rows")
@pytest.mark.parametrize("lesson", [OUTLINES, BARE_BOXES])
@pytest.mark.parametrize("counts", [(3, 1), (0, 0)])
def test_losses_and_gradients_are_those_of_all_places(monkeypatch, counts, lesson):
    config = small_config()
    trimmed, gradients = losses_and_gradients(config, counts, lesson)
    monkeypatch.setattr(
        networks, "_positive_masks", lambda rois, ids, *rest: networks._masks(rois, *rest)
    )
    padded, wanted = losses_and_gradients(config, counts, lesson)
    assert trimmed == pytest.approx(padded, rel=1e-4, abs=1e-6)
    for ours, theirs in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    assert any(counts) == any(np.any(gradient != 0) for gradient in gradients)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends keep all rows")
def test_as_many_rows_as_the_fullest_image_has_objects():
    rois = np.arange(2 * 5 * 4, dtype=np.float32).reshape(2, 5, 4)
    ids = np.array([[1, 0, 0, 0, 0], [2, 1, 1, 0, 0]], np.int32)
    np.testing.assert_array_equal(PositiveRows()([rois, ids]), rois[:, :3])
    # None at all leave one row: convolutions of nothing fail.
    assert PositiveRows()([rois, np.zeros_like(ids)]).shape == (2, 1, 4)


def test_norms_that_learn_from_the_batch_see_all_places():
    """Zeros are part of such norms' statistics, with which existing weights were trained."""
    config = small_config()
    config.TRAIN_HEADS_BN = None
    names = {layer.name for layer in MaskRCNNFamily().build(config, "training").layers}
    assert "positive_rois" not in names
