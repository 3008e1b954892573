"""Single-shot detectors of the TF Object Detection API, quantised, by our layers' names."""

import os

import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays
from maskdet.pretrained.class_slots import COCO_SLOT_COUNT, with_coco_classes
from maskdet.pretrained.detection_names import Unit, extra_units, trunk_units
from maskdet.pretrained.folded import unfolded
from maskdet.pretrained.tflite_file import TfliteConstants, read_constants

_TRUNK = "FeatureExtractor/MobilenetV1/"
_KERNEL = "/weights_quant/FakeQuantWithMinMaxVars"
_LEVELS = 6


def tflite_layers(path: str | os.PathLike[str]) -> LayerArrays:
    """:func:`raw_tflite_layers` of a detector of COCO's classes, with the 80 and the background.

    Raises:
        WeightsError: if the file is missing, damaged, of another network or other classes.
    """
    layers = raw_tflite_layers(path)
    anchors = layers["head1_deltas"][1].size // 4
    slots = layers["head1_class_logits"][1].size // anchors
    if slots != COCO_SLOT_COUNT:
        raise _of_another_network(path, f"it has {slots} class slots instead of {COCO_SLOT_COUNT}")
    return with_coco_classes(layers)[0]


def raw_tflite_layers(path: str | os.PathLike[str]) -> LayerArrays:
    """Weights of SSD MobileNetV1 as the API's own converter wrote it, by our layers' names.

    Args:
        path: a ``.tflite`` of the API's names, such as the mobile examples' ``detect.tflite``.

    Returns:
        Kernel, gamma, beta, moving mean and moving variance of each convolution (the file has norms
        folded: its own are ones that change nothing); kernel and bias of the heads.

    Raises:
        WeightsError: if the file is missing, damaged, or of another network.
    """
    constants = read_constants(path)
    layers = {}
    try:
        for unit in _units(constants):
            kernel = _kernel(constants.arrays[f"{unit.theirs}{_KERNEL}"])
            operation = "depthwise" if unit.kind == "depthwise" else "Conv2D"
            bias = constants.arrays[f"{unit.theirs}/{operation}_Fold_bias"]
            layers[unit.ours] = unfolded(kernel, bias)
        for level in range(_LEVELS):
            for ours, theirs in (("deltas", "BoxEncoding"), ("class_logits", "Class")):
                head = f"BoxPredictor_{level}/{theirs}Predictor"
                kernel = _kernel(constants.arrays[f"{head}{_KERNEL}"])
                layers[f"head{level + 1}_{ours}"] = [
                    kernel,
                    constants.arrays[f"{head}/Conv2D_bias"],
                ]
    except (KeyError, ValueError) as error:
        raise _of_another_network(path, f"it lacks {error}") from error
    return layers


def _units(constants: TfliteConstants) -> list[Unit]:
    """The convolutions with a norm, with the API's whole names."""
    trunk = f"{_TRUNK}MobilenetV1/"
    tensors = [name for name in constants.arrays if name.endswith(_KERNEL)]
    inner = [name.removeprefix(_TRUNK).removesuffix(_KERNEL) for name in tensors]
    return [
        *(unit._replace(theirs=trunk + unit.theirs) for unit in trunk_units("MobilenetV1")),
        *(unit._replace(theirs=_TRUNK + unit.theirs) for unit in extra_units(inner)),
    ]


def _kernel(kernel: np.ndarray) -> np.ndarray:
    """TFLite's (out, h, w, in), or (1, h, w, C) if depthwise, as Keras': (h, w, in, out or 1)."""
    return np.ascontiguousarray(kernel.transpose(1, 2, 3, 0))


def _of_another_network(path: str | os.PathLike[str], reason: str) -> WeightsError:
    return WeightsError(
        f"{path} does not hold SSD MobileNetV1 as the TF Object Detection API names it: {reason}; "
        "give detect.tflite of coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.zip."
    )
