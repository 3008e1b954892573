"""Mask R-CNN as the engines see it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.backbones.registry import get_backbone
from maskdet.config import Config
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement, boxes_in_image
from maskdet.models.mask_rcnn import losses as loss_functions
from maskdet.models.mask_rcnn.lite import build_lite_network
from maskdet.models.mask_rcnn.network import (
    build_inference_network,
    build_training_network,
    normalised_anchors,
)
from maskdet.models.mask_rcnn.random_rois import batch_of_random_rois

HEADS = r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)"
MASK_OUTPUTS = ("mrcnn_mask", "target_mask")
# Outputs for people who look into the network; no loss needs them.
SHOWN_OUTPUTS = ("rpn_class", "mrcnn_class", "proposals")


class MaskRCNNFamily:
    """See :class:`maskdet.family.Family`."""

    name = "mask_rcnn"

    def stages(self, config: Config) -> dict[str, str]:
        backbone = get_backbone(config.BACKBONE)
        words = {"heads": HEADS}
        for first in (3, 4, 5):
            upper = "|".join(f"({backbone.stage_pattern(stage)})" for stage in range(first, 6))
            words[f"{first}+"] = f"{upper}|{HEADS}"
        words["all"] = ".*"
        return words

    def rate(self, layer_name: str, config: Config) -> float:
        return 1.0 if re.fullmatch(HEADS, layer_name) else float(config.BACKBONE_RATE)

    def build(self, config: Config, mode: str, kernels: str = "auto") -> keras.Model:
        if mode == "training":
            return build_training_network(config, kernels)
        if mode == "inference":
            return build_inference_network(config, kernels)
        raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")

    def load_imagenet(self, network: keras.Model, config: Config) -> None:
        get_backbone(config.BACKBONE).load_imagenet(network)

    def training_outputs(self, network: keras.Model, with_masks: bool) -> tuple[list[Any], Any]:
        outputs = {k: v for k, v in network.output.items() if k not in SHOWN_OUTPUTS}
        inputs = list(network.inputs)
        if not with_masks:
            for name in MASK_OUTPUTS:
                del outputs[name]
            inputs = [tensor for tensor in inputs if tensor.name != "input_gt_masks"]
        return inputs, outputs

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], active_classes: np.ndarray, config: Config
    ) -> dict[str, np.ndarray]:
        inputs = {
            "input_image": mold(batch["images"], config),
            "input_active_classes": np.asarray(active_classes, dtype=np.float32),
            "input_gt_class_ids": batch["class_ids"],
            "input_gt_boxes": batch["boxes"],
        }
        if not config.USE_RPN_ROIS:
            inputs["input_roi"] = batch_of_random_rois(batch, config)
        if "masks" in batch:
            inputs["input_gt_masks"] = batch["masks"].astype(np.float32)
        return inputs

    def loss_names(self, with_masks: bool) -> list[str]:
        names = ["rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss"]
        return [*names, "mrcnn_mask_loss"] if with_masks else names

    def losses(self, outputs: Mapping[str, Any], config: Config) -> dict[str, Any]:
        match = outputs["rpn_match"]
        ids = outputs["target_class_ids"]
        rois = outputs["rois"]
        counted = ops.any(rois != 0, axis=2) if config.ROI_TARGETS_FILLED else ops.ones_like(ids)
        found = {
            "rpn_class_loss": loss_functions.rpn_class_loss(match, outputs["rpn_class_logits"]),
            "rpn_bbox_loss": loss_functions.rpn_bbox_loss(
                outputs["target_rpn_bbox"], match, outputs["rpn_bbox"]
            ),
            "mrcnn_class_loss": loss_functions.mrcnn_class_loss(
                ids, outputs["mrcnn_class_logits"], outputs["active_classes"], counted
            ),
            "mrcnn_bbox_loss": loss_functions.mrcnn_bbox_loss(
                outputs["target_bbox"], ids, outputs["mrcnn_bbox"]
            ),
        }
        if "mrcnn_mask" in outputs:
            masks = outputs["mrcnn_mask"]
            found["mrcnn_mask_loss"] = loss_functions.mrcnn_mask_loss(
                outputs["target_mask"], ids[:, : masks.shape[1]], masks
            )
        return found

    def detection_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: Config
    ) -> list[np.ndarray]:
        shape = images.shape[1:]
        metas = np.stack([_detection_meta(place, shape, config) for place in placements])
        anchors = normalised_anchors(config, shape)
        anchors = np.broadcast_to(anchors, (len(images), *anchors.shape))
        return [mold(images, config), metas.astype(np.float32), anchors]

    # Geometry, and the last layers of the heads: they cost next to nothing, and boxes and scores
    # keep every bit.
    float_layers = (
        r"ROI_|roi_align|rpn_(objectness|class|bbox)|mrcnn_class_logits|mrcnn_bbox|mrcnn_class_\d"
        r"|detection|Identity|mrcnn_mask_\d|mask_own_class|mask_outputs"
    )

    def export_network(
        self, config: Config, count: int, min_score: float, with_masks: bool, with_window: bool
    ) -> keras.Model:
        return build_lite_network(config, count, min_score, with_masks, with_window)

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: Config,
        class_names: Sequence[str],
        with_masks: bool,
    ) -> list[Detections]:
        rows, masks = outputs[0], outputs[3]
        return [
            decode_one(rows[i], masks[i], place, class_names, with_masks)
            for i, place in enumerate(placements)
        ]


def mold(images: np.ndarray, config: Config) -> np.ndarray:
    """Pixels as the network wants them: float32, mean taken off, divided by PIXEL_STD."""
    molded = images.astype(np.float32)
    molded -= np.asarray(config.MEAN_PIXEL, dtype=np.float32)
    if config.PIXEL_STD != 1.0:
        molded *= np.float32(1.0 / config.PIXEL_STD)
    return molded


def _detection_meta(place: Placement, shape: tuple[int, ...], config: Config) -> np.ndarray:
    channels = config.IMAGE_CHANNEL_COUNT
    head = [0, *place.image_shape[:2], channels, *shape, *place.window, place.scale]
    return np.array(head + [0] * config.NUM_CLASSES, dtype=np.float64)


def decode_one(
    rows: np.ndarray,
    masks: np.ndarray,
    place: Placement,
    class_names: Sequence[str],
    with_masks: bool,
) -> Detections:
    """One image's detections (D, 6) and masks (D, h, w, classes) in the image's own pixels."""
    count = int(np.argmin(rows[:, 4] > 0)) if not (rows[:, 4] > 0).all() else len(rows)
    rows = rows[:count]
    class_ids = rows[:, 4].astype(np.int32)
    boxes = boxes_in_image(rows[:, :4], place)
    kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    small = masks[np.arange(count), :, :, class_ids] if with_masks else None
    return Detections(
        boxes=boxes[kept],
        class_ids=class_ids[kept],
        scores=rows[kept, 5].astype(np.float32),
        class_names=tuple(class_names),
        image_shape=place.image_shape,
        small_masks=None if small is None else small[kept].astype(np.float32),
    )
