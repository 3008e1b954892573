"""The whole network on one screen: backbone, pyramid, RPN, proposals, targets, heads."""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.backbones.registry import get_backbone
from maskdet.config import Config
from maskdet.geometry.anchors import backbone_shapes, generate_pyramid_anchors
from maskdet.geometry.boxes import normalize_boxes
from maskdet.layers import box_coding
from maskdet.layers.detection import DetectionLayer, KeptRows, PadRows
from maskdet.layers.fpn import feature_pyramid
from maskdet.layers.proposals import ProposalLayer
from maskdet.layers.roi_align import PyramidROIAlign
from maskdet.models.mask_rcnn.heads import box_head, mask_head
from maskdet.models.mask_rcnn.rpn import build_rpn_model, run_on_levels
from maskdet.models.mask_rcnn.targets import DetectionTargetLayer, MaskTargets, RPNTargets


def pixel_anchors(config: Config, image_shape: Any = None) -> np.ndarray:
    """All anchors (A, 4) float32 in pixels of the network's input, finest level first."""
    shape = config.IMAGE_SHAPE if image_shape is None else image_shape
    if callable(config.BACKBONE) and config.COMPUTE_BACKBONE_SHAPE is not None:
        sizes = config.COMPUTE_BACKBONE_SHAPE(shape)
    else:
        sizes = backbone_shapes([int(side) for side in shape], config.BACKBONE_STRIDES)
    anchors = generate_pyramid_anchors(
        config.RPN_ANCHOR_SCALES,
        config.RPN_ANCHOR_RATIOS,
        sizes,
        config.BACKBONE_STRIDES,
        config.RPN_ANCHOR_STRIDE,
    )
    return np.asarray(anchors, dtype=np.float32)


def features(image: Any, config: Config) -> list[Any]:
    """Pyramid levels of a molded image (B, H, W, C), finest first, the RPN's extra level last."""
    backbone = get_backbone(config.BACKBONE)
    stages = backbone.build(image, train_bn=config.TRAIN_BN)
    return feature_pyramid(
        stages, list(config.BACKBONE_STRIDES), config.TOP_DOWN_PYRAMID_SIZE, config.SEPARABLE_HEADS
    )


def _rpn(levels: list[Any], config: Config) -> tuple[Any, Any, Any]:
    rpn = build_rpn_model(
        config.RPN_ANCHOR_STRIDE,
        len(config.RPN_ANCHOR_RATIOS),
        config.TOP_DOWN_PYRAMID_SIZE,
        config.RPN_CHANNELS,
        config.SEPARABLE_HEADS,
    )
    return run_on_levels(rpn, levels)


def _proposals(
    scores: Any, deltas: Any, anchors: Any, count: int, config: Config, kernels: str
) -> Any:
    layer = ProposalLayer(
        count=count,
        nms_threshold=config.RPN_NMS_THRESHOLD,
        pre_nms_limit=config.PRE_NMS_LIMIT,
        box_std=config.RPN_BBOX_STD_DEV,
        kernels=kernels,
        name="ROI",
    )
    return layer([scores, deltas, anchors])


def _align(rois: Any, levels: list[Any], pool: int, config: Config, kernels: str, name: str) -> Any:
    layer = PyramidROIAlign(
        pool_size=pool,
        image_shape=tuple(config.IMAGE_SHAPE[:2]),
        first_level=int(config.BACKBONE_STRIDES[0]).bit_length() - 1,
        kernels=kernels,
        name=name,
    )
    return layer([rois, *levels[:-1]])  # the extra level is the RPN's alone


def _heads_bn(config: Config) -> bool | None:
    chosen = config.TRAIN_HEADS_BN
    return config.TRAIN_BN if chosen == "same" else chosen  # type: ignore[return-value]


def _classify(rois: Any, levels: list[Any], config: Config, kernels: str) -> tuple[Any, Any, Any]:
    crops = _align(rois, levels, config.POOL_SIZE, config, kernels, "roi_align_classifier")
    return box_head(crops, config.NUM_CLASSES, config.FPN_CLASSIF_FC_LAYERS_SIZE, _heads_bn(config))


def _masks(rois: Any, levels: list[Any], config: Config, kernels: str) -> Any:
    crops = _align(rois, levels, config.MASK_POOL_SIZE, config, kernels, "roi_align_mask")
    return mask_head(
        crops,
        config.NUM_CLASSES,
        config.MASK_HEAD_CONVS,
        config.MASK_HEAD_CHANNELS,
        config.SEPARABLE_HEADS,
        _heads_bn(config),
    )


def _image_input(config: Config) -> Any:
    return keras.Input(tuple(int(side) for side in config.IMAGE_SHAPE), name="input_image")


