"""Exported files on a Raspberry Pi: numpy, Pillow and a TFLite interpreter are enough.

>>> from maskdet.runtime import Detector
>>> detections = Detector("kangaroo.tflite").detect(image)

``python -m maskdet.runtime --help`` shows what can be done without a line of code.
"""

from maskdet.runtime.classifier import Classifier
from maskdet.runtime.detector import Detector
from maskdet.runtime.opening import open_file

__all__ = ["Classifier", "Detector", "open_file"]
