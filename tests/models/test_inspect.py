"""Promise: one call makes one picture of what a network makes of an image, whatever its family."""

import numpy as np
import pytest

from maskdet import (
    SSD,
    YOLOX,
    Classifier,
    LiteConfig,
    MaskRCNN,
    MobileConfig,
    SsdConfig,
    YoloxConfig,
)
from maskdet.errors import UsageError
from maskdet.images import read_image
from maskdet.models.inspecting import Look, stage_ends
from maskdet.visualize.insights import boxes_over, feature_mosaic, heat_over
from tests.models.classifier.conftest import SmallConfig

IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
KINDS = {
    "anchors": (MaskRCNN, LiteConfig, 128),
    "cells": (MaskRCNN, MobileConfig, 128),
    "ssd": (SSD, SsdConfig, 96),
    "yolox": (YOLOX, YoloxConfig, 96),
}


@pytest.fixture(scope="module", params=list(KINDS))
def detector(request, tmp_path_factory):
    kind, config_class, side = KINDS[request.param]
    config = config_class()
    config.NAME, config.NUM_CLASSES = "look", 3
    config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = side
    return kind("inference", config, tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    model = Classifier("inference", SmallConfig(), tmp_path_factory.mktemp("logs"))
    model.load_weights("imagenet")
    kernel = np.random.default_rng(0).normal(size=(1000, 3))
    model.network.get_layer("classifier_logits").set_weights([kernel, np.zeros(3)])
    return model


def test_a_detectors_anchors_proposals_and_detections(detector, tmp_path):
    sheet = detector.inspect(IMAGE, tmp_path / "look.png")
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    np.testing.assert_array_equal(read_image(tmp_path / "look.png"), sheet)
    look = Look(detector.trained, IMAGE)
    anchors = detector.anchor_look(look)
    assert anchors.anchors.shape == anchors.moved.shape == (len(anchors.scores), 4)
    assert 0 <= anchors.scores.min() and anchors.scores.max() <= 1
    assert (anchors.proposals is not None) == isinstance(detector, MaskRCNN)
    panels = detector.own_panels(look)
    assert [title.split()[0] for _, title in panels][0] == "the"
    assert panels[-1][1] == "detections" and panels[-1][0].shape == IMAGE.shape


def test_each_stage_of_the_backbone_is_shown(detector):
    names = stage_ends(detector.trained)
    look = Look(detector.trained, IMAGE)
    sides = [maps.shape[0] for maps in look.layer_arrays(*names)]
    assert len(sides) >= 4 and sides == sorted(sides, reverse=True)


def test_a_classifiers_picture(classifier, tmp_path):
    assert classifier.inspect(IMAGE, tmp_path / "look.jpg").shape[2] == 3
    panels = classifier.own_panels(Look(classifier.trained, IMAGE))
    [labels] = classifier.classify([IMAGE])
    assert [title for _, title in panels] == [f"{n} {s:.2f}" for n, s in labels.top(2)]
    assert stage_ends(classifier.trained)[-1] == "stage5_top_conv"


def test_one_layer_alone(classifier):
    sheet = classifier.inspect(IMAGE, layer="stage3_block3_expand")
    assert sheet.shape[1] > 700
    with pytest.raises(UsageError, match=r"no layer 'stage3_blok3_expand'.*stage3_block3_expand"):
        classifier.inspect(IMAGE, layer="stage3_blok3_expand")


def test_what_cannot_be_inspected(tmp_path, classifier):
    model = Classifier("training", SmallConfig(), tmp_path)
    with pytest.raises(UsageError, match="mode='training'"):
        model.inspect(IMAGE)
    with pytest.raises(UsageError, match="image"):
        classifier.inspect(np.zeros((4, 4, 9), np.uint8))


# ---- pictures by hand ------------------------------------------------------------------------
def test_the_liveliest_channel_stands_first():
    maps = np.zeros((2, 2, 3), np.float32)
    maps[..., 1] = [[0, 1], [2, 4]]
    maps[..., 2] = [[5, 5], [5, 6]]
    mosaic = feature_mosaic(maps, count=2, side=44)
    cell = 44 // 2 - 2
    assert mosaic.shape == (cell + 2, 2 * (cell + 2), 3)
    assert mosaic[1, 1].tolist() == [0] * 3 and mosaic[1, cell - 2].tolist() == [63] * 3
    assert mosaic[cell - 2, 1].tolist() == [127] * 3
    assert mosaic[cell - 2, cell - 2].tolist() == [255] * 3
    assert mosaic[1, 2 * cell].tolist() == [0] * 3


def test_heat_is_red_where_it_is_high():
    heat = heat_over(np.full((20, 20, 3), 100, np.uint8), np.array([[0.0, 0.0], [0.0, 1.0]]))
    assert heat[0, 0].tolist() == [100, 100, 100]
    assert heat[19, 19, 0] > 180 and heat[19, 19, 1] < 70


def test_frames_lie_on_the_boxes_borders():
    picture = boxes_over(np.zeros((10, 12, 3), np.uint8), [[2, 3, 8, 10]], (9, 9, 9))
    rows, columns = np.nonzero(picture[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 7, 3, 9)
    assert picture[4, 5, 0] == 0
