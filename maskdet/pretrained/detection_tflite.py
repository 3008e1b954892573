"""Single-shot detectors of the TF Object Detection API, quantised, by our layers' names."""

import os
import re

import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays
from maskdet.pretrained.coco_names import COCO_SLOTS
from maskdet.pretrained.folded import unfolded
from maskdet.pretrained.tflite_file import TfliteConstants, read_constants

_TRUNK = "FeatureExtractor/MobilenetV1/"
# The API counts its thirteen pairs; ours have the stage before their number.
_STAGES = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, **dict.fromkeys(range(6, 12), 4), 12: 5, 13: 5}
_PAIRS = len(_STAGES)
_EXTRA = re.compile(r"Conv2d_13_pointwise_(1|2)_Conv2d_(\d)_")
_KERNEL = "/weights_quant/FakeQuantWithMinMaxVars"
_LEVELS = 6
# The extra maps stand behind the trunk's two.
_FIRST_EXTRA = 3


def tflite_layers(path: str | os.PathLike[str]) -> LayerArrays:
    """Weights of SSD MobileNetV1 as the API's own converter wrote it, by our layers' names.

    Args:
        path: a ``.tflite`` of the API's names, such as the mobile examples' ``detect.tflite``.

    Returns:
        Kernel, gamma, beta, moving mean and moving variance of each convolution (the file has norms
        folded: its own are ones that change nothing); kernel and bias of the heads. Of COCO's 91
        class slots the 80 that have a class are there, and the background.

    Raises:
        WeightsError: if the file is missing, damaged, or of another network.
    """
    constants = read_constants(path)
    layers = {}
    try:
        for name, unit, depthwise in _units(constants):
            kernel = _kernel(constants.arrays[f"{unit}{_KERNEL}"])
            operation = "depthwise" if depthwise else "Conv2D"
            layers[name] = unfolded(kernel, constants.arrays[f"{unit}/{operation}_Fold_bias"])
        for level in range(_LEVELS):
            for ours, theirs in (("deltas", "BoxEncoding"), ("class_logits", "Class")):
                unit = f"BoxPredictor_{level}/{theirs}Predictor"
                kernel = _kernel(constants.arrays[f"{unit}{_KERNEL}"])
                bias = constants.arrays[f"{unit}/Conv2D_bias"]
                if ours == "class_logits":
                    kernel, bias = _with_classes(kernel), _with_classes(bias)
                layers[f"head{level + 1}_{ours}"] = [kernel, bias]
    except (KeyError, ValueError) as error:
        raise _of_another_network(path, f"it lacks {error}") from error
    return layers


def _units(constants: TfliteConstants) -> list[tuple[str, str, bool]]:
    """Our name, the API's name and whether it is depthwise, of each convolution with a norm."""
    trunk = f"{_TRUNK}MobilenetV1/"
    units = [("stage1_stem", f"{trunk}Conv2d_0", False)]
    for number in range(1, _PAIRS + 1):
        name = f"stage{_STAGES[number]}_pair{number}"
        units.append((f"{name}_depthwise", f"{trunk}Conv2d_{number}_depthwise", True))
        units.append((f"{name}_pointwise", f"{trunk}Conv2d_{number}_pointwise", False))
    for tensor in constants.arrays:
        # Their names hold their widths.
        part = _EXTRA.match(tensor.removeprefix(_TRUNK))
        if part and tensor.endswith(_KERNEL):
            kind = "narrow" if part[1] == "1" else "wide"
            level = int(part[2]) - 2 + _FIRST_EXTRA
            units.append((f"extra{level}_{kind}", tensor.removesuffix(_KERNEL), False))
    return units


def _kernel(kernel: np.ndarray) -> np.ndarray:
    """TFLite's (out, h, w, in), or (1, h, w, C) if depthwise, as Keras': (h, w, in, out or 1)."""
    return np.ascontiguousarray(kernel.transpose(1, 2, 3, 0))


def _with_classes(values: np.ndarray) -> np.ndarray:
    """Values (..., anchors * 91) of the slots that have a class: (..., anchors * 81)."""
    slots = COCO_SLOTS[-1] + 1
    rows = values.reshape(*values.shape[:-1], -1, slots)[..., list(COCO_SLOTS)]
    return np.ascontiguousarray(rows.reshape(*values.shape[:-1], -1))


def _of_another_network(path: str | os.PathLike[str], reason: str) -> WeightsError:
    return WeightsError(
        f"{path} does not hold SSD MobileNetV1 as the TF Object Detection API names it: {reason}; "
        "give detect.tflite of coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.zip."
    )
