"""The network's parts under matterport's names: for scripts that build on them.

Each is one call into the library's own layers; boxes in the 0..1 form unless said otherwise.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.backbones import batch_norm, resnet
from maskdet.config import Config
from maskdet.geometry.anchors import backbone_shapes
from maskdet.layers import box_coding, detection, proposals, roi_align
from maskdet.models.mask_rcnn import heads, rpn, targets
from maskdet.mrcnn.meta import parse_image_meta_graph

build_rpn_model = rpn.build_rpn_model
apply_box_deltas_graph = box_coding.decode


class BatchNorm(batch_norm.BatchNorm):
    """Batch norm that is told at its call what to do: ``BatchNorm(name=...)(x, training=False)``.

    ``training`` False freezes the statistics, None follows the model, True uses the batch's.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(train_bn=kwargs.pop("train_bn", None), **kwargs)

    def __call__(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        # A model hands its own mode to every layer at each run, so the layer remembers the choice.
        if isinstance(inputs, keras.KerasTensor):
            self.train_bn = training
        return super().__call__(inputs, training=training, **kwargs)


def compute_backbone_shapes(config: Config, image_shape: Any) -> np.ndarray:
    """Sizes of the pyramid's levels in cells, int (levels, 2)."""
    if callable(config.BACKBONE) and config.COMPUTE_BACKBONE_SHAPE is not None:
        return np.asarray(config.COMPUTE_BACKBONE_SHAPE(image_shape))
    return backbone_shapes([int(side) for side in image_shape], config.BACKBONE_STRIDES)


# ---- backbone --------------------------------------------------------------------------------
def identity_block(
    input_tensor: Any,
    kernel_size: int,
    filters: Any,
    stage: int,
    block: str,
    use_bias: bool = True,
    train_bn: bool | None = True,
) -> Any:
    """A residual block whose shortcut is the input itself."""
    name = f"{stage}{block}"
    return resnet.bottleneck(
        input_tensor, name, filters, kernel_size, use_bias=use_bias, train_bn=train_bn
    )


def conv_block(
    input_tensor: Any,
    kernel_size: int,
    filters: Any,
    stage: int,
    block: str,
    strides: tuple[int, int] = (2, 2),
    use_bias: bool = True,
    train_bn: bool | None = True,
) -> Any:
    """A residual block with a convolution on its shortcut."""
    name = f"{stage}{block}"
    return resnet.bottleneck(
        input_tensor, name, filters, kernel_size, strides, True, use_bias, train_bn
    )


def resnet_graph(
    input_image: Any, architecture: str, stage5: bool = False, train_bn: bool | None = True
) -> list[Any]:
    """[C1, C2, C3, C4, C5] of "resnet50" or "resnet101"; C5 is None without ``stage5``."""
    return resnet.resnet(input_image, architecture, train_bn, stage5)


# ---- proposals -------------------------------------------------------------------------------
def rpn_graph(feature_map: Any, anchors_per_location: int, anchor_stride: int) -> list[Any]:
    """[logits (B, A, 2), scores (B, A, 2), deltas (B, A, 4)] of one level."""
    return rpn.rpn_head(feature_map, anchor_stride, anchors_per_location)


class ProposalLayer(proposals.ProposalLayer):
    """``ProposalLayer(proposal_count, nms_threshold, config)``; see the library's layer."""

    def __init__(
        self, proposal_count: int, nms_threshold: float, config: Any = None, **kwargs: Any
    ) -> None:
        config = config or Config()
        super().__init__(
            count=proposal_count,
            nms_threshold=nms_threshold,
            pre_nms_limit=config.PRE_NMS_LIMIT,
            box_std=config.RPN_BBOX_STD_DEV,
            **kwargs,
        )


class PyramidROIAlign(roi_align.PyramidROIAlign):
    """``PyramidROIAlign([height, width])`` of ``[boxes, image_meta, P2, P3, ...]``."""

    def __init__(self, pool_shape: Any, **kwargs: Any) -> None:
        height, width = (int(side) for side in pool_shape)
        super().__init__((height, width), None, **kwargs)

    def call(self, inputs: list[Any]) -> Any:
        boxes, _, *maps = inputs
        return super().call([boxes, *maps])

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        boxes, _, *maps = inputs
        return super().compute_output_spec([boxes, *maps])


def overlaps_graph(boxes1: Any, boxes2: Any) -> Any:
    """IoU of boxes1 (N, 4) with boxes2 (M, 4): (N, M)."""
    return box_coding.pairwise_iou(boxes1, boxes2)


def clip_boxes_graph(boxes: Any, window: Any) -> Any:
    """Boxes (N, 4) cut to a window (4,)."""
    return box_coding.clip(boxes, window)


# ---- targets ---------------------------------------------------------------------------------
class DetectionTargetLayer(keras.layers.Layer):
    """``DetectionTargetLayer(config)`` of proposals (B, N, 4), gt_class_ids (B, M), gt_boxes
    (B, M, 4) and gt_masks (B, h, w, M): rois, class ids, deltas and masks of a sample of RoIs."""

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.count = int(config.TRAIN_ROIS_PER_IMAGE)
        self.sample = targets.DetectionTargetLayer(
            self.count,
            config.ROI_POSITIVE_RATIO,
            config.BBOX_STD_DEV,
            config.ROI_TARGETS_FILLED,
            config.SEED,
        )
        shape = (config.MASK_SHAPE[0], config.MASK_SHAPE[1])
        self.masks = targets.MaskTargets(shape, config.USE_MINI_MASK)

    def call(self, inputs: list[Any]) -> tuple[Any, ...]:
        proposed, class_ids, boxes, masks = inputs
        rois, ids, deltas, owner = self.sample([proposed, class_ids, boxes])
        positive = self.sample.positive_count
        planes = ops.transpose(masks, (0, 3, 1, 2))
        mask_targets = self.masks([rois[:, :positive], owner, boxes, planes])
        is_object = ops.cast(ids[:, :positive] > 0, mask_targets.dtype)[..., None, None]
        rest = [[0, 0], [0, self.count - positive], [0, 0], [0, 0]]
        return rois, ids, deltas, ops.pad(mask_targets * is_object, rest)

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, ...]:
        batch, mask = inputs[0].shape[0], tuple(self.config.MASK_SHAPE)
        shapes = ((self.count, 4), (self.count,), (self.count, 4), (self.count, *mask))
        kinds = ("float32", "int32", "float32", "float32")
        return tuple(
            keras.KerasTensor((batch, *shape), kind)
            for shape, kind in zip(shapes, kinds, strict=True)
        )


