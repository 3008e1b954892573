"""The whole network on one screen: backbone, pyramid, RPN, proposals, targets, heads."""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.backbones.registry import get_backbone
from maskdet.backbones.scaling import pixels_of
from maskdet.geometry.boxes import normalize_boxes
from maskdet.layers import box_coding, pyramid
from maskdet.layers.detection import (
    DetectionLayer,
    KeptRows,
    PadRows,
    PositiveRows,
    with_objectness,
)
from maskdet.layers.dynamic_matching import DynamicTargets
from maskdet.layers.fpn import feature_pyramid, lateral_levels
from maskdet.layers.proposals import ProposalLayer
from maskdet.layers.roi_align import PyramidROIAlign
from maskdet.models.mask_rcnn.box_supervision import (
    RoiColours,
    WideRois,
    own_boxes,
    unmarked,
)
from maskdet.models.mask_rcnn.colour_field import CONTEXT_SHAPE, context_boxes
from maskdet.models.mask_rcnn.config import CELL_STRIDES, Config
from maskdet.models.mask_rcnn.heads import NormRule, box_head, mask_head
from maskdet.models.mask_rcnn.rpn import anchor_free_rpn, build_rpn_model, run_on_levels
from maskdet.models.mask_rcnn.targets import DetectionTargetLayer, MaskTargets, RPNTargets
from maskdet.models.written import BuiltNetwork


def anchor_settings(config: Config, image_shape: Any = None) -> dict[str, Any]:
    """A Config as the keyword arguments of the anchors in :mod:`maskdet.layers.pyramid`.

    ``image_shape`` (height, width, ...) is that of the network's input, IMAGE_SHAPE where None.
    """
    shape = config.IMAGE_SHAPE if image_shape is None else image_shape
    if config.RPN_ANCHOR_FREE:
        strides = config.BACKBONE_STRIDES
        return {"image_shape": shape, "scales": strides, "ratios": [1.0], "strides": strides}
    computed = callable(config.BACKBONE) and config.COMPUTE_BACKBONE_SHAPE is not None
    return {
        "image_shape": shape,
        "scales": config.RPN_ANCHOR_SCALES,
        "ratios": config.RPN_ANCHOR_RATIOS,
        "strides": config.BACKBONE_STRIDES,
        "anchor_stride": config.RPN_ANCHOR_STRIDE,
        "level_shapes": config.COMPUTE_BACKBONE_SHAPE(shape) if computed else None,
    }


def pixel_anchors(config: Config, image_shape: Any = None, dtype: Any = np.float32) -> np.ndarray:
    """All anchors (A, 4) in pixels of the network's input, finest level first."""
    return pyramid.pixel_anchors(**anchor_settings(config, image_shape), dtype=dtype)


def rpn_box_std(config: Config) -> Any:
    """What the RPN's deltas are divided by: four numbers."""
    return [1.0] * 4 if config.RPN_ANCHOR_FREE else config.RPN_BBOX_STD_DEV


def overhang(config: Config) -> float:
    """See :class:`maskdet.layers.proposals.ProposalLayer`: boxes without anchors are plain."""
    return 1.0 / CELL_STRIDES[0] if config.RPN_ANCHOR_FREE else 0.0


def normalised_anchors(config: Config, image_shape: Any) -> np.ndarray:
    """:func:`pixel_anchors` in the 0..1 form, float32 (A, 4); they must not be written to."""
    if config.RPN_ANCHOR_FREE:
        # The 0..1 form's far corners are the last pixel: at a side of 8 pixels, where all boxes are
        # exponentials of it, that would make them an eighth smaller than they were learned.
        anchors = pixel_anchors(config, image_shape, np.float64) + [0, 0, 1, 1]
        return normalize_boxes(anchors, image_shape)
    return pyramid.normalised_anchors(**anchor_settings(config, image_shape))


