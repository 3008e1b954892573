"""Guards: how much object a proposal is comes along with it and counts in its detections as much as
the Config says, in the network and in the exported file."""

import keras
import numpy as np
import pytest

from maskdet.layers.detection import with_objectness
from maskdet.layers.lite.proposals import LiteProposals, Objectness
from maskdet.layers.proposals import ProposalLayer

STD = [0.1, 0.1, 0.2, 0.2]
MAKERS = ["portable"] + (["native"] if keras.backend.backend() == "tensorflow" else [])
#: The second is like the first and goes; the third stands alone.
ANCHORS = np.array([[0, 0, 0.4, 0.4], [0, 0, 0.4, 0.38], [0.5, 0.5, 0.9, 0.9]], "f4")
#: Of objects: 1 / (1 + e^-x) of the logits ln 4, ln 3 and 0.
SCORES = np.array([0.8, 0.75, 0.5], "f4")
KEPT = [0.8, 0.5, 0, 0]


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def proposals(kernels="portable", **settings):
    layer = ProposalLayer(4, 0.7, 100, STD, kernels=kernels, **settings)
    pairs = np.stack([1 - SCORES, SCORES], axis=-1)[None]
    return layer, layer([pairs, np.zeros((1, 3, 4), "f4"), ANCHORS[None]])


@pytest.mark.parametrize("kernels", MAKERS)
def test_scores_are_those_of_the_proposals_that_stay(kernels):
    _, (boxes, scores) = proposals(kernels, with_scores=True)
    np.testing.assert_allclose(numpy(scores), [KEPT], rtol=1e-6)
    np.testing.assert_allclose(numpy(boxes)[0, :2], ANCHORS[[0, 2]], atol=1e-6)
    _, alone = proposals(kernels)
    np.testing.assert_array_equal(numpy(alone), numpy(boxes))


def test_the_files_layer_gives_the_same_from_logits():
    layer = LiteProposals(ANCHORS, 1, [3], 4, 0.7, 100, STD, with_scores=True)
    logits = np.log(SCORES / (1 - SCORES)).astype("f4")
    pairs = np.stack([np.zeros(3), logits], axis=-1).astype("f4")[None]
    boxes, scores = layer(Objectness()(pairs), np.zeros((1, 3, 4), "f4"))
    np.testing.assert_allclose(numpy(scores), KEPT, atol=1e-6)
    np.testing.assert_allclose(numpy(boxes)[:2], ANCHORS[[0, 2]], atol=1e-6)
    assert not numpy(boxes)[2:].any()


def test_a_layer_with_scores_comes_back_from_its_config():
    layer, outputs = proposals(with_scores=True)
    again = ProposalLayer.from_config(layer.get_config())
    assert again.with_scores and again.get_config() == layer.get_config()
    shapes = layer.compute_output_shape([(1, 3, 2), (1, 3, 4), (1, 3, 4)])
    assert shapes == tuple(tuple(output.shape) for output in outputs) == ((1, 4, 4), (1, 4))


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        pytest.param(0.0, [0.64, 0.04], id="none: the class's score"),
        pytest.param(0.5, [0.4, 0.1], id="a half: the root of the product"),
        pytest.param(1.0, [0.25, 0.25], id="all: the proposal's"),
    ],
)
def test_scores_and_objectness_by_hand(share, expected):
    scores, objectness = np.array([[[0.64, 0.04], [0, 0]]], "f4"), np.array([[0.25, 0]], "f4")
    joint = numpy(with_objectness(scores, objectness, share))
    np.testing.assert_allclose(joint[0, 0], expected, rtol=1e-5)
    assert np.isfinite(joint).all()
