"""Mask R-CNN for TFLite: the inference network for one image, in built-in operations only."""

from typing import Any

import keras
import numpy as np

from maskdet.geometry.anchors import backbone_shapes
from maskdet.geometry.boxes import normalize_boxes
from maskdet.layers.detection import with_objectness
from maskdet.layers.fpn import convolution
from maskdet.layers.lite.base import AddAxis
from maskdet.layers.lite.detection import ContractOutputs, DetectionWindow, LiteDetections
from maskdet.layers.lite.masks import (
    Interleave,
    ObjectsConv,
    OwnClass,
    OwnClassConv,
    SubpixelDoubling,
)
from maskdet.layers.lite.proposals import LiteProposals, Objectness
from maskdet.layers.lite.roi_align import LitePyramidTable, LiteROIAlign, LiteUpsampling
from maskdet.models.mask_rcnn.config import Config
from maskdet.models.mask_rcnn.heads import box_head, head_norm
from maskdet.models.mask_rcnn.network import (
    features,
    heads_norm,
    normalised_anchors,
    overhang,
    pixel_anchors,
    region_proposals,
    rpn_box_std,
)

# With more classes than this, each object's class alone is worked out instead of all of them.
FEW_CLASSES = 8


def build_lite_network(
    config: Config, count: int, min_score: float, with_masks: bool, with_window: bool
) -> keras.Model:
    """The network that detects in one image, its weights fresh.

    Layers with weights are called as in the inference network, so weights go over by name.

    Args:
        count: rows of the result.
        min_score: lowest score of a row.
        with_masks: whether masks are an output.
        with_window: whether the part of the input that is image is an input of its own; otherwise
            it is the whole.

    Returns:
        A model. Inputs: image (1, H, W, C) molded; window (1, 4) normalised. Outputs, a dict in
        this order: boxes (1, count, 4) y1, x1, y2, x2 as shares of the input's sides; classes
        (1, count) from 0 without background; scores (1, count); count (1,); masks
        (1, count, h, w). All float32, zeros behind the last object.
    """
    height, width = (int(side) for side in config.IMAGE_SHAPE[:2])
    image = keras.Input(batch_shape=(1, height, width, int(config.IMAGE_SHAPE[2])), name="image")
    inputs = {"image": image}
    if with_window:
        inputs["window"] = keras.Input(batch_shape=(1, 4), name="window")
    window = DetectionWindow(name="detection_window")(*list(inputs.values())[1:] or [image])
    levels, maps = features(image, config, upsampling=lambda name: LiteUpsampling(name=name))
    logits, _, deltas = region_proposals(maps, config)
    rois, objectness = _proposals(logits, deltas, config)
    sizes = [(int(level.shape[1]), int(level.shape[2])) for level in levels]
    table = LitePyramidTable(name="roi_align_table")(levels)

    def align(boxes: Any, pool: int, name: str) -> Any:
        first = int(config.BACKBONE_STRIDES[0]).bit_length() - 1
        return LiteROIAlign(pool, (height, width), sizes, first, name=name)(table, boxes)

    crops = AddAxis(name="roi_align_rois")(align(rois, config.POOL_SIZE, "roi_align_classifier"))
    classes = config.NUM_CLASSES
    _, scores, deltas = box_head(
        crops, classes, config.FPN_CLASSIF_FC_LAYERS_SIZE, heads_norm(config)
    )
    if config.DETECTION_OBJECTNESS:
        objectness = AddAxis(name="rpn_kept_objectness")(objectness)  # (1, N)
        scores = with_objectness(scores, objectness, float(config.DETECTION_OBJECTNESS))
    boxes, class_ids, best, valid = LiteDetections(
        count,
        min_score,
        config.DETECTION_NMS_THRESHOLD,
        config.BBOX_STD_DEV,
        classes="all" if config.DETECTION_EVERY_CLASS else "best",
        name="mrcnn_detection",
    )(rois, scores, deltas, window)
    shape = (height, width)
    outputs = ContractOutputs(shape, name="detection_outputs")(boxes, class_ids, best, valid)
    if with_masks:
        crops = align(boxes, config.MASK_POOL_SIZE, "roi_align_mask")
        outputs["masks"] = _mask_head(crops, class_ids, valid, config)
    return keras.Model(inputs, outputs, name="mask_rcnn_lite")


def _proposals(logits: Any, deltas: Any, config: Config) -> Any:
    shape = [int(side) for side in config.IMAGE_SHAPE]
    anchor_stride = 1 if config.RPN_ANCHOR_FREE else config.RPN_ANCHOR_STRIDE
    cells = [
        int(np.prod(-(-size // anchor_stride)))
        for size in backbone_shapes(shape, config.BACKBONE_STRIDES)
    ]
    anchors = normalize_boxes(pixel_anchors(config, shape, np.float64), shape)
    if config.RPN_ANCHOR_FREE:
        anchors = normalised_anchors(config, shape)
    layer = LiteProposals(
        anchors,
        1 if config.RPN_ANCHOR_FREE else len(config.RPN_ANCHOR_RATIOS),
        cells,
        config.POST_NMS_ROIS_INFERENCE,
        config.RPN_NMS_THRESHOLD,
        config.PRE_NMS_LIMIT,
        rpn_box_std(config),
        with_scores=True,
        overhang=overhang(config),
        name="ROI",
    )
    return layer(Objectness(name="rpn_objectness")(logits), deltas)


def _mask_head(crops: Any, class_ids: Any, valid: Any, config: Config) -> Any:
    """Each object's mask for its own class: crops (N, h, w, C) to (1, N, 2 h, 2 w)."""
    rows, channels = crops, config.MASK_HEAD_CHANNELS
    for number in range(1, config.MASK_HEAD_CONVS + 1):
        name = f"mrcnn_mask_conv{number}"
        rows = convolution(channels, 3, name, config.SEPARABLE_HEADS, padding="same")(rows)
        rows = keras.ops.relu(head_norm(rows, f"mrcnn_mask_bn{number}", heads_norm(config)))
    rows = SubpixelDoubling(channels, 2, strides=2, activation="relu", name="mrcnn_mask_deconv")(
        rows
    )
    count, height, width, _ = rows.shape
    rows = keras.ops.reshape(rows, (count, height, 4 * width, channels))
    if config.NUM_CLASSES <= FEW_CLASSES:
        logits = ObjectsConv(config.NUM_CLASSES, name="mrcnn_mask")(rows)
        logits = OwnClass(name="mask_own_class")(logits, class_ids)
    else:
        logits = OwnClassConv(config.NUM_CLASSES, name="mrcnn_mask")([rows, class_ids])
    return Interleave((height, width), name="mask_outputs")(logits, valid)