def features(image: Any, config: Config, **kwargs: Any) -> tuple[list[Any], list[Any]]:
    """Levels of one width that RoIs are cut from, and the maps that the RPN looks at.

    Args:
        image: molded, (B, H, W, C).
        **kwargs: go to :func:`maskdet.layers.fpn.feature_pyramid`.

    Returns:
        Two lists of maps (B, H / stride, W / stride, channels), finest first.
    """
    backbone = get_backbone(config.BACKBONE)
    stages = backbone.build(image, train_bn=config.TRAIN_BN)
    strides, channels = list(config.BACKBONE_STRIDES), config.TOP_DOWN_PYRAMID_SIZE
    if config.RPN_ANCHOR_FREE:
        if backbone.neck:
            return lateral_levels(stages, strides, channels), stages[-len(strides) :]
        maps = feature_pyramid(stages, [*strides, 64], channels, config.SEPARABLE_HEADS, **kwargs)
        return maps[:-1], maps[:-1]
    maps = feature_pyramid(stages, strides, channels, config.SEPARABLE_HEADS, **kwargs)
    return maps[:-1], maps  # the extra level is the RPN's alone


def fixed_shape(config: Config) -> tuple[int, int] | None:
    """(height, width) of every input; None where the resize mode lets it differ in inference."""
    return pyramid.fixed_shape(config.IMAGE_SHAPE, resize_mode=config.IMAGE_RESIZE_MODE)


def region_proposals(maps: list[Any], config: Config) -> tuple[Any, Any, Any]:
    """The RPN's logits, scores and deltas on all maps."""
    if config.RPN_ANCHOR_FREE:
        return anchor_free_rpn(maps, config.TRAIN_BN)
    rpn = build_rpn_model(
        config.RPN_ANCHOR_STRIDE,
        len(config.RPN_ANCHOR_RATIOS),
        config.TOP_DOWN_PYRAMID_SIZE,
        config.RPN_CHANNELS,
        config.SEPARABLE_HEADS,
    )
    return run_on_levels(rpn, maps)


def _proposals(
    scores: Any,
    deltas: Any,
    anchors: Any,
    count: int,
    config: Config,
    kernels: str,
    with_scores: bool = False,
) -> Any:
    layer = ProposalLayer(
        count=count,
        nms_threshold=config.RPN_NMS_THRESHOLD,
        pre_nms_limit=config.PRE_NMS_LIMIT,
        box_std=rpn_box_std(config),
        kernels=kernels,
        with_scores=with_scores,
        overhang=overhang(config),
        name="ROI",
    )
    return layer([scores, deltas, anchors])


def _align(rois: Any, levels: list[Any], pool: int, config: Config, kernels: str, name: str) -> Any:
    layer = PyramidROIAlign(
        pool_size=pool,
        image_shape=fixed_shape(config),
        first_level=int(config.BACKBONE_STRIDES[0]).bit_length() - 1,
        kernels=kernels,
        name=name,
    )
    return layer([rois, *levels])


def heads_norm(config: Config) -> NormRule:
    """How the heads' batch norms train."""
    setting: Any = config.TRAIN_HEADS_BN
    return config.TRAIN_BN if setting == "same" else setting, float(config.HEADS_BN_MOMENTUM)


def _classify(rois: Any, levels: list[Any], config: Config, kernels: str) -> tuple[Any, Any, Any]:
    crops = _align(rois, levels, config.POOL_SIZE, config, kernels, "roi_align_classifier")
    return box_head(
        crops, config.NUM_CLASSES, config.FPN_CLASSIF_FC_LAYERS_SIZE, heads_norm(config)
    )


def _masks(rois: Any, levels: list[Any], config: Config, kernels: str) -> Any:
    crops = _align(rois, levels, config.MASK_POOL_SIZE, config, kernels, "roi_align_mask")
    return mask_head(
        crops,
        config.NUM_CLASSES,
        config.MASK_HEAD_CONVS,
        config.MASK_HEAD_CHANNELS,
        config.SEPARABLE_HEADS,
        heads_norm(config),
    )


def _positive_masks(
    rois: Any, target_ids: Any, levels: list[Any], config: Config, kernels: str
) -> Any:
    """Masks (B, P, h, w, classes) of the places for positive RoIs (B, P, 4), which come first.

    An image has 66 such places and often three objects: the head works on as many places as the
    fullest image of the batch has, and zeros fill the rest, of which no loss takes notice. Not so
    where norms take their statistics of the batch: those would then be other ones.
    """
    trains, _ = heads_norm(config)
    if trains is not False:
        return _masks(rois, levels, config, kernels)
    count = int(rois.shape[1])
    kept = PositiveRows(kernels, name="positive_rois")([rois, target_ids[:, :count]])
    masks = _masks(kept, levels, config, kernels)
    return PadRows(count, name="mrcnn_mask_places")(masks)


