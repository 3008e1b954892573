"""The contract between a family of detectors and the engines that train, run and export it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from maskdet.config import Config
from maskdet.detections import Detections
from maskdet.geometry.placement import Placement


class Family(Protocol):
    """What a family hands the engines; they know nothing else of it."""

    # Begins the names of checkpoint files.
    name: str

    def stages(self, config: Config) -> dict[str, str]:
        """Words for ``layers=`` and what they mean: a regular expression over layer names each."""
        ...

    def rate(self, layer_name: str, config: Config) -> float:
        """A layer's learning rate as a share of the stage's."""
        ...

    def build(self, config: Config, mode: str, kernels: str = "auto") -> keras.Model:
        """The network for mode "training" or "inference", with fresh weights."""
        ...

    def load_imagenet(self, network: keras.Model, config: Config) -> None:
        """Put ImageNet weights into the backbone of a network."""
        ...

    def training_outputs(self, network: keras.Model, with_masks: bool) -> tuple[list[Any], Any]:
        """Inputs and outputs of the training network that a set with or without masks needs."""
        ...

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], active_classes: np.ndarray, config: Config
    ) -> dict[str, np.ndarray]:
        """A loader's batch as the training network's inputs by name.

        ``active_classes`` is (B, classes): 1 for the classes that an image's source knows.
        """
        ...

    def loss_names(self, with_masks: bool) -> list[str]:
        """What :meth:`losses` gives, in the order of logs."""
        ...

    def losses(self, outputs: Mapping[str, Any], config: Config) -> dict[str, Any]:
        """Scalars by name, before their weights in Config.LOSS_WEIGHTS."""
        ...

    def detection_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: Config
    ) -> list[np.ndarray]:
        """Placed images (B, H, W, C) uint8 as the inference network's inputs."""
        ...

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: Config,
        class_names: Sequence[str],
        with_masks: bool,
    ) -> list[Detections]:
        """The inference network's outputs as detections in each image's own pixels."""
        ...

    # Regular expression (re.search) of the names of layers that stay in floats in an int8 file, as
    # the exported network calls its tensors (a number behind the layer's name).
    float_layers: str

    def export_network(
        self, config: Config, count: int, min_score: float, with_masks: bool, with_window: bool
    ) -> keras.Model:
        """The network for one image in operations that TFLite has built in, with fresh weights.

        Its layers with weights are called as in the inference network. Inputs: a dict, the molded
        image (1, H, W, C) first; with ``with_window`` also window (1, 4), the part of the input
        that is image, normalised. Outputs: a dict of boxes, classes, scores, count and, with
        ``with_masks``, masks, as :mod:`maskdet.exporters.contract` describes them.
        """
        ...
