"""Mask R-CNN as the engines see it."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.backbones.registry import get_backbone
from maskdet.backbones.scaling import pixels_of
from maskdet.backbones.yolox import NECK_PREFIX
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.family import Pretrained
from maskdet.geometry.placement import SIDE_MULTIPLE, Placement, boxes_in_image
from maskdet.models.mask_rcnn import losses as loss_functions
from maskdet.models.mask_rcnn.box_supervision import marked
from maskdet.models.mask_rcnn.config import Config
from maskdet.models.mask_rcnn.lite import build_lite_network
from maskdet.models.mask_rcnn.network import (
    build_inference_network,
    build_training_network,
    normalised_anchors,
)
from maskdet.models.mask_rcnn.random_rois import batch_of_random_rois
from maskdet.pixels import Pixels
from maskdet.profiles import ProfileStage
from maskdet.tasks.detection.task import BARE_BOXES, DETECTION, OUTLINES
from maskdet.tasks.task import Task

HEADS = r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)"
# Outputs for the losses of masks: in any case, for outlines, and for objects with a box alone.
MASK_OUTPUTS = ("mrcnn_mask", "mask_outlined")
OUTLINE_OUTPUTS = ("target_mask",)
BARE_BOX_OUTPUTS = ("mask_rois", "mask_boxes", "mask_colours", "mask_context")
# Outputs for people who look into the network; no loss needs them.
SHOWN_OUTPUTS = ("rpn_class", "mrcnn_class", "proposals")


class MaskRCNNFamily:
    """See :class:`maskdet.family.Family`."""

    name = "mask_rcnn"
    task: Task = DETECTION
    outputs = frozenset({"boxes", "masks"})
    config_class = Config
    # Old scripts exclude these layers, which hold no weights here or are called otherwise.
    weightless = frozenset(
        {"mrcnn_bbox", "mrcnn_class", "mrcnn_mask", "mrcnn_class_logits", "mrcnn_bbox_fc"}
    )

    def stages(self, config: Config) -> dict[str, str]:
        return get_backbone(config.BACKBONE).stages(HEADS)

    def rate(self, layer_name: str, config: Config) -> float:
        if layer_name.startswith("rpn_"):
            return float(config.RPN_RATE)
        return 1.0 if re.fullmatch(HEADS, layer_name) else float(config.BACKBONE_RATE)

    def pixels(self, config: Config) -> Pixels:
        return pixels_of(config)

    def side_multiple(self, config: Config) -> int:
        return SIDE_MULTIPLE

    def build(self, config: Config, mode: str, kernels: str = "auto") -> keras.Model:
        if mode == "training":
            return build_training_network(config, kernels)
        if mode == "inference":
            return build_inference_network(config, kernels)
        raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return False

    def config_for(self, path: str | os.PathLike[str]) -> Any:
        return self.config_class()

    def load_pretrained(self, network: keras.Model, config: Config, name: str) -> Pretrained:
        backbone = get_backbone(config.BACKBONE)
        return Pretrained(backbone.load_pretrained(network, name, prefix="rpn_"))

    def image_facts(self, dataset: Any, config: Config) -> dict[str, np.ndarray]:
        return {"active_classes": active_classes(dataset, config)}

    def training_outputs(
        self, network: keras.Model, lessons: frozenset[str]
    ) -> tuple[list[Any], Any]:
        needless: set[str] = set(SHOWN_OUTPUTS)
        spare_inputs: set[str] = set()
        if "masks" not in lessons:
            needless |= {*MASK_OUTPUTS, *OUTLINE_OUTPUTS, *BARE_BOX_OUTPUTS}
        if OUTLINES not in lessons:
            needless.update(OUTLINE_OUTPUTS)
            spare_inputs.add("input_gt_masks")
        if BARE_BOXES not in lessons:
            needless.update(BARE_BOX_OUTPUTS)
        tensors = {k: v for k, v in network.output.items() if k not in needless}
        return [tensor for tensor in network.inputs if tensor.name not in spare_inputs], tensors

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: Config
    ) -> dict[str, np.ndarray]:
        inputs = {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_active_classes": batch["active_classes"].astype(np.float32),
            "input_gt_class_ids": marked(batch["class_ids"], batch.get("outlined")),
            "input_gt_boxes": batch["boxes"],
        }
        if not config.USE_RPN_ROIS:
            inputs["input_roi"] = batch_of_random_rois(batch, config)
        if "masks" in batch:
            inputs["input_gt_masks"] = batch["masks"].astype(np.float32)
        return inputs

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        names = ["rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss"]
        return [*names, "mrcnn_mask_loss"] if "masks" in lessons else names

    def losses(self, outputs: Mapping[str, Any], config: Config) -> dict[str, Any]:
        match = outputs["rpn_match"]
        ids = outputs["target_class_ids"]
        rois = outputs["rois"]
        counted = ops.any(rois != 0, axis=2) if config.ROI_TARGETS_FILLED else ops.ones_like(ids)
        free = config.RPN_ANCHOR_FREE
        class_loss = loss_functions.rpn_objectness_loss if free else loss_functions.rpn_class_loss
        box_loss = loss_functions.rpn_iou_loss if free else loss_functions.rpn_bbox_loss
        losses = {
            "rpn_class_loss": class_loss(match, outputs["rpn_class_logits"]),
            "rpn_bbox_loss": box_loss(outputs["target_rpn_bbox"], match, outputs["rpn_bbox"]),
            "mrcnn_class_loss": loss_functions.mrcnn_class_loss(
                ids, outputs["mrcnn_class_logits"], outputs["active_classes"], counted
            ),
            "mrcnn_bbox_loss": _box_loss(outputs, config),
        }
        if "mrcnn_mask" in outputs:
            losses["mrcnn_mask_loss"] = _mask_loss(outputs, config)
        return losses

    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: Config
    ) -> list[np.ndarray]:
        shape = images.shape[1:]
        metas = np.stack([_detection_meta(placed, shape, config) for placed in placements])
        anchors = normalised_anchors(config, shape)  # (A, 4)
        anchors = np.broadcast_to(anchors, (len(images), *anchors.shape))
        return [pixels_of(config).of_images(images), metas.astype(np.float32), anchors]

    # Geometry, and the last layers of the heads: they cost next to nothing, and boxes and scores
    # keep every bit. YOLOX's boxes come from the depthwise layers before them too: in integers
    # they lie 0.04 of IoU further from the network's. And its first two layers: stage 1 gives
    # channels of 0.1 and of 128 side by side, and 256 values for all of them leave the small ones
    # nothing, which the depthwise layer behind it multiplies. Masks' logits are integers where one
    # convolution gives those of all classes.
    float_layers = (
        r"ROI_|roi_align|rpn_(objectness|class|bbox|cells|kept)|rpn_head\d_(box|deltas|objectness)"
        r"|stage1_focus|stage2_down"
        r"|mrcnn_class_logits|mrcnn_bbox|mrcnn_class_\d|mask_rcnn_lite(_\d+)?/(Mul|Pow|strided_slice)"
        r"|detection|mrcnn_mask_\d+/(MatMul|add|Reshape|GatherV2)|mask_own_class|mask_outputs"
    )
    # YOLOX's first convolution reads bytes: integers multiply them without loss, and what it gives
    # stays in floats.
    dynamic_layers = r"stage1_focus"

    profile_stages: tuple[ProfileStage, ...] = (
        ProfileStage("backbone"),
        ProfileStage("neck", rf"{NECK_PREFIX}|fpn_"),
        ProfileStage("RPN", r"rpn_"),
        ProfileStage("proposals", r"ROI", geometry=True),
        ProfileStage("RoI Align", r"roi_align_(table|classifier|rois)", geometry=True),
        ProfileStage("box head", r"mrcnn_(class|bbox)"),
        ProfileStage("detections", r"mrcnn_detection|detection_|detected_", geometry=True),
        ProfileStage("RoI Align, masks", r"roi_align_mask", geometry=True),
        ProfileStage("mask head", r"mrcnn_mask|mask_own_class|mask_outputs"),
    )

    def export_network(
        self,
        config: Config,
        count: int,
        min_score: float,
        outputs: frozenset[str],
        with_window: bool,
    ) -> keras.Model:
        return build_lite_network(config, count, min_score, "masks" in outputs, with_window)

    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: Config,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Detections]:
        rows, masks = arrays[0], arrays[3]  # (B, D, 6), (B, D, h, w, classes)
        return [
            decode_one(rows[i], masks[i], placement, class_names, "masks" in outputs)
            for i, placement in enumerate(placements)
        ]


def _mask_loss(outputs: Mapping[str, Any], config: Config) -> Any:
    """The mask head's loss, of objects with an outline and of those with a box alone."""
    masks = outputs["mrcnn_mask"]  # (B, P, h, w, classes)
    ids = outputs["target_class_ids"][:, : masks.shape[1]]  # (B, P)
    outlined = outputs["mask_outlined"]  # (B, P)
    loss = 0.0
    if "target_mask" in outputs:
        loss = loss_functions.mrcnn_mask_loss(outputs["target_mask"], ids, masks, outlined)
    if "mask_colours" in outputs:
        terms = loss_functions.mrcnn_box_mask_losses(
            ids,
            masks,
            outlined,
            outputs["mask_rois"],
            outputs["mask_boxes"],
            outputs["mask_colours"],
            outputs["mask_context"],
        )
        weights = config.MASK_BOX_LOSS_WEIGHTS
        for name, term in terms.items():
            loss = loss + weights.get(name, 1.0) * term
    return loss


