"""A classifier of whole images, as small as one can be: the house's proof of a second task.

Nothing imports this file but the tests of this folder, and no engine knows it.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import layers, ops

from maskdet.backbones import get_backbone, pixels_of
from maskdet.base_config import BaseConfig
from maskdet.family import Pretrained
from maskdet.layers.losses import softmax_cross_entropy
from maskdet.models.model import Model
from maskdet.profiles import ProfileStage
from maskdet.tasks.classification.labels import Labels
from maskdet.tasks.classification.task import CLASSIFICATION


class ToyClassifierConfig(BaseConfig):
    family_name: ClassVar[str] = "toy_classifier"

    NAME = "folders"
    NUM_CLASSES = 3
    BACKBONE = "efficientnet_lite0"
    IMAGE_RESIZE_MODE = "stretch"
    IMAGE_MAX_DIM = 96
    IMAGES_PER_GPU = 4
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1


class ToyClassifierFamily:
    """See :class:`maskdet.family.Family`."""

    name = "toy_classifier"
    task = CLASSIFICATION
    outputs = frozenset({"labels"})
    config_class = ToyClassifierConfig
    weightless: frozenset[str] = frozenset()
    float_layers = r"toy_logits|toy_scores"
    dynamic_layers = ""
    profile_stages = (ProfileStage("backbone"), ProfileStage("head", r"toy_"))

    def stages(self, config: Any) -> dict[str, str]:
        return {"heads": r"toy_.*", "all": r".*"}

    def rate(self, layer_name: str, config: Any) -> float:
        return 1.0 if layer_name.startswith("toy_") else float(config.BACKBONE_RATE)

    def pixels(self, config: Any) -> Any:
        return pixels_of(config)

    def side_multiple(self, config: Any) -> int:
        return 1

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return False

    def config_for(self, path: str | os.PathLike[str]) -> Any:
        return self.config_class()

    def load_pretrained(self, network: keras.Model, config: Any, name: str) -> Pretrained:
        return Pretrained(get_backbone(config.BACKBONE).load_pretrained(network, name))

    def _scores(self, image: Any, config: Any) -> tuple[Any, Any]:
        """Logits and scores (B, classes without the background)."""
        features = get_backbone(config.BACKBONE).build(image, train_bn=config.TRAIN_BN)[4]
        pooled = layers.GlobalAveragePooling2D(name="toy_pool")(features)
        logits = layers.Dense(config.NUM_CLASSES - 1, name="toy_logits")(pooled)
        return logits, layers.Activation("softmax", name="toy_scores")(logits)

    def build(self, config: Any, mode: str, kernels: str = "auto") -> keras.Model:
        height, width = config.input_sides
        image = keras.Input((height, width, 3), name="input_image")
        logits, scores = self._scores(image, config)
        if mode == "inference":
            return keras.Model([image], scores, name="toy_classifier")
        labels = keras.Input((), dtype="int32", name="input_labels")
        outputs = {"logits": logits, "labels": labels + 0}
        return keras.Model([image, labels], outputs, name="toy_classifier")

    def image_facts(self, dataset: Any, config: Any) -> dict[str, np.ndarray]:
        return {}

    def training_outputs(self, network: keras.Model, lessons: frozenset[str]) -> tuple[Any, Any]:
        return list(network.inputs), dict(network.output)

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: Any
    ) -> dict[str, np.ndarray]:
        return {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_labels": batch["labels"] - 1,
        }

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        return ["label_loss"]

    def losses(self, outputs: Mapping[str, Any], config: Any) -> dict[str, Any]:
        return {"label_loss": ops.mean(softmax_cross_entropy(outputs["labels"], outputs["logits"]))}

    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Any], config: Any
    ) -> list[np.ndarray]:
        return [pixels_of(config).of_images(images)]

    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Any],
        config: Any,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Labels]:
        return [
            Labels(scores, tuple(class_names[1:]), placement.image_shape)
            for scores, placement in zip(arrays[0], placements, strict=True)
        ]

    def export_network(
        self, config: Any, count: int, min_score: float, outputs: frozenset[str], with_window: bool
    ) -> keras.Model:
        height, width = config.input_sides
        image = keras.Input(batch_shape=(1, height, width, 3), name="photo")
        _, scores = self._scores(image, config)
        return keras.Model({"photo": image}, {"scores": scores}, name="toy_classifier")


class ToyClassifier(Model):
    """Says what an image shows."""

    family = ToyClassifierFamily()
