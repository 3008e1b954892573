"""YOLOX as the engines see it."""

import os
from collections.abc import Mapping
from typing import Any

import keras

from maskdet.backbones.yolox import NECK_PREFIX
from maskdet.models.single_shot import SingleShotFamily
from maskdet.models.yolox import losses as loss_functions
from maskdet.models.yolox.config import SIDE_MULTIPLE, YoloxConfig
from maskdet.models.yolox.lite import build_lite_network
from maskdet.models.yolox.network import build_inference_network, build_training_network
from maskdet.profiles import ProfileStage


class YoloxFamily(SingleShotFamily):
    """See :class:`maskdet.family.Family`."""

    name = "yolox"
    config_class = YoloxConfig
    # Geometry, and the last layers of the head: they cost next to nothing, and boxes and scores
    # keep every bit.
    float_layers = (
        r"head\d_(class_logits|deltas|objectness)|_rows|best_cells|detection"
        r"|stage1_focus|stage2_(down|csp)|stage3_down"
    )
    dynamic_layers = r"stage1_focus"  # reads bytes, and takes a fifth of the time
    profile_stages: tuple[ProfileStage, ...] = (
        ProfileStage("backbone"),
        ProfileStage("neck", NECK_PREFIX),
        ProfileStage("heads", r"head\d|_rows"),
        ProfileStage("best cells", r"best_cells", geometry=True),
        ProfileStage("detections", r"detection", geometry=True),
    )

    def side_multiple(self, config: YoloxConfig) -> int:
        return SIDE_MULTIPLE

    def training_network(self, config: YoloxConfig) -> keras.Model:
        return build_training_network(config)

    def inference_network(self, config: YoloxConfig, kernels: str) -> keras.Model:
        return build_inference_network(config, kernels)

    def config_for(self, path: str | os.PathLike[str]) -> YoloxConfig:
        return self.config_class()

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        return list(loss_functions.NAMES)

    def losses(self, outputs: Mapping[str, Any], config: YoloxConfig) -> dict[str, Any]:
        return loss_functions.losses(outputs)

    def export_network(
        self,
        config: YoloxConfig,
        count: int,
        min_score: float,
        outputs: frozenset[str],
        with_window: bool,
    ) -> keras.Model:
        return build_lite_network(config, count, min_score)
