"""maskdet: photos and annotations in, a trained detector with masks out.

Names are loaded when they are first used, so that ``import maskdet`` is quick and does not load
TensorFlow by itself.
"""

import os
from typing import TYPE_CHECKING

from maskdet.lazy import lazy_names
from maskdet.quiet import load_tensorflow_quietly
from maskdet.version import __version__

if TYPE_CHECKING:
    from maskdet.config import Config, LiteConfig, MobileConfig, PiConfig, PiSmallConfig
    from maskdet.data.augment import Augmentation
    from maskdet.data.dataset import Dataset
    from maskdet.detections import Detections
    from maskdet.models.classifier.classifier import Classifier
    from maskdet.models.classifier.config import ClassifierConfig
    from maskdet.models.mask_rcnn.mask_rcnn import MaskRCNN
    from maskdet.models.opening import open_model
    from maskdet.models.ssd.config import SsdConfig
    from maskdet.models.ssd.ssd import SSD
    from maskdet.models.yolox.config import YoloxConfig
    from maskdet.models.yolox.yolox import YOLOX

# TensorFlow leaves oneDNN's kernels off on processors without AVX-512; with them a training step of
# the light network took 74 instead of 179 ms an image on such a one. Read when TensorFlow loads.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Its start-up lines and its remarks on kernels are not about the user's work; its errors reach
# Python as exceptions. `maskdet doctor` shows what it says of a GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
load_tensorflow_quietly()

_HOMES = {
    "Augmentation": "maskdet.data.augment",
    "Classifier": "maskdet.models.classifier.classifier",
    "ClassifierConfig": "maskdet.models.classifier.config",
    "Config": "maskdet.config",
    "Dataset": "maskdet.data.dataset",
    "Detections": "maskdet.detections",
    "MaskRCNN": "maskdet.models.mask_rcnn.mask_rcnn",
    "LiteConfig": "maskdet.config",
    "MobileConfig": "maskdet.config",
    "PiConfig": "maskdet.config",
    "PiSmallConfig": "maskdet.config",
    "SSD": "maskdet.models.ssd.ssd",
    "SsdConfig": "maskdet.models.ssd.config",
    "YOLOX": "maskdet.models.yolox.yolox",
    "YoloxConfig": "maskdet.models.yolox.config",
    "open_model": "maskdet.models.opening",
}

__all__ = [
    "Augmentation",
    "Classifier",
    "ClassifierConfig",
    "Config",
    "Dataset",
    "Detections",
    "MaskRCNN",
    "LiteConfig",
    "MobileConfig",
    "PiConfig",
    "PiSmallConfig",
    "SSD",
    "SsdConfig",
    "YOLOX",
    "YoloxConfig",
    "__version__",
    "open_model",
]

__getattr__ = lazy_names("maskdet", _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
