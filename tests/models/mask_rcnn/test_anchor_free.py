"""Guards: without anchors a Mask R-CNN finds what its heads' numbers say, to a hundredth of a pixel
and for every size of image; its file finds the same."""

import keras
import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.images import resize_image
from maskdet.layers import box_coding
from maskdet.layers.lite.proposals import LiteProposals
from maskdet.layers.proposals import ProposalLayer
from maskdet.models.mask_rcnn.network import (
    normalised_anchors,
    overhang,
    pixel_anchors,
    rpn_box_std,
)
from maskdet.runtime import Detector
from tests.models.mask_rcnn import by_hand
from tests.models.mask_rcnn.drawn_weights import spread

SIDES = (128, 128)
NAMES = ("BG", "red", "blue")
LOG2, LOG3 = np.log(2), np.log(3)


# ---- one cell's box ----------------------------------------------------------------------------
def by_training(config, deltas, _):
    """Boxes (A, 4) as the losses see them."""
    return np.asarray(box_coding.decode(pixel_anchors(config), deltas))


def by_detection(config, deltas, scores):
    """The best proposal alone."""
    std, shift = rpn_box_std(config), overhang(config)
    layer = ProposalLayer(1, 0.7, 400, std, kernels="portable", overhang=shift)
    anchors = normalised_anchors(config, SIDES)[None]
    pairs = np.stack([1 - scores, scores], axis=-1)[None]
    return plain(layer([pairs, deltas[None], anchors])[0])


def by_file(config, deltas, scores):
    """The best proposal of the exported file."""
    anchors = normalised_anchors(config, SIDES)
    std, shift = rpn_box_std(config), overhang(config)
    layer = LiteProposals(anchors, 1, [256, 64, 16], 1, 0.7, 400, std, overhang=shift)
    return plain(layer(scores, deltas[None]))


def plain(boxes):
    """Pixels of boxes in the 0..1 form, whose far corners are the last pixel inside."""
    return np.asarray(boxes) * 127 + [0, 0, 1, 1]


@pytest.mark.parametrize("way", [by_training, by_detection, by_file])
@pytest.mark.parametrize(
    ("index", "delta", "box"),
    [
        # Cell (3, 5) of stride 8 has its corner at (24, 40).
        pytest.param(3 * 16 + 5, [0.5, 0.5, 0, 0], [24, 40, 32, 48], id="a cell of 8 pixels"),
        pytest.param(3 * 16 + 5, [0, 0, LOG2, LOG3], [16, 28, 32, 52], id="around its corner"),
        # Cell (2, 1) of stride 16 at (32, 16).
        pytest.param(256 + 2 * 8 + 1, [0.25, 1, 0, LOG2], [28, 16, 44, 48], id="of 16 pixels"),
        # Cell (1, 2) of stride 32 at (32, 64).
        pytest.param(320 + 1 * 4 + 2, [0.5, 0.5, LOG2, 0], [16, 64, 80, 96], id="of 32 pixels"),
    ],
)
def test_a_box_is_its_cells_corner_and_its_deltas_times_the_stride(
    make_mobile_config, way, index, delta, box
):
    """Proposals are what was learned: neither an eighth smaller, which boxes of 8 pixels would be
    had cells lost a pixel at their far corners, nor a pixel larger than the losses saw them."""
    deltas, scores = np.zeros((336, 4), "f4"), np.zeros(336, "f4")
    deltas[index], scores[index] = delta, 0.9
    found = way(make_mobile_config(), deltas, scores)
    np.testing.assert_allclose(found[index if len(found) > 1 else 0], box, atol=1e-3)


# ---- whole networks ----------------------------------------------------------------------------
def drawn(config, folder, picture):
    model = MaskRCNN("inference", config, folder)
    spread(model, picture)
    model.class_names = NAMES
    return model


