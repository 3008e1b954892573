"""What writers of files start from: a trained network and its twin for one image."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.exporters.contract import facts_for_decoding, facts_json, file_outputs
from maskdet.exporters.request import ExportRequest
from maskdet.geometry.boxes import normalize_boxes
from maskdet.geometry.placement import Placement, PlacementRule
from maskdet.images import checked_image, resize_image
from maskdet.pixels import Pixels
from maskdet.randomness import seeded
from maskdet.tasks.task import FileFacts, FileOutput, Task
from maskdet.trained import Trained, copy_weights

Array = NDArray[Any]


@dataclass(frozen=True)
class Source:
    """A trained network on its way into a file.

    Attributes:
        trained: the network, with the facts and the Config that go into the file.
        request: what the file is to be.
    """

    trained: Trained
    request: ExportRequest

    @property
    def task(self) -> Task:
        """What the network is for."""
        return self.trained.family.task

    @cached_property
    def lite(self) -> keras.Model:
        """The family's network for export, with the trained weights."""
        family, config = self.trained.family, self.trained.config
        outputs = file_outputs(self.trained, self.request)
        # A window tells the network which part of its input is image; plain clients have none.
        windowed = self.request.profile == next(iter(self.task.profiles))
        with seeded(config.SEED):
            lite = family.export_network(
                config, self.request.count, self.request.min_score, outputs, windowed
            )
        copy_weights(self.trained.network, lite)
        return lite

    @property
    def inputs(self) -> list[str]:
        """Names of the file's inputs, the image first."""
        return list(self.lite.input)

    @property
    def outputs(self) -> list[FileOutput]:
        """The file's outputs in their order."""
        return [self.task.file_outputs[key] for key in self.lite.output]

    @cached_property
    def pixels(self) -> Pixels:
        """How the network wants pixels scaled."""
        return self.trained.family.pixels(self.trained.config)

    @property
    def placement_rule(self) -> PlacementRule:
        """Where an image goes in the file's input."""
        return self.trained.config.file_placement_rule()

    @property
    def facts(self) -> str:
        """What the file says of itself, as JSON."""
        return facts_json(self.trained, self.request)

    @property
    def decoding(self) -> FileFacts:
        """What decoding the file's outputs needs."""
        return facts_for_decoding(self.trained, self.request)

    def sample(self, image: Array, from_bytes: bool = True) -> tuple[dict[str, Array], Placement]:
        """Values of the file's inputs for an image, the way the runtime places it; and where.

        Args:
            image: (H, W, C), 0..255; or what :func:`maskdet.images.checked_image` makes of it.
            from_bytes: the image as bytes; else scaled, float32.

        Raises:
            UsageError: if it is no image.
        """
        image = checked_image(image, int(self.trained.config.IMAGE_CHANNEL_COUNT))
        if from_bytes and image.dtype != np.uint8:
            image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        placement = self.placement_rule(image.shape)
        canvas = resize_image(image, placement)[None]  # (1, H, W, C)
        name, *others = self.inputs
        values = {name: canvas if from_bytes else self.pixels.of_images(canvas)}
        if others:
            window = normalize_boxes([placement.window], placement.canvas_shape)
            values[others[0]] = window.reshape(1, 4)
        return values, placement

    def samples(self, images: Iterable[Array], from_bytes: bool) -> Iterator[dict[str, Array]]:
        """:meth:`sample` of each image, without its placement."""
        return (self.sample(image, from_bytes)[0] for image in images)

    def decode(self, arrays: list[Array], placement: Placement) -> Any:
        """The task's result in the file's outputs."""
        return self.task.decode(arrays, placement, self.decoding)

    def call(self, inputs: Iterable[Any]) -> dict[str, Any]:
        """The network in TensorFlow's operations: from the image as bytes and the other inputs to
        its outputs by key; for a graph that is being traced."""
        import tensorflow as tf

        values = dict(zip(self.inputs, inputs, strict=True))
        image = self.inputs[0]
        values[image] = self.pixels.scaled(tf.cast(values[image], tf.float32))
        outputs = self.lite(values, training=False)
        return {key: outputs[key] for key in self.lite.output}

    def specs(self) -> list[Any]:
        """TensorSpecs of the inputs, the image as bytes."""
        import tensorflow as tf

        return [
            tf.TensorSpec(tensor.shape, tf.uint8 if i == 0 else tf.float32, name=name)
            for i, (name, tensor) in enumerate(self.lite.input.items())
        ]


def class_labels(trained: Trained) -> list[str]:
    """Class names as files list them, without the background."""
    return list(trained.class_names[1:])


def as_arrays(outputs: Iterable[Any]) -> list[Array]:
    """Tensors as numpy arrays."""
    return [np.asarray(value) for value in outputs]
