"""SSD for TFLite."""

import keras

from maskdet.layers.lite.candidates import BestAnchors
from maskdet.models.single_shot_lite import lite_detector
from maskdet.models.ssd.anchors import anchors_as_shares
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.network import predictions


def build_lite_network(config: SsdConfig, count: int, min_score: float) -> keras.Model:
    """See :func:`lite_detector`.

    Layers with weights are called as in the inference network, so weights go over by name.
    """
    best = BestAnchors(
        anchors_as_shares(config),
        config.DETECTION_CANDIDATES,
        activation="softmax" if config.CLASS_LOSS == "softmax" else "sigmoid",
        background=True,
        name="best_anchors",
    )
    return lite_detector(config, predictions, best, config.BBOX_STD_DEV, count, min_score)