def detection_targets_graph(
    proposals: Any, gt_class_ids: Any, gt_boxes: Any, gt_masks: Any, config: Config
) -> tuple[Any, ...]:
    """:class:`DetectionTargetLayer` for one image, without the batch's axis."""
    inputs = [ops.expand_dims(x, 0) for x in (proposals, gt_class_ids, gt_boxes, gt_masks)]
    return tuple(output[0] for output in DetectionTargetLayer(config)(inputs))


# ---- detection -------------------------------------------------------------------------------
def _detection_layer(config: Config, **kwargs: Any) -> detection.DetectionLayer:
    return detection.DetectionLayer(
        count=config.DETECTION_MAX_INSTANCES,
        min_confidence=config.DETECTION_MIN_CONFIDENCE,
        nms_threshold=config.DETECTION_NMS_THRESHOLD,
        box_std=config.BBOX_STD_DEV,
        **kwargs,
    )


class DetectionLayer(keras.layers.Layer):
    """``DetectionLayer(config)`` of rois, mrcnn_class, mrcnn_bbox and image_meta: (B, D, 6)."""

    def __init__(self, config: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config or Config()
        self.detect = _detection_layer(self.config)

    def call(self, inputs: list[Any]) -> Any:
        rois, scores, deltas, meta = inputs
        facts = parse_image_meta_graph(meta)
        window = box_coding.normalize_each(facts["window"], facts["image_shape"][:, :2])
        return self.detect([rois, scores, deltas, window])

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[Any, ...]:
        return (input_shape[0][0], self.config.DETECTION_MAX_INSTANCES, 6)


def refine_detections_graph(rois: Any, probs: Any, deltas: Any, window: Any, config: Config) -> Any:
    """Detections (D, 6) of one image, zero padded; ``window`` (4,) in the 0..1 form."""
    inputs = [ops.expand_dims(x, 0) for x in (rois, probs, deltas, window)]
    return _detection_layer(config)(inputs)[0]


# ---- heads -----------------------------------------------------------------------------------
def fpn_classifier_graph(
    rois: Any,
    feature_maps: list[Any],
    image_meta: Any,
    pool_size: int,
    num_classes: int,
    train_bn: bool | None = True,
    fc_layers_size: int = 1024,
) -> tuple[Any, Any, Any]:
    """Logits (B, N, classes), scores and deltas (B, N, classes, 4) of RoIs."""
    align = PyramidROIAlign([pool_size, pool_size], name="roi_align_classifier")
    crops = align([rois, image_meta, *feature_maps])
    return heads.box_head(crops, num_classes, fc_layers_size, (train_bn, 0.99))


def build_fpn_mask_graph(
    rois: Any,
    feature_maps: list[Any],
    image_meta: Any,
    pool_size: int,
    num_classes: int,
    train_bn: bool | None = True,
) -> Any:
    """Masks (B, N, 2 * pool, 2 * pool, classes) of RoIs."""
    align = PyramidROIAlign([pool_size, pool_size], name="roi_align_mask")
    crops = align([rois, image_meta, *feature_maps])
    return heads.mask_head(crops, num_classes, norm=(train_bn, 0.99))


# ---- small things ----------------------------------------------------------------------------
def log2_graph(x: Any) -> Any:
    """Logarithm to base 2."""
    return ops.log(x) / ops.log(ops.convert_to_tensor(2.0))


def trim_zeros_graph(boxes: Any, name: str = "trim_zeros") -> tuple[Any, Any]:
    """Boxes (N, 4) without zero rows, and which rows stayed, bool (N,)."""
    is_box = ops.sum(ops.abs(boxes), axis=1) > 0
    return ops.take(boxes, ops.nonzero(is_box)[0], axis=0), is_box


def batch_pack_graph(x: Any, counts: Any, num_rows: int) -> Any:
    """The first ``counts[i]`` rows of each image i, one after another."""
    return ops.concatenate([x[i, : counts[i]] for i in range(num_rows)], axis=0)
