"""Exported detectors on a Raspberry Pi: numpy, Pillow and a TFLite interpreter are enough.

>>> from maskdet.runtime import Detector
>>> found = Detector("kangaroo.tflite").detect(image)

``python -m maskdet.runtime --help`` shows what can be done without a line of code.
"""

from maskdet.runtime.detector import Detector

__all__ = ["Detector"]
