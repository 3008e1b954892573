"""How useful photos are to a trained detector: it looks at them, and they are put in order."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.inference.detect import Prepare, detect_beside
from maskdet.models.inspecting import stage_ends
from maskdet.tasks.detection.usefulness import FLOOR, pooled, ranked, uncertainty
from maskdet.trained import Trained

Array = NDArray[Any]


@dataclass(frozen=True)
class UsefulOrder:
    """Photos in the order of their use.

    Attributes:
        indices: int64 (N,), positions among the images, the most useful first.
        uncertainties: float64 (N,), in the order of the images.
        unlikeness: float32 (N,), in the order of the images.
    """

    indices: Array
    uncertainties: Array
    unlikeness: Array


class Onlooker:
    """A detector's network that also tells of what it finds less likely, and a photo's feature.

    Args:
        trained: a detector, for training or inference; it stays as it is.
        min_score: lowest score that is needed; lower ones down to FLOOR are told too.
        prepare: how images get onto the canvas, see :func:`maskdet.inference.detect.detect`.

    Raises:
        UsageError: where no layer of its backbone gives maps.
    """

    def __init__(
        self, trained: Trained, min_score: float = 0.5, prepare: Prepare | None = None
    ) -> None:
        config = copy.deepcopy(trained.config)
        trained.family.task.set_min_score(config, min(min_score, FLOOR))
        self.trained, self._prepare = trained.copied(config), prepare
        ends = stage_ends(self.trained)
        if not ends:
            raise UsageError(
                f"No layer of the backbone {config.BACKBONE} gives maps to compare photos by; "
                "take a backbone of the registry."
            )
        network = self.trained.network
        maps = network.get_layer(ends[-1]).output
        self._probe = keras.Model(network.inputs, [*network.outputs, maps])

    def look(self, images: Iterable[Any]) -> Iterator[tuple[Detections, Array]]:
        """Detections of each image and its feature float32 (C,), in batches, in order."""
        for result, place, [maps] in detect_beside(
            self.trained, self._probe, images, self._prepare
        ):
            yield result, pooled(maps, place.window, place.canvas_shape)


def useful_order(
    model: Any, images: Iterable[Any], labelled_images: Iterable[Any] = ()
) -> UsefulOrder:
    """Images in the order in which labels of them help a detector most.

    What is useful: :func:`maskdet.tasks.detection.usefulness.uncertainty` of the network's
    detections, and how unlike an image is to the labelled ones and those before it in the features
    of the network's own backbone, see :func:`maskdet.tasks.detection.usefulness.ranked`.

    Args:
        model: a :class:`maskdet.models.detecting.DetectingModel`.
        images: H x W x C each, RGB of 0..255; may be a generator, of which a batch is held.
        labelled_images: those that have labels already, likewise.
    """
    onlooker = Onlooker(model.trained, prepare=model.prepare)
    labelled = [feature for _, feature in onlooker.look(labelled_images)]
    uncertainties, features = [], []
    for detections, feature in onlooker.look(images):
        uncertainties.append(uncertainty(detections.scores))
        features.append(feature)
    indices, unlikeness = ranked(uncertainties, features, labelled or None)
    return UsefulOrder(indices, np.array(uncertainties), unlikeness)
