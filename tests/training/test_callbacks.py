"""Guards: training stops at the cause of a broken loss, and saves after each epoch."""

import math
from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.training.callbacks import SaveEachEpoch, StopAtNonFinite

GOOD = {"loss": 1.5, "rpn_class_loss": 0.5, "mrcnn_bbox_loss": 1.0}


# ---- StopAtNonFinite --------------------------------------------------------------------------
@pytest.fixture
def network():
    rows = keras.Input((2,))
    return keras.Model(rows, keras.layers.Dense(2, name="head")(rows))


@pytest.fixture
def guard(network):
    return StopAtNonFinite(network, lambda step: [f"a{step}.jpg", f"b{step}.jpg"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_stops_with_step_loss_and_images(guard, value):
    guard.on_train_batch_end(0, GOOD)
    guard.on_train_batch_end(1, GOOD)
    with pytest.raises(
        UsageError, match=r"mrcnn_bbox_loss is not .* in step 3 \(images a2.jpg, b2.jpg\)"
    ):
        guard.on_train_batch_end(2, GOOD | {"loss": value, "mrcnn_bbox_loss": value})


def test_the_first_broken_part_is_named(guard):
    with pytest.raises(UsageError, match=r"rpn_class_loss is not .* in step 1 \(images a0.jpg"):
        guard.on_train_batch_end(0, dict.fromkeys(GOOD, math.nan))


def test_the_sum_is_named_where_no_part_is_broken(guard):
    with pytest.raises(UsageError, match="diverged: loss is not"):
        guard.on_train_batch_end(0, GOOD | {"loss": math.nan})


def test_steps_are_counted_over_the_whole_stage(guard):
    for batch in (0, 1, 2, 0, 1):  # Keras begins again with each epoch
        guard.on_train_batch_end(batch, GOOD)
    with pytest.raises(UsageError, match=r"in step 6 \(images a5.jpg, b5.jpg\)"):
        guard.on_train_batch_end(2, GOOD | {"loss": math.nan})


def test_finite_losses_go_on(guard):
    for logs in (GOOD, {"loss": 1e30, "rpn_class_loss": -3.0}, {"loss": 0.0}, {}, None):
        guard.on_train_batch_end(0, logs)
    assert guard.seen == 5


@pytest.mark.parametrize("checkpoint", [None, Path("logs/mine/mask_rcnn_mine_0003.h5")])
def test_the_network_gets_its_last_good_weights_back(network, guard, checkpoint):
    guard.on_train_batch_end(0, GOOD)
    network.set_weights([np.full_like(value, 7.0) for value in network.get_weights()])
    guard.on_epoch_end(0, GOOD)
    guard.checkpoint = checkpoint
    network.set_weights([np.full_like(value, math.nan) for value in network.get_weights()])
    origin = rf"of {checkpoint}" if checkpoint else "that this call began with"
    with pytest.raises(UsageError, match=rf"the weights {origin} again: lower the learning rate"):
        guard.on_train_batch_end(0, GOOD | {"loss": math.nan})
    for value in network.get_weights():
        np.testing.assert_array_equal(value, np.full_like(value, 7.0))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_no_numbers_stop_before_anything_writes_them(network, guard, value):
    before = network.get_weights()
    guard.on_train_batch_end(0, GOOD)
    network.get_layer("head").bias.assign([0.0, value])
    with pytest.raises(UsageError, match=r"head/bias is not finite .* after step 1 \(images a0"):
        guard.on_epoch_end(0, GOOD)
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


# ---- SaveEachEpoch ----------------------------------------------------------------------------
def test_saved_epochs_are_counted_from_1_and_may_add_to_the_logs():
    saved = []

    def save(epoch, logs):
        saved.append(epoch)
        logs["val_ap"] = 0.5

    callback, logs = SaveEachEpoch(save), dict(GOOD)
    for epoch in (0, 1, 4):
        callback.on_epoch_end(epoch, logs)
    assert saved == [1, 2, 5] and logs["val_ap"] == 0.5