def _image_input(config: Config, shape: tuple[int, int] | None) -> Any:
    sides = (None, None) if shape is None else shape
    return keras.Input((*sides, int(config.IMAGE_SHAPE[2])), name="input_image")


def build_inference_network(config: Config, kernels: str = "auto") -> keras.Model:
    """The network that detects.

    Inputs: input_image (B, H, W, C) molded; input_image_meta (B, meta); input_anchors
    (B, A, 4) normalised. Outputs, in matterport's order: detections (B, D, 6), mrcnn_class
    (B, N, classes), mrcnn_bbox (B, N, classes, 4), mrcnn_mask (B, D, h, w, classes), ROI
    (B, N, 4), rpn_class (B, A, 2), rpn_bbox (B, A, 4).
    """
    shape = fixed_shape(config)
    image = _image_input(config, shape)
    meta = keras.Input((config.IMAGE_META_SIZE,), name="input_image_meta")
    count_of_anchors = None if shape is None else len(pixel_anchors(config))
    anchors = keras.Input((count_of_anchors, 4), name="input_anchors")

    levels, maps = features(image, config)
    _, rpn_scores, rpn_deltas = region_proposals(maps, config)
    count = config.POST_NMS_ROIS_INFERENCE
    share = float(config.DETECTION_OBJECTNESS)
    proposals = _proposals(rpn_scores, rpn_deltas, anchors, count, config, kernels, share > 0)
    rois, objectness = proposals if share else (proposals, None)
    _, scores, deltas = _classify(rois, levels, config, kernels)
    ranked = with_objectness(scores, objectness, share) if share else scores
    window = box_coding.normalize_each(meta[:, 7:11], meta[:, 4:6])
    detections = DetectionLayer(
        count=config.DETECTION_MAX_INSTANCES,
        min_confidence=config.DETECTION_MIN_CONFIDENCE,
        nms_threshold=config.DETECTION_NMS_THRESHOLD,
        box_std=config.BBOX_STD_DEV,
        kernels=kernels,
        classes="all" if config.DETECTION_EVERY_CLASS else "best",
        name="mrcnn_detection",
    )([rois, ranked, deltas, window])
    boxes = KeptRows(kernels, name="detected_boxes")(detections)
    masks = _masks(boxes, levels, config, kernels)
    masks = PadRows(config.DETECTION_MAX_INSTANCES, name="mrcnn_mask_padded")(masks)
    outputs = [detections, scores, deltas, masks, rois, rpn_scores, rpn_deltas]
    return BuiltNetwork([image, meta, anchors], outputs, name="mask_rcnn")


def _rpn_targets(anchors: np.ndarray, config: Config) -> RPNTargets:
    return RPNTargets(
        anchors,
        config.RPN_TRAIN_ANCHORS_PER_IMAGE,
        config.RPN_BBOX_STD_DEV,
        config.SEED,
        name="rpn_targets",
    )


def _head_targets(config: Config) -> DetectionTargetLayer:
    return DetectionTargetLayer(
        config.TRAIN_ROIS_PER_IMAGE,
        config.ROI_POSITIVE_RATIO,
        config.BBOX_STD_DEV,
        config.ROI_TARGETS_FILLED,
        config.SEED,
        name="proposal_targets",
    )


def _mask_targets(config: Config) -> MaskTargets:
    shape = (config.MASK_SHAPE[0], config.MASK_SHAPE[1])
    return MaskTargets(shape, config.USE_MINI_MASK, name="mask_targets")


def _box_supervision(
    image: Any,
    rois: Any,
    owner: Any,
    gt_boxes: Any,
    outlined: Any,
    config: Config,
    kernels: str,
) -> tuple[Any, dict[str, Any]]:
    """RoIs (B, P, 4) for the mask head, and what losses for objects with a box alone compare."""
    shape = (int(config.MASK_SHAPE[0]), int(config.MASK_SHAPE[1]))
    boxes = own_boxes(gt_boxes, owner)  # (B, P, 4)
    own_outlined = ops.take_along_axis(outlined, owner, axis=1)  # (B, P)
    wide = WideRois(config.MASK_BOX_MARGIN, config.SEED, name="mask_rois")
    rois = wide([rois, boxes, own_outlined])  # (B, P, 4)
    pixels = pixels_of(config)
    colours = RoiColours(shape, pixels.mean, pixels.std, kernels, name="mask_colours")
    context = RoiColours(CONTEXT_SHAPE, pixels.mean, pixels.std, kernels, name="mask_context")
    return rois, {
        "mask_outlined": own_outlined,
        "mask_rois": rois,
        "mask_boxes": boxes,
        "mask_colours": colours([rois, image]),
        "mask_context": context([context_boxes(boxes), image]),
    }


