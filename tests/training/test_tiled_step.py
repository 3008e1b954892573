"""Guards: a training's step takes Winograd's tiles, and learns what direct convolutions teach."""

import keras
import numpy as np
import pytest

import maskdet
from maskdet.convolutions import winograd
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.tasks.detection.task import OUTLINES
from maskdet.training.loss_model import make_loss_model

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tiles are TensorFlow's"
)


@pytest.fixture(scope="module")
def model_and_inputs():
    """ResNet50's training network and a batch of noise with two objects an image."""
    config = maskdet.Config()
    config.NUM_CLASSES, config.BACKBONE, config.IMAGES_PER_GPU = 3, "resnet50", 2
    config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = 128
    config.TRAIN_ROIS_PER_IMAGE, config.POST_NMS_ROIS_TRAINING = 20, 50
    # Proposals of fresh weights change places at the least rounding.
    config.USE_RPN_ROIS = False
    family = MaskRCNNFamily()
    network = family.build(config, "training")
    lessons = frozenset({"boxes", "masks", OUTLINES})
    model = make_loss_model(network, family, config, lessons)
    model.compile(optimizer=keras.optimizers.SGD(1e-3))
    rng = np.random.default_rng(0)
    most = config.MAX_GT_INSTANCES
    ids = np.zeros((2, most), np.int32)
    ids[:, :2] = 1, 2
    corners = rng.uniform(0, 60, (2, most, 2))
    batch = {
        "images": rng.integers(0, 255, (2, 128, 128, 3), dtype=np.uint8),
        "boxes": np.concatenate([corners, corners + 50], axis=2).astype(np.float32),
        "class_ids": ids,
        "masks": np.ones((2, most, *config.MINI_MASK_SHAPE), bool),
        "outlined": ids > 0,
        "active_classes": np.ones((2, 3), np.float32),
    }
    return model, family.training_inputs(batch, config)


class RememberedGradients(keras.optimizers.SGD):
    """An optimizer that moves nothing and keeps what it was given."""

    def apply(self, grads, trainable_variables=None):
        self.given = list(grads)


def gradients_of_a_step(model, inputs):
    model.optimizer = optimizer = RememberedGradients()
    for layer in model.layers:
        if hasattr(layer, "random"):  # the same anchors and RoIs are drawn each time
            layer.random.state.assign([0, 0])
    model.train_step((inputs,))
    return [np.asarray(gradient) for gradient in optimizer.given]


def test_gradients_of_a_step_are_those_of_direct_convolutions(model_and_inputs, monkeypatch):
    model, inputs = model_and_inputs
    calls, convolve = [], winograd.convolve

    def counted(maps, kernel):
        calls.append(maps.shape)
        return convolve(maps, kernel)

    monkeypatch.setattr(winograd, "LEAST_TILES", 1)
    monkeypatch.setattr(winograd, "convolve", counted)
    monkeypatch.setattr(winograd, "on_tensorflow_cpu", lambda: True)
    tiled = gradients_of_a_step(model, inputs)
    assert len(calls) >= 4 + 5 + 4  # pyramid, RPN on five levels, mask head
    monkeypatch.setattr(winograd, "on_tensorflow_cpu", lambda: False)
    calls.clear()
    direct = gradients_of_a_step(model, inputs)
    assert not calls
    for ours, theirs in zip(tiled, direct, strict=True):
        # Rounding grows through fifty layers, whose ReLUs it opens and shuts here and there.
        assert np.linalg.norm(ours - theirs) <= 1e-2 * np.linalg.norm(theirs) + 1e-6
    assert sum(np.linalg.norm(gradient) > 0 for gradient in direct) > 100
