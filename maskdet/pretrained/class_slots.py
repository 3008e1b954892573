"""Class layers of COCO's detectors: 91 slots by COCO's ids as our 81 classes."""

import numpy as np

from maskdet.pretrained.by_layer import LayerArrays
from maskdet.pretrained.coco_names import COCO_SLOTS

#: The background and COCO's ids 1 to 90.
COCO_SLOT_COUNT = COCO_SLOTS[-1] + 1


def with_coco_classes(layers: LayerArrays) -> tuple[LayerArrays, int]:
    """Layers whose ``..._class_logits`` have 91 slots an anchor with 81, and that number."""
    mapped = {
        name: [_picked(array) for array in arrays] if name.endswith("_class_logits") else arrays
        for name, arrays in layers.items()
    }
    return mapped, len(COCO_SLOTS)


def _picked(values: np.ndarray) -> np.ndarray:
    """Values (..., anchors * 91) of the slots that have a class: (..., anchors * 81)."""
    rows = values.reshape(*values.shape[:-1], -1, COCO_SLOT_COUNT)[..., list(COCO_SLOTS)]
    return np.ascontiguousarray(rows.reshape(*values.shape[:-1], -1))
