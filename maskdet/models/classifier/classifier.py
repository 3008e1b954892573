"""The class that users make: a classifier of whole images."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from maskdet.layers.class_activation import grad_cam
from maskdet.models.classifier.config import ClassifierConfig
from maskdet.models.classifier.family import ClassifierFamily
from maskdet.models.classifier.network import HEAD_PREFIX, LOGITS
from maskdet.models.inspecting import Look, Panel
from maskdet.models.label_report import no_drafts
from maskdet.models.model import Model
from maskdet.tasks.classification.labels import Labels
from maskdet.visualize.insights import heat_over

#: Classes that are shown where they are seen.
_SHOWN_CLASSES = 2


class Classifier(Model):
    """Says which of your classes an image shows, and how sure it is.

    Trained on folders of photos, one a class: ``train(layers="heads")`` learns the last layer on
    features that stay as they are, ``"4+"``, ``"all"`` or a regular expression move the features
    too. See :class:`maskdet.models.model.Model` for the methods.
    """

    family = ClassifierFamily()
    config: ClassifierConfig

    def label(self, *arguments: Any, **options: Any) -> Any:
        """Detectors' drafts of annotations; a classifier has none. Raises UsageError."""
        raise no_drafts(type(self).__name__)

    def labels(self, images: Iterable[Any]) -> Iterator[Labels]:
        """Labels of each image, in order; any number of images of any size.

        Args:
            images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, uint8 or floats; may be a
                generator.

        Raises:
            UsageError: in training mode, or if an image is none.
        """
        return self.results(images)

    def classify(self, images: Sequence[Any]) -> list[Labels]:
        """:meth:`labels` as a list."""
        return list(self.labels(images))

    def own_panels(self, look: Look) -> list[Panel]:
        """Where the likeliest classes are seen; see :meth:`inspect`."""
        [labels] = self.labels([look.image])
        order = np.argsort(-labels.scores, kind="stable")[:_SHOWN_CLASSES]
        pooled = self.network.get_layer(f"{HEAD_PREFIX}pool").input  # (B, h, w, C)
        logits = self.network.get_layer(LOGITS).output
        heats = grad_cam(self.network, pooled, logits, look.inputs, [int(i) for i in order])
        return [
            (heat_over(look.picture, heat), f"{labels.class_names[i]} {labels.scores[i]:.2f}")
            for i, heat in zip(order, heats, strict=True)
        ]
