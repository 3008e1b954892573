"""Classifies with an exported file: from an image to Labels."""

from typing import Any

from numpy.typing import NDArray

from maskdet.runtime.predictor import Predictor
from maskdet.tasks.classification.labels import Labels


class Classifier(Predictor):
    """An exported classifier: the same Labels as the model it came from.

    See :class:`maskdet.runtime.predictor.Predictor` for arguments and errors.
    """

    task_name = "classification"

    def classify(self, image: NDArray[Any]) -> Labels:
        """What an image uint8 (H, W, 3), RGB, shows.

        Raises:
            UsageError: if it is no such image.
        """
        labels: Labels = self.predict(image)
        return labels
