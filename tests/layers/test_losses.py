"""Guards: the parts of losses are the numbers one can work out by hand."""

import math

import keras
import numpy as np
import pytest

from maskdet.layers import losses


def test_smooth_l1_is_square_near_and_linear_far():
    loss = np.asarray(losses.smooth_l1(np.zeros(4, "f4"), np.array([0.5, 1.0, -3.0, 0.0], "f4")))
    assert loss.tolist() == [0.125, 0.5, 2.5, 0.0]


def test_softmax_cross_entropy_is_the_logarithm_of_the_true_classs_share():
    logits = np.array([[[0, math.log(3)], [math.log(3), 0]]], "f4")
    loss = np.asarray(losses.softmax_cross_entropy(np.array([[1, 1]], "i4"), logits))
    np.testing.assert_allclose(loss, [[-math.log(3 / 4), -math.log(1 / 4)]], atol=1e-6)


def test_softmax_cross_entropy_of_large_logits_is_finite():
    loss = losses.softmax_cross_entropy(np.array([1], "i4"), np.array([[1000, 0]], "f4"))
    assert np.asarray(loss).tolist() == [1000]


def test_binary_cross_entropy_by_hand_and_finite_at_both_ends():
    target = np.array([1, 0, 1, 0], "f4")
    loss = np.asarray(losses.binary_cross_entropy(target, np.array([0.8, 0.8, 0, 1], "f4")))
    np.testing.assert_allclose(loss[:2], [-math.log(0.8), -math.log(0.2)], atol=1e-5)
    assert np.isfinite(loss).all() and (loss[2:] > 15).all()


def test_a_mean_counts_what_has_weight():
    values = np.array([[1, 2], [6, 100]], "f4")
    mean = losses.weighted_mean(values, np.array([[1, 1], [1, 0]], "f4"))
    assert float(np.asarray(mean)) == pytest.approx(3)


def test_a_mean_of_nothing_is_zero():
    mean = losses.weighted_mean(np.ones((2, 2), "f4"), np.zeros((2, 2), "f4"))
    assert float(np.asarray(mean)) == 0


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes TensorFlow's gradients")
def test_a_mean_of_nothing_teaches_nothing():
    import tensorflow as tf

    predicted = tf.constant([0.3, 5.0])
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        loss = losses.weighted_mean(losses.smooth_l1(tf.zeros(2), predicted), tf.zeros(2))
    assert tape.gradient(loss, predicted).numpy().tolist() == [0, 0]
