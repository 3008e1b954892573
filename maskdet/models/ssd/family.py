"""SSD as the engines see it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from maskdet.backbones.registry import get_backbone, pixels_of
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.family import PRETRAINED, Pretrained
from maskdet.geometry.placement import Placement
from maskdet.models.ssd import losses as loss_functions
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.foreign import config_of, load_detector, read_detector
from maskdet.models.ssd.lite import build_lite_network
from maskdet.models.ssd.network import build_inference_network, build_training_network
from maskdet.pixels import Pixels
from maskdet.pretrained.coco_names import COCO_NAMES
from maskdet.pretrained.detection_api import find_api_file
from maskdet.tasks.detection.task import DETECTION
from maskdet.tasks.task import Task

HEADS = r"(head|extra)\d_.*"


class SsdFamily:
    """See :class:`maskdet.family.Family`."""

    name = "ssd"
    task: Task = DETECTION
    outputs = frozenset({"boxes"})
    config_class = SsdConfig
    weightless: frozenset[str] = frozenset()
    # Geometry.
    float_layers = r"_rows|best_anchors|detection"

    def stages(self, config: SsdConfig) -> dict[str, str]:
        backbone = get_backbone(config.BACKBONE)
        words = {"heads": HEADS}
        for first in (3, 4, 5):
            upper = "|".join(f"({backbone.stage_pattern(stage)})" for stage in range(first, 6))
            words[f"{first}+"] = f"{upper}|{HEADS}"
        words["all"] = ".*"
        return words

    def rate(self, layer_name: str, config: SsdConfig) -> float:
        return 1.0 if layer_name.startswith(("head", "extra")) else float(config.BACKBONE_RATE)

    def pixels(self, config: SsdConfig) -> Pixels:
        return pixels_of(config)

    def side_multiple(self, config: SsdConfig) -> int:
        return 1

    def build(self, config: SsdConfig, mode: str, kernels: str = "auto") -> keras.Model:
        if mode == "training":
            return build_training_network(config)
        if mode == "inference":
            return build_inference_network(config, kernels)
        raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")

    def load_pretrained(self, network: keras.Model, config: SsdConfig, name: str) -> Pretrained:
        if name not in PRETRAINED:
            return load_detector(network, config, name)
        layers = get_backbone(config.BACKBONE).load_pretrained(network, name)
        knows_classes = any(layer.endswith("_class_logits") for layer in layers)
        return Pretrained(layers, COCO_NAMES if knows_classes else ())

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return find_api_file(path) is not None

    def config_for(self, path: str | os.PathLike[str]) -> SsdConfig:
        return config_of(read_detector(path), path, {})

    # ---- training --------------------------------------------------------------------------
    def image_facts(self, dataset: Any, config: SsdConfig) -> dict[str, np.ndarray]:
        return {}

    def training_outputs(
        self, network: keras.Model, outputs: frozenset[str]
    ) -> tuple[list[Any], Any]:
        return list(network.inputs), dict(network.output)

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: SsdConfig
    ) -> dict[str, np.ndarray]:
        return {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_class_ids": batch["class_ids"],
            "input_boxes": batch["boxes"],
        }

    def loss_names(self, outputs: frozenset[str]) -> list[str]:
        return list(loss_functions.NAMES)

    def losses(self, outputs: Mapping[str, Any], config: SsdConfig) -> dict[str, Any]:
        return loss_functions.losses(outputs, config)

    # ---- inference and export --------------------------------------------------------------
    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: SsdConfig
    ) -> list[np.ndarray]:
        return [pixels_of(config).of_images(images)]

    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: SsdConfig,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Detections]:
        return [
            _decoded(rows, placement, class_names)
            for rows, placement in zip(arrays[0], placements, strict=True)
        ]

    def export_network(
        self,
        config: SsdConfig,
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
