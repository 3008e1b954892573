"""Classifiers as the engines see them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from maskdet.backbones.registry import TOP_LOGITS, get_backbone
from maskdet.backbones.scaling import pixels_of
from maskdet.errors import WeightsError
from maskdet.family import Pretrained
from maskdet.geometry.placement import Placement
from maskdet.models.classifier import network as networks
from maskdet.models.classifier.config import ClassifierConfig
from maskdet.models.whole_batches import WholeBatchFamily
from maskdet.profiles import ProfileStage
from maskdet.tasks.classification.labels import Labels
from maskdet.tasks.classification.task import CLASSIFICATION
from maskdet.tasks.task import Task


class ClassifierFamily(WholeBatchFamily):
    """See :class:`maskdet.family.Family`."""

    name = "classifier"
    task: Task = CLASSIFICATION
    outputs = frozenset({"labels"})
    config_class = ClassifierConfig
    # A probability in 256 steps would hide which of two near classes is the likelier.
    float_layers = rf"{networks.HEAD_PREFIX}(likeness|logits|scores)"
    dynamic_layers = ""
    profile_stages: tuple[ProfileStage, ...] = (
        ProfileStage("backbone"),
        ProfileStage("head", rf"{networks.HEAD_PREFIX}|{TOP_LOGITS}"),
    )

    def stages(self, config: Any) -> dict[str, str]:
        return get_backbone(config.BACKBONE).stages(rf"{networks.HEAD_PREFIX}.*")

    def rate(self, layer_name: str, config: Any) -> float:
        is_head = layer_name.startswith(networks.HEAD_PREFIX)
        return 1.0 if is_head else float(config.BACKBONE_RATE)

    def side_multiple(self, config: Any) -> int:
        return 1

    def training_network(self, config: Any) -> keras.Model:
        return networks.build_training_network(config)

    def inference_network(self, config: Any, kernels: str) -> keras.Model:
        return networks.build_inference_network(config)

    def load_pretrained(self, network: keras.Model, config: Any, name: str) -> Pretrained:
        return Pretrained(get_backbone(config.BACKBONE).load_pretrained(network, name))

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return False

    def config_for(self, path: str | os.PathLike[str]) -> Any:
        raise WeightsError(
            f"{os.fspath(path)} is of no library whose classifiers maskdet reads; train one from "
            'load_weights("imagenet").'
        )

    # ---- training --------------------------------------------------------------------------
    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: Any
    ) -> dict[str, np.ndarray]:
        return {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_labels": batch["labels"] - 1,
        }

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        return [networks.LOSS]

    def losses(self, outputs: Mapping[str, Any], config: Any) -> dict[str, Any]:
        smoothing = float(config.LABEL_SMOOTHING)
        return {networks.LOSS: networks.label_loss(outputs["labels"], outputs["logits"], smoothing)}

    # ---- inference -------------------------------------------------------------------------
    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: Any,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Labels]:
        return [
            Labels(scores, tuple(class_names[1:]), placement.image_shape)
            for scores, placement in zip(arrays[0], placements, strict=True)
        ]

    # ---- export ----------------------------------------------------------------------------
    def export_network(
        self,
        config: Any,
        count: int,
        min_score: float,
        outputs: frozenset[str],
        with_window: bool,
    ) -> keras.Model:
        return networks.build_lite_network(config)
