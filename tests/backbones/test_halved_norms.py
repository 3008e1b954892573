"""Guards: a batch norm in bfloat16 gives float32's numbers but for one rounding, and trains as it
does in float32."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.backbones.batch_norm import BatchNorm

# The largest share that rounding to 8 bits takes from a number.
ROUNDING = 2.0**-8


def filled(dtype, seed=0, channels=5, train_bn=False):
    layer = BatchNorm(train_bn, epsilon=0.01, dtype=dtype)
    layer.build((None, None, None, channels))
    draws = np.random.default_rng(seed)
    low, high = [0.5, -2, -2, 0.1], [2, 2, 2, 3]
    layer.set_weights([draws.uniform(a, b, channels) for a, b in zip(low, high, strict=True)])
    return layer


def maps(seed, channels=5):
    values = np.random.default_rng(seed).normal(0, 3, (2, 4, 3, channels))
    return tf.cast(values, tf.bfloat16)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 70))
def test_stored_statistics_scale_and_shift_in_float32(seed, channels):
    layer, inputs = filled("mixed_bfloat16", seed, channels), maps(seed, channels)
    gamma, beta, mean, variance = map(np.float64, layer.get_weights())
    exact = (np.float64(inputs) - mean) * gamma / np.sqrt(variance + 0.01) + beta
    outputs = layer(inputs, training=True)  # frozen: a training's mode changes nothing
    assert outputs.dtype == tf.bfloat16
    assert np.all(np.abs(np.float64(outputs) - exact) <= ROUNDING * np.abs(exact) + 1e-5)


def test_frozen_statistics_pass_on_the_gradients_that_float32_has():
    found = {}
    for dtype in ("float32", "mixed_bfloat16"):
        layer, inputs = filled(dtype), maps(1)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.cast(layer(inputs), tf.float32) * tf.cast(maps(2), tf.float32))
        variables = [layer.gamma.value, layer.beta.value]
        found[dtype] = [np.float32(g) for g in tape.gradient(loss, [inputs, *variables])]
    for exact, halved in zip(*found.values(), strict=True):
        assert np.allclose(exact, halved, rtol=0.02, atol=0.02 * np.abs(exact).max())


@pytest.mark.parametrize("train_bn", [None, True])
def test_norms_that_train_take_the_batchs_statistics_and_move_the_stored_ones(train_bn):
    layer = filled("mixed_bfloat16", train_bn=train_bn)
    gamma, beta, mean, _ = layer.get_weights()
    outputs = np.float32(layer(maps(3), training=True))
    assert np.allclose(outputs.mean((0, 1, 2)), beta, atol=0.03)
    assert np.allclose(outputs.std((0, 1, 2)), gamma, rtol=0.05)
    assert not np.allclose(layer.get_weights()[2], mean, atol=1e-4)
