"""Single-shot detectors for TFLite: one image, built-in operations only."""

from collections.abc import Callable
from typing import Any

import keras

from maskdet.layers.lite.candidates import BestAnchors
from maskdet.layers.lite.detection import ContractOutputs, DetectionWindow, LiteDetections


def lite_detector(
    config: Any,
    predictions: Callable[[Any, Any], tuple[Any, ...]],
    best: BestAnchors,
    box_std: Any,
    count: int,
    min_score: float,
) -> keras.Model:
    """The network that detects in one image, its weights fresh.

    Args:
        config: a SingleShotConfig.
        predictions: from an image (1, H, W, 3) and ``config`` to what ``best`` takes.
        best: which of the anchors are looked at.
        box_std: deltas are divided by these four numbers.
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
    anchors, scores, deltas = best(*predictions(image, config))
    boxes, class_ids, scores, valid = LiteDetections(
        count,
        min_score,
        config.DETECTION_NMS_THRESHOLD,
        box_std,
        classes="all",
        candidates=config.DETECTION_CANDIDATES,
        name="detections",
    )(anchors, scores, deltas, DetectionWindow(name="detection_window")(image))
    contract = ContractOutputs((height, width), plain=True, name="detection_outputs")
    outputs = contract(boxes, class_ids, scores, valid)
    return keras.Model({"image": image}, outputs, name=config.family_name)
