"""Guards: every maker of kernels gives the numbers of the numpy reference in geometry/."""

import keras
import numpy as np
import pytest

from maskdet.errors import ConfigError
from maskdet.geometry.nms import non_max_suppression
from maskdet.layers.kernels import get_kernels

MAKERS = ["portable"] + (["native"] if keras.backend.backend() == "tensorflow" else [])


def make_boxes(count, seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 0.7, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(0.05, 0.3, (count, 2))], 1).astype("f4")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_suppression_equals_the_numpy_reference(maker, threshold):
    boxes = np.stack([make_boxes(60, seed) for seed in range(2)])
    scores = np.random.default_rng(9).permutation(120).reshape(2, 60).astype("f4") / 120
    indices, valid = get_kernels(maker).non_max_suppression(boxes, scores, threshold, 40)
    for image in range(2):
        expected = non_max_suppression(boxes[image], scores[image], threshold)[:40]
        stayed = np.asarray(indices)[image][np.asarray(valid)[image]]
        assert stayed.tolist() == expected.tolist()


@pytest.mark.parametrize("maker", MAKERS)
def test_suppression_pads_with_invalid_rows_and_skips_minus_infinity(maker):
    boxes = np.array([[[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]], "f4")
    scores = np.array([[0.1, -np.inf, 0.9]], "f4")
    indices, valid = get_kernels(maker).non_max_suppression(boxes, scores, 0.5, 4)
    assert np.asarray(valid).tolist() == [[True, True, False, False]]
    assert np.asarray(indices).tolist() == [[2, 0, 0, 0]]


@pytest.mark.parametrize("maker", MAKERS)
def test_suppression_of_nothing_gives_nothing(maker):
    scores = np.full((1, 5), -np.inf, "f4")
    _, valid = get_kernels(maker).non_max_suppression(make_boxes(5, 0)[None], scores, 0.5, 3)
    assert not np.asarray(valid).any()


@pytest.mark.parametrize("maker", MAKERS)
def test_roi_align_reads_a_ramp_exactly(maker):
    # The map holds y * 10 + x at each of its 5 x 5 cells; bilinear reading of a plane is exact.
    ramp = (np.arange(5)[:, None] * 10 + np.arange(5)[None]).astype("f4")[None, :, :, None]
    rois = np.array([[[0, 0, 1, 1], [0.25, 0.5, 0.75, 0.5]]], "f4")
    crops = get_kernels(maker).roi_align(rois, np.zeros((1, 2), "i4"), [ramp], (3, 3))
    crops = np.asarray(crops)[0, ..., 0]
    assert crops[0].tolist() == [[0, 2, 4], [20, 22, 24], [40, 42, 44]]
    assert crops[1].tolist() == [[12, 12, 12], [22, 22, 22], [32, 32, 32]]


@pytest.mark.skipif("native" not in MAKERS, reason="needs the TensorFlow backend")
def test_roi_align_of_both_makers_agrees_on_a_pyramid():
    rng = np.random.default_rng(1)
    maps = [rng.normal(size=(2, side, side, 6)).astype("f4") for side in (16, 8, 4)]
    rois = np.stack([make_boxes(30, seed) for seed in (3, 4)])
    level = rng.integers(0, 3, (2, 30)).astype("i4")
    native, portable = (
        np.asarray(get_kernels(maker).roi_align(rois, level, maps, (7, 7)))
        for maker in ("native", "portable")
    )
    assert native.shape == (2, 30, 7, 7, 6)
    np.testing.assert_allclose(native, portable, atol=1e-5)


def test_unknown_maker_is_named():
    with pytest.raises(ConfigError, match="'cuda'.*native.*portable"):
        get_kernels("cuda")
