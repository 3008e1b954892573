"""YOLOX as the engines see it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from maskdet.backbones.registry import get_backbone, pixels_of
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.family import Pretrained
from maskdet.geometry.placement import Placement
from maskdet.models.yolox import losses as loss_functions
from maskdet.models.yolox.config import SIDE_MULTIPLE, YoloxConfig
from maskdet.models.yolox.lite import build_lite_network
from maskdet.models.yolox.network import build_inference_network, build_training_network
from maskdet.pixels import Pixels
from maskdet.pretrained.coco_names import COCO_NAMES
from maskdet.tasks.detection.task import DETECTION
from maskdet.tasks.task import Task

HEADS = r"head\d_.*"


class YoloxFamily:
    """See :class:`maskdet.family.Family`."""

    name = "yolox"
    task: Task = DETECTION
    outputs = frozenset({"boxes"})
    config_class = YoloxConfig
    weightless: frozenset[str] = frozenset()
    # Geometry, and the last layers of the head: they cost next to nothing, and boxes and scores
    # keep every bit.
    float_layers = (
        r"head\d_(class_logits|deltas|objectness)|_rows|best_cells|detection"
        r"|stage1_focus|stage2_(down|csp)|stage3_down"
    )

    def stages(self, config: YoloxConfig) -> dict[str, str]:
        backbone = get_backbone(config.BACKBONE)
        words = {"heads": HEADS}
        for first in (3, 4, 5):
            upper = "|".join(f"({backbone.stage_pattern(stage)})" for stage in range(first, 6))
            words[f"{first}+"] = f"{upper}|{HEADS}"
        words["all"] = ".*"
        return words

    def rate(self, layer_name: str, config: YoloxConfig) -> float:
        return 1.0 if layer_name.startswith("head") else float(config.BACKBONE_RATE)

    def pixels(self, config: YoloxConfig) -> Pixels:
        return pixels_of(config)

    def side_multiple(self, config: YoloxConfig) -> int:
        return SIDE_MULTIPLE

    def build(self, config: YoloxConfig, mode: str, kernels: str = "auto") -> keras.Model:
        if mode == "training":
            return build_training_network(config)
        if mode == "inference":
            return build_inference_network(config, kernels)
        raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return False

    def config_for(self, path: str | os.PathLike[str]) -> Any:
        return self.config_class()

    def load_pretrained(self, network: keras.Model, config: YoloxConfig, name: str) -> Pretrained:
        layers = get_backbone(config.BACKBONE).load_pretrained(network, name)
        knows_classes = any(layer.endswith("_class_logits") for layer in layers)
        return Pretrained(layers, COCO_NAMES if knows_classes else ())

    # ---- training --------------------------------------------------------------------------
    def image_facts(self, dataset: Any, config: YoloxConfig) -> dict[str, np.ndarray]:
        return {}

    def training_outputs(
        self, network: keras.Model, outputs: frozenset[str]
    ) -> tuple[list[Any], Any]:
        return list(network.inputs), dict(network.output)

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: YoloxConfig
    ) -> dict[str, np.ndarray]:
        return {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_class_ids": batch["class_ids"],
            "input_boxes": batch["boxes"],
        }

    def loss_names(self, outputs: frozenset[str]) -> list[str]:
        return list(loss_functions.NAMES)

    def losses(self, outputs: Mapping[str, Any], config: YoloxConfig) -> dict[str, Any]:
        return loss_functions.losses(outputs)

    # ---- inference and export --------------------------------------------------------------
    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: YoloxConfig
    ) -> list[np.ndarray]:
        return [pixels_of(config).of_images(images)]

    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: YoloxConfig,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Detections]:
        return [
            _decoded(rows, placement, class_names)
            for rows, placement in zip(arrays[0], placements, strict=True)
        ]

    def export_network(
        self,
        config: YoloxConfig,
        count: int,
        min_score: float,
        outputs: frozenset[str],
        with_window: bool,
    ) -> keras.Model:
        return build_lite_network(config, count, min_score)


def _decoded(rows: np.ndarray, placement: Placement, class_names: Sequence[str]) -> Detections:
    """One image's rows (N, 6) in the image's own pixels."""
    rows = rows[rows[:, 4] > 0]
    boxes = placement.inverse_boxes(rows[:, :4] * (placement.canvas_shape * 2))
    with_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return Detections(
        boxes=boxes[with_area],
        class_ids=rows[with_area, 4].astype(np.int32),
        scores=rows[with_area, 5].astype(np.float32),
        class_names=tuple(class_names),
        image_shape=placement.image_shape,
    )