@pytest.fixture(scope="module")
def picture():
    """Blobs of all colours, 128 x 128."""
    return np.kron(
        np.random.default_rng(2).integers(0, 256, (16, 16, 3)), np.ones((8, 8, 1), int)
    ).astype(np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory, make_mobile_config, picture):
    config = make_mobile_config(DETECTION_MIN_CONFIDENCE=0.35)
    return drawn(config, tmp_path_factory.mktemp("drawn"), picture)


def assert_outputs_are_those_by_hand(model, shape):
    """The network's proposals and detections of one image against loops over its heads' numbers."""
    config = model.config
    image = np.random.default_rng(4).integers(0, 256, (*shape, 3)).astype(np.uint8)
    placement = config.placement_rule(detecting=True)(image.shape)
    canvas = resize_image(image, placement)[None]
    inputs = model.family.inference_inputs(canvas, [placement], config)
    # Step by step: tracing such a network takes ten times as long.
    outputs = model.network([keras.ops.convert_to_tensor(array) for array in inputs])
    outputs = [keras.ops.convert_to_numpy(array)[0] for array in outputs]
    rows, scores, deltas, _, rois, rpn_scores, rpn_deltas = outputs
    sides = canvas.shape[1:3]
    boxes, certainty = by_hand.proposals(rpn_scores[:, 1], rpn_deltas, sides, config)
    count, scale = len(boxes), np.array([*sides, *sides]) - 1
    assert count > 5
    np.testing.assert_allclose(rois[:count] * scale, boxes, atol=0.01)
    expected = by_hand.detections(
        boxes, certainty, scores[:count], deltas[:count], placement.window, config
    )
    found = rows[rows[:, 4] > 0]
    assert len(expected) > 3
    np.testing.assert_array_equal(found[:, 4], expected[:, 4])
    np.testing.assert_allclose(found[:, 5], expected[:, 5], atol=1e-5)
    np.testing.assert_allclose(found[:, :4] * scale + [0, 0, 1, 1], expected[:, :4], atol=0.01)
    return expected


def test_proposals_and_detections_by_hand(model):
    rows = assert_outputs_are_those_by_hand(model, (128, 128))
    assert {1, 2} == set(rows[:, 4])


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"DETECTION_OBJECTNESS": 0.0}, id="class scores alone"),
        pytest.param({"DETECTION_EVERY_CLASS": False}, id="the best class alone"),
        pytest.param({"BACKBONE": "mobilenet_v2_0.5"}, id="on a trunk without a pyramid"),
    ],
)
def test_other_rules_by_hand(settings, make_mobile_config, tmp_path, picture):
    config = make_mobile_config(DETECTION_MIN_CONFIDENCE=0.35, **settings)
    assert_outputs_are_those_by_hand(drawn(config, tmp_path, picture), (128, 128))


@pytest.mark.parametrize("shape", [(128, 128), (130, 64)], ids=["square", "tall"])
def test_images_padded_to_64(shape, make_mobile_config, tmp_path, picture):
    config = make_mobile_config(
        IMAGE_RESIZE_MODE="pad64", IMAGE_MIN_DIM=64, DETECTION_MIN_CONFIDENCE=0.35
    )
    assert_outputs_are_those_by_hand(drawn(config, tmp_path, picture), shape)


# ---- the file ----------------------------------------------------------------------------------
def noise(height, width, seed):
    """A photo no two cells of which are alike: of equal scores nobody promises an order."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.thorough
def test_the_file_finds_the_same(model, tmp_path):
    photos = [noise(60 + 10 * number, 110, number) for number in range(4)]
    report = model.export(
        tmp_path / "small.tflite", precision="float32", calibration=photos, progress=False
    )
    assert report.verified and report.comparison.agreement.expected > 3
    image = noise(60, 110, 9)
    [expected] = model.detections([image])
    found = Detector(tmp_path / "small.tflite").detect(image)
    assert len(found) > 3
    count = min(len(found), len(expected))
    np.testing.assert_array_equal(found.class_ids[:count], expected.class_ids[:count])
    np.testing.assert_allclose(found.scores[:count], expected.scores[:count], atol=1e-3)
    np.testing.assert_allclose(found.boxes[:count], expected.boxes[:count], atol=0.05)