def build_inference_network(config: Config, kernels: str = "auto") -> keras.Model:
    """The network that detects.

    Inputs: input_image (B, H, W, C) molded; input_image_meta (B, meta); input_anchors
    (B, A, 4) normalised. Outputs, in matterport's order: detections (B, D, 6), mrcnn_class
    (B, N, classes), mrcnn_bbox (B, N, classes, 4), mrcnn_mask (B, D, h, w, classes), ROI
    (B, N, 4), rpn_class (B, A, 2), rpn_bbox (B, A, 4).
    """
    image = _image_input(config)
    meta = keras.Input((config.IMAGE_META_SIZE,), name="input_image_meta")
    anchors = keras.Input((len(pixel_anchors(config)), 4), name="input_anchors")

    levels = features(image, config)
    _, rpn_scores, rpn_deltas = _rpn(levels, config)
    count = config.POST_NMS_ROIS_INFERENCE
    rois = _proposals(rpn_scores, rpn_deltas, anchors, count, config, kernels)
    _, scores, deltas = _classify(rois, levels, config, kernels)
    window = box_coding.normalize(meta[:, 7:11], *(float(side) for side in config.IMAGE_SHAPE[:2]))
    detections = DetectionLayer(
        count=config.DETECTION_MAX_INSTANCES,
        min_confidence=config.DETECTION_MIN_CONFIDENCE,
        nms_threshold=config.DETECTION_NMS_THRESHOLD,
        box_std=config.BBOX_STD_DEV,
        kernels=kernels,
        name="mrcnn_detection",
    )([rois, scores, deltas, window])
    boxes = KeptRows(kernels, name="detected_boxes")(detections)
    masks = _masks(boxes, levels, config, kernels)
    masks = PadRows(config.DETECTION_MAX_INSTANCES, name="mrcnn_mask_padded")(masks)
    outputs = [detections, scores, deltas, masks, rois, rpn_scores, rpn_deltas]
    return keras.Model([image, meta, anchors], outputs, name="mask_rcnn")


def build_training_network(config: Config, kernels: str = "auto") -> keras.Model:
    """The network that learns: from images and objects to everything the losses compare.

    Inputs: input_image (B, H, W, C) molded; input_active_classes (B, classes);
    input_gt_class_ids (B, M) int32; input_gt_boxes (B, M, 4) pixels; input_gt_masks
    (B, M, h, w), each mask cut out by its object's box. Outputs: a dict by name.
    """
    image = _image_input(config)
    height, width = (int(side) for side in config.IMAGE_SHAPE[:2])
    active = keras.Input((config.NUM_CLASSES,), name="input_active_classes")
    class_ids = keras.Input((None,), dtype="int32", name="input_gt_class_ids")
    pixel_boxes = keras.Input((None, 4), name="input_gt_boxes")
    gt_masks = keras.Input((None, *config.MINI_MASK_SHAPE), name="input_gt_masks")
    anchors = pixel_anchors(config)

    levels = features(image, config)
    rpn_logits, rpn_scores, rpn_deltas = _rpn(levels, config)
    rpn_match, rpn_target = RPNTargets(
        anchors,
        config.RPN_TRAIN_ANCHORS_PER_IMAGE,
        config.RPN_BBOX_STD_DEV,
        config.SEED,
        name="rpn_targets",
    )([class_ids, pixel_boxes])

    normalised = ops.convert_to_tensor(normalize_boxes(anchors, (height, width))[None])
    count = config.POST_NMS_ROIS_TRAINING
    proposals = _proposals(rpn_scores, rpn_deltas, normalised, count, config, kernels)
    gt_boxes = box_coding.normalize(pixel_boxes, height, width)
    rois, target_ids, target_deltas, owner = DetectionTargetLayer(
        config.TRAIN_ROIS_PER_IMAGE,
        config.ROI_POSITIVE_RATIO,
        config.BBOX_STD_DEV,
        config.ROI_TARGETS_FILLED,
        config.SEED,
        name="proposal_targets",
    )([proposals, class_ids, gt_boxes])
    logits, _, deltas = _classify(rois, levels, config, kernels)
    positive = owner.shape[1]
    target_masks = MaskTargets((config.MASK_SHAPE[0], config.MASK_SHAPE[1]), name="mask_targets")(
        [rois[:, :positive], owner, gt_boxes, gt_masks]
    )
    masks = _masks(rois[:, :positive], levels, config, kernels)
    outputs = {
        "rpn_class_logits": rpn_logits,
        "rpn_bbox": rpn_deltas,
        "rpn_match": rpn_match,
        "target_rpn_bbox": rpn_target,
        "rois": rois,
        "mrcnn_class_logits": logits,
        "mrcnn_bbox": deltas,
        "mrcnn_mask": masks,
        "target_class_ids": target_ids,
        "target_bbox": target_deltas,
        "target_mask": target_masks,
        "active_classes": active,
    }
    inputs = [image, active, class_ids, pixel_boxes, gt_masks]
    return keras.Model(inputs, outputs, name="mask_rcnn")