def build_training_network(config: Config, kernels: str = "auto") -> keras.Model:
    """The network that learns: from images and objects to everything the losses compare.

    Inputs: input_image (B, H, W, C) molded; input_active_classes (B, classes);
    input_gt_class_ids (B, M) int32; input_gt_boxes (B, M, 4) pixels; input_gt_masks
    (B, M, h, w), each mask cut out by its object's box (without USE_MINI_MASK: as large as the
    image), of no meaning for objects that have only a box, see
    :func:`~maskdet.models.mask_rcnn.box_supervision.marked`; without USE_RPN_ROIS also input_roi
    (B, N, 4) pixels. Outputs: a dict by name.
    """
    height, width = (int(side) for side in config.IMAGE_SHAPE[:2])
    image = _image_input(config, (height, width))
    active = keras.Input((config.NUM_CLASSES,), name="input_active_classes")
    marked_ids = keras.Input((None,), dtype="int32", name="input_gt_class_ids")
    class_ids, outlined = unmarked(marked_ids)
    pixel_boxes = keras.Input((None, 4), name="input_gt_boxes")
    mask_shape = config.MINI_MASK_SHAPE if config.USE_MINI_MASK else (height, width)
    gt_masks = keras.Input((None, *mask_shape), name="input_gt_masks")
    anchors = pixel_anchors(config)

    levels, maps = features(image, config)
    rpn_logits, rpn_scores, rpn_deltas = region_proposals(maps, config)
    if config.RPN_ANCHOR_FREE:
        rpn_boxes = box_coding.decode(ops.convert_to_tensor(anchors[None]), rpn_deltas)
        targets = DynamicTargets(anchors, name="rpn_targets")
        rpn_match, rpn_target, _ = targets([rpn_boxes, rpn_logits[..., 1], class_ids, pixel_boxes])
    else:
        rpn_boxes = rpn_deltas
        rpn_match, rpn_target = _rpn_targets(anchors, config)([class_ids, pixel_boxes])

    inputs = [image, active, marked_ids, pixel_boxes, gt_masks]
    count = config.POST_NMS_ROIS_TRAINING
    if config.USE_RPN_ROIS:
        normalised = ops.convert_to_tensor(normalised_anchors(config, (height, width))[None])
        proposals = _proposals(rpn_scores, rpn_deltas, normalised, count, config, kernels)
    else:
        inputs.append(keras.Input((count, 4), name="input_roi"))
        proposals = box_coding.normalize(inputs[-1], height, width)
    gt_boxes = box_coding.normalize(pixel_boxes, height, width)
    rois, target_ids, target_deltas, owner = _head_targets(config)([proposals, class_ids, gt_boxes])
    logits, scores, deltas = _classify(rois, levels, config, kernels)
    positive = owner.shape[1]
    mask_rois, by_box = _box_supervision(
        image, rois[:, :positive], owner, gt_boxes, outlined, config, kernels
    )
    target_masks = _mask_targets(config)([mask_rois, owner, gt_boxes, gt_masks])
    masks = _positive_masks(mask_rois, target_ids, levels, config, kernels)
    outputs = {
        "rpn_class_logits": rpn_logits,
        "rpn_class": rpn_scores,
        "rpn_bbox": rpn_boxes,
        "rpn_match": rpn_match,
        "target_rpn_bbox": rpn_target,
        "proposals": proposals,
        "rois": rois,
        "mrcnn_class_logits": logits,
        "mrcnn_class": scores,
        "mrcnn_bbox": deltas,
        "mrcnn_mask": masks,
        "target_class_ids": target_ids,
        "target_bbox": target_deltas,
        "target_mask": target_masks,
        "active_classes": active,
        **by_box,
    }
    return BuiltNetwork(inputs, outputs, name="mask_rcnn")
