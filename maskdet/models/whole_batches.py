"""What families share whose networks take nothing but images, and train on batches as they come."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from maskdet.backbones.scaling import pixels_of
from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement
from maskdet.pixels import Pixels


class WholeBatchFamily(ABC):
    """Base of such families; see :class:`maskdet.family.Family` for the methods.

    A subclass gives the networks for training and for inference, and whatever differs.
    """

    weightless: frozenset[str] = frozenset()

    def pixels(self, config: Any) -> Pixels:
        return pixels_of(config)

    def build(self, config: Any, mode: str, kernels: str = "auto") -> keras.Model:
        if mode == "training":
            return self.training_network(config)
        if mode == "inference":
            return self.inference_network(config, kernels)
        raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")

    @abstractmethod
    def training_network(self, config: Any) -> keras.Model:
        """From images and what they show to predictions and what they should have been."""

    @abstractmethod
    def inference_network(self, config: Any, kernels: str) -> keras.Model:
        """From images to what :meth:`maskdet.family.Family.decode` takes."""

    def image_facts(self, dataset: Any, config: Any) -> dict[str, np.ndarray]:
        return {}

    def training_outputs(
        self, network: keras.Model, lessons: frozenset[str]
    ) -> tuple[list[Any], Any]:
        return list(network.inputs), dict(network.output)

    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: Any
    ) -> list[np.ndarray]:
        return [pixels_of(config).of_images(images)]
