"""Guards: a published kernel with its norm folded in becomes one with a norm that gives the same
and that an optimizer's steps, all of one size, do not break."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.backbones.layers import ConvNorm
from maskdet.pretrained.yolox import unfolded

#: (height, width, inputs, outputs); depthwise kernels have one output for each input.
SHAPES = {"1 x 1": (1, 1, 6, 5), "3 x 3": (3, 3, 4, 5), "depthwise": (3, 3, 5, 1)}


def folded(seed, shape, size):
    """Kernel and bias whose channels are of very different sizes."""
    draws = np.random.default_rng(seed)
    kernel = draws.normal(0, size, shape).astype("f4")
    channels = shape[2] if shape[3] == 1 else shape[3]
    factors = (10.0 ** draws.uniform(-3, 1, channels)).astype("f4")
    kernel *= factors[:, None] if shape[3] == 1 else factors
    return kernel, draws.normal(0, 1, channels).astype("f4")


def sizes(kernel):
    """The root of each channel's mean square."""
    axes = (0, 1, 3) if kernel.shape[3] == 1 else (0, 1, 2)
    return np.sqrt(np.mean(np.square(kernel), axis=axes))


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from(list(SHAPES.values())),
    size=st.sampled_from([1e-2, 1.0, 30.0]),
)
def test_the_result_is_that_of_the_folded_kernel(seed, shape, size):
    kernel, bias = folded(seed, shape, size)
    depthwise = shape[3] == 1
    layer = ConvNorm(None if depthwise else shape[3], shape[0])
    layer.build((None, None, None, shape[2]))
    layer.set_weights(unfolded(kernel, bias))
    inputs = np.random.default_rng(seed).normal(size=(1, 5, 5, shape[2])).astype("f4")
    convolve = keras.ops.depthwise_conv if depthwise else keras.ops.conv
    expected = keras.ops.convert_to_numpy(convolve(inputs, kernel, padding="same")) + bias
    outputs = keras.ops.convert_to_numpy(layer(inputs))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_kernels_have_a_fresh_ones_size(shape):
    """He's: the root of 2 / (numbers that make one output)."""
    kernel, bias = folded(3, shape, 1.0)
    new, gamma, *_ = unfolded(kernel, bias)
    inputs = shape[0] * shape[1] * (1 if shape[3] == 1 else shape[2])
    np.testing.assert_allclose(sizes(new), np.sqrt(2 / inputs), rtol=1e-5)
    assert sizes(kernel).max() > 10 * sizes(kernel).min()  # which they had not before
    assert (gamma > 0).all()


def test_one_channel_by_hand():
    """Numbers 3 and 4: of mean square 12.5, He's for two inputs is 1, so gamma is the root."""
    kernel = np.array([3, 4], "f4").reshape(1, 1, 2, 1)
    new, gamma, beta, mean, variance = unfolded(kernel, np.array([7], "f4"))
    assert gamma == pytest.approx(np.sqrt(12.5)) and beta.tolist() == [7] and mean.tolist() == [0]
    np.testing.assert_allclose(new.reshape(-1), np.array([3, 4]) / np.sqrt(12.5), rtol=1e-6)
    assert variance == pytest.approx(0.999)  # epsilon, 0.001, makes it one


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_channel_of_zeros_stays_one(shape):
    kernel, bias = folded(3, shape, 1.0)
    channel = (slice(None), slice(None), 2) if shape[3] == 1 else (Ellipsis, 2)
    kernel[channel] = 0
    arrays = unfolded(kernel, bias)
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in arrays)
    assert not arrays[0][channel].any() and arrays[1][2] == 1
