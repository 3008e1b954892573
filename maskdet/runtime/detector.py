"""Detects with an exported file: from an image to Detections."""

from typing import Any

from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.runtime.predictor import Predictor


class Detector(Predictor):
    """An exported detector: the same Detections as the model it came from.

    Args:
        path: a .tflite file of ``model.export()``. A plain detector of others with the four
            outputs of TFLite_Detection_PostProcess runs too, without masks.
        threads: by default one for each core.
        min_confidence: lowest score of a detection; by default what the model was exported with
            (0.5 for files of others). Below the file's own limit there is nothing to find.
        class_names: names by class id, the background first, for a file that holds none.

    Attributes:
        class_names, input_shape (height, width), has_masks, facts.

    Raises:
        WeightsError: if the file is missing, damaged, or no detector; says what is missing.
        UsageError: if no interpreter is installed.
    """

    task_name = "detection"

    def detect(self, image: NDArray[Any]) -> Detections:
        """What is in an image uint8 (H, W, 3), RGB: boxes and masks in its own pixels.

        Raises:
            UsageError: if it is no such image.
        """
        detections: Detections = self.predict(image)
        # Classes that the file does not name have numbers from now on.
        self.class_names = detections.class_names
        return detections