def _box_loss(outputs: Mapping[str, Any], config: Config) -> Any:
    """The box head's loss of boxes, by ROI_BOX_LOSS."""
    rows = outputs["target_bbox"], outputs["target_class_ids"], outputs["mrcnn_bbox"]
    if config.ROI_BOX_LOSS == "iou":
        return loss_functions.mrcnn_iou_loss(*rows, outputs["rois"], config.BBOX_STD_DEV)
    return loss_functions.mrcnn_bbox_loss(*rows)


def active_classes(dataset: Any, config: Config) -> np.ndarray:
    """For each image the classes that its source knows, (images, NUM_CLASSES) float32 0 or 1."""
    active = np.zeros((len(dataset.image_ids), config.NUM_CLASSES), dtype=np.float32)
    for row, info in zip(active, dataset.image_info, strict=True):
        row[dataset.source_class_ids[info["source"]]] = 1
    return active


def _detection_meta(placement: Placement, shape: tuple[int, ...], config: Config) -> np.ndarray:
    channels = config.IMAGE_CHANNEL_COUNT
    image_shape = placement.image_shape[:2]
    head = [0, *image_shape, channels, *shape, *placement.window, placement.scale]
    return np.array(head + [0] * config.NUM_CLASSES, dtype=np.float64)


def decode_one(
    rows: np.ndarray,
    masks: np.ndarray,
    placement: Placement,
    class_names: Sequence[str],
    with_masks: bool,
) -> Detections:
    """One image's detections (D, 6) and masks (D, h, w, classes) in the image's own pixels."""
    is_object = rows[:, 4] > 0  # (D,)
    count = len(rows) if is_object.all() else int(np.argmin(is_object))
    rows = rows[:count]
    class_ids = rows[:, 4].astype(np.int32)
    boxes = boxes_in_image(rows[:, :4], placement)
    with_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    small = masks[np.arange(count), :, :, class_ids] if with_masks else None  # (N, h, w)
    return Detections(
        boxes=boxes[with_area],
        class_ids=class_ids[with_area],
        scores=rows[with_area, 5].astype(np.float32),
        class_names=tuple(class_names),
        image_shape=placement.image_shape,
        small_masks=None if small is None else small[with_area].astype(np.float32),
    )
