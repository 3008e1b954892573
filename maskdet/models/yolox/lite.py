"""YOLOX for TFLite."""

import keras

from maskdet.layers.lite.candidates import BestAnchors
from maskdet.models.single_shot_lite import lite_detector
from maskdet.models.yolox.config import YoloxConfig
from maskdet.models.yolox.network import BOX_STD, cells_as_shares, predictions


def build_lite_network(config: YoloxConfig, count: int, min_score: float) -> keras.Model:
    """See :func:`lite_detector`.

    Layers with weights are called as in the inference network, so weights go over by name.
    """
    best = BestAnchors(cells_as_shares(config), config.DETECTION_CANDIDATES, name="best_cells")
    return lite_detector(config, predictions, best, BOX_STD, count, min_score)
