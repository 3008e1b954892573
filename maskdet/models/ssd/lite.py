"""SSD for TFLite: the inference network for one image, in built-in operations only."""

import keras

from maskdet.layers.lite.candidates import BestAnchors
from maskdet.layers.lite.detection import ContractOutputs, DetectionWindow, LiteDetections
from maskdet.models.ssd.anchors import anchors_as_shares
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.network import predictions


def build_lite_network(config: SsdConfig, count: int, min_score: float) -> keras.Model:
    """The network that detects in one image, its weights fresh.

    Layers with weights are called as in the inference network, so weights go over by name.

    Args:
        count: rows of the result.
        min_score: lowest score of a row.

    Returns:
        A model. Inputs: a dict, image (1, H, W, 3) scaled. Outputs, a dict in this order: boxes
        (1, count, 4) y1, x1, y2, x2 as shares of the input's sides; classes (1, count) from 0
        without background; scores (1, count); count (1,). All float32, zeros behind the last
        object.
    """
    height, width = config.input_sides
    image = keras.Input(batch_shape=(1, height, width, config.IMAGE_CHANNEL_COUNT), name="image")
    logits, deltas = predictions(image, config)
    best = BestAnchors(
        anchors_as_shares(config),
        config.DETECTION_CANDIDATES,
        activation="softmax" if config.CLASS_LOSS == "softmax" else "sigmoid",
        background=True,
        name="best_anchors",
    )
    anchors, scores, deltas = best(logits, deltas)
    boxes, class_ids, scores, valid = LiteDetections(
        count,
        min_score,
        config.DETECTION_NMS_THRESHOLD,
        config.BBOX_STD_DEV,
        classes="all",
        candidates=config.DETECTION_CANDIDATES,
        name="detections",
    )(anchors, scores, deltas, DetectionWindow(name="detection_window")(image))
    contract = ContractOutputs((height, width), plain=True, name="detection_outputs")
    return keras.Model({"image": image}, contract(boxes, class_ids, scores, valid), name="ssd")
