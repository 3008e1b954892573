"""SSD as the engines see it."""

import os
from collections.abc import Mapping
from typing import Any

import keras

from maskdet.backbones.yolox import NECK_PREFIX
from maskdet.family import PRETRAINED, Pretrained
from maskdet.models.single_shot import SingleShotFamily
from maskdet.models.ssd import losses as loss_functions
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.foreign import config_of, load_detector, read_detector
from maskdet.models.ssd.lite import build_lite_network
from maskdet.models.ssd.network import build_inference_network, build_training_network
from maskdet.pretrained.detection_api import find_api_file
from maskdet.profiles import ProfileStage


class SsdFamily(SingleShotFamily):
    """See :class:`maskdet.family.Family`."""

    name = "ssd"
    config_class = SsdConfig
    head_prefixes = ("head", "extra", "fpn")
    # Geometry, and the boxes' last layers: they cost next to nothing, and boxes keep every bit. Of
    # logits each level has a scale of its own, for which they are joined as floats.
    float_layers = r"head\d+_deltas(?!_(depth|conv|norm|relu))|_rows|best_anchors|detection"
    dynamic_layers = ""
    profile_stages: tuple[ProfileStage, ...] = (
        ProfileStage("backbone"),
        ProfileStage("extra maps", rf"{NECK_PREFIX}|extra\d|fpn\d"),
        ProfileStage("heads", r"head\d|_rows"),
        ProfileStage("best anchors", r"best_anchors", geometry=True),
        ProfileStage("detections", r"detection", geometry=True),
    )

    def side_multiple(self, config: SsdConfig) -> int:
        return 1

    def training_network(self, config: SsdConfig) -> keras.Model:
        return build_training_network(config)

    def inference_network(self, config: SsdConfig, kernels: str) -> keras.Model:
        return build_inference_network(config, kernels)

    def load_pretrained(self, network: keras.Model, config: SsdConfig, name: str) -> Pretrained:
        if name not in PRETRAINED:
            return load_detector(network, config, name)
        return super().load_pretrained(network, config, name)

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return find_api_file(path) is not None

    def config_for(self, path: str | os.PathLike[str]) -> SsdConfig:
        return config_of(read_detector(path), path, {})

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        return list(loss_functions.NAMES)

    def losses(self, outputs: Mapping[str, Any], config: SsdConfig) -> dict[str, Any]:
        return loss_functions.losses(outputs, config)

    def export_network(
        self,
        config: SsdConfig,
        count: int,
        min_score: float,
        outputs: frozenset[str],
        with_window: bool,
    ) -> keras.Model:
        return build_lite_network(config, count, min_score)
