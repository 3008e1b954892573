"""The contract between a family of networks and the engines that train, run and export it."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np

from maskdet.base_config import BaseConfig
from maskdet.geometry.placement import Placement
from maskdet.pixels import Pixels
from maskdet.profiles import ProfileStage
from maskdet.tasks.task import Task

#: What ``load_weights`` takes in place of a path, beside BEST_PRETRAINED.
PRETRAINED = ("imagenet", "coco")
#: The best of them that can be had.
BEST_PRETRAINED = "pretrained"


@dataclass(frozen=True)
class Pretrained:
    """What published weights made of a network.

    Attributes:
        layers: names of the layers that were set.
        class_names: what the network finds now, the background first; empty where heads are to be
            trained yet.
        pixels: how they want pixels scaled, where that is not as the backbone's own weights do.
    """

    layers: list[str]
    class_names: tuple[str, ...] = ()
    pixels: Pixels | None = None


class Family(Protocol):
    """What a family hands the engines; they know nothing else of it.

    *Outputs* are words of the family's task, such as {"boxes", "masks"}: those that a set teaches
    and that a network was trained for.
    """

    #: Begins the names of checkpoint files, and names the family in them.
    name: str
    #: What its networks are for.
    task: Task
    #: The most that its networks give.
    outputs: frozenset[str]

    @property
    def config_class(self) -> type[BaseConfig]:
        """Its settings' class."""
        ...

    @property
    def weightless(self) -> Collection[str]:
        """Names that scripts exclude from files although no layer of that name has weights."""
        ...

    def stages(self, config: Any) -> dict[str, str]:
        """Words for ``layers=`` and what they mean: a regular expression over layer names each."""
        ...

    def rate(self, layer_name: str, config: Any) -> float:
        """A layer's learning rate as a share of the stage's."""
        ...

    def pixels(self, config: Any) -> Pixels:
        """How its network wants an image's pixels scaled."""
        ...

    def side_multiple(self, config: Any) -> int:
        """What must divide the sides of the network's input, where they are not fixed."""
        ...

    def build(self, config: Any, mode: str, kernels: str = "auto") -> keras.Model:
        """The network for mode "training" or "inference", with fresh weights."""
        ...

    def load_pretrained(self, network: keras.Model, config: Any, name: str) -> Pretrained:
        """Put published weights into a network, all that fit or none.

        Args:
            name: one of PRETRAINED, or a path that :meth:`reads` knows.

        Raises:
            WeightsError: if the backbone has none of that name, they cannot be had here, or a file
                is damaged or of another network.
        """
        ...

    def reads(self, path: str | os.PathLike[str]) -> bool:
        """Whether a path is of another library's weights that :meth:`load_pretrained` takes."""
        ...

    def config_for(self, path: str | os.PathLike[str]) -> Any:
        """Settings of the network that such a path's weights are for.

        Raises:
            WeightsError: if the file is damaged or of another network.
        """
        ...

    def image_facts(self, dataset: Any, config: Any) -> dict[str, np.ndarray]:
        """Arrays (images, ...) whose rows join each batch of a data set under these names."""
        ...

    def training_outputs(
        self, network: keras.Model, lessons: frozenset[str]
    ) -> tuple[list[Any], Any]:
        """Inputs and outputs of the training network that these lessons of a set need."""
        ...

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: Any
    ) -> dict[str, np.ndarray]:
        """A loader's batch (with :meth:`image_facts`) as the training network's inputs by name."""
        ...

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        """What :meth:`losses` gives, in the order of logs."""
        ...

    def losses(self, outputs: Mapping[str, Any], config: Any) -> dict[str, Any]:
        """Scalars by name, before their weights in Config.LOSS_WEIGHTS."""
        ...

    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Placement], config: Any
    ) -> list[np.ndarray]:
        """Placed images (B, H, W, C) uint8 or float32 as the inference network's inputs."""
        ...

    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: Any,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Any]:
        """The inference network's arrays as the task's results, one an image."""
        ...

    #: Regular expression (re.search) of the names of layers that stay in floats in an int8 file, as
    #: the exported network calls its tensors (a number behind the layer's name).
    float_layers: str
    #: Likewise, of convolutions among them that multiply integers and give floats: what such a
    #: layer reads is rounded for each image by itself. Empty where there are none.
    dynamic_layers: str

    #: The parts of inference that are timed on their own, in the order in which they run; their
    #: patterns fit the layers of the inference network and those of the network for export.
    profile_stages: tuple[ProfileStage, ...]

    def export_network(
        self,
        config: Any,
        count: int,
        min_score: float,
        outputs: frozenset[str],
        with_window: bool,
    ) -> keras.Model:
        """The network for one image in operations that TFLite has built in, with fresh weights.

        Its layers with weights are called as in the inference network. Inputs: a dict, the scaled
        image (1, H, W, C) first; with ``with_window`` a family may take window (1, 4) as well, the
        part of the input that is image, normalised. Outputs: a dict by the keys of
        ``task.file_outputs``, in that order.
        """
        ...
