"""Weights of detectors trained on COCO into a network's layers."""

import importlib
import importlib.util
from collections.abc import Callable, Collection
from pathlib import Path

import keras

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays, set_layers
from maskdet.pretrained.catalog import source_names
from maskdet.pretrained.weights import fetch_weights, local_weights

#: Last layers of a detector's heads, which give classes, and boxes for each anchor of a cell.
LAST_LAYERS = r".*_(class_logits|deltas)"
_ONNX_ENDING = "_onnx"
# Who reads which weights of the catalogue, as module:function from a path to arrays by layer name.
_READERS = {
    "yolox_nano": "maskdet.pretrained.yolox:yolox_layers",
    "ssd_mobilenet_v1_0.75": "maskdet.pretrained.detection_tflite:tflite_layers",
}


def load_coco(
    network: keras.Model,
    weights: str | None,
    backbone: str,
    prefix: str = "",
    known: Collection[str] = (),
) -> list[str]:
    """Set trunk, pyramid and, where the network has it, head to what they learned on COCO.

    Args:
        network: any model that holds the backbone's layers.
        weights: name in the catalogue, such as "yolox_nano"; None says there are none.
        backbone: for messages.
        prefix: what the network puts before the names of the head's layers.
        known: names of the backbones that have such weights, for the message.

    Returns:
        Names of the layers that were set; a head's last layers are not among them where the
        network has another number of classes or of anchors. Nothing is set unless everything fits.

    Raises:
        WeightsError: if there are no such weights, they cannot be had here, or do not fit.
    """
    if weights is None:
        raise WeightsError(
            f"There are no COCO weights for backbone '{backbone}'; set BACKBONE to one that has "
            f"some ({', '.join(known)}), or give the path of a weight file."
        )
    path = coco_file(weights)
    return set_layers(
        network,
        _reader(weights)(path),
        what=f"COCO weights of '{backbone}' ({path})",
        key=lambda name: name.removeprefix(prefix),
        open_ended=LAST_LAYERS,
    )


def _reader(name: str) -> Callable[[Path], LayerArrays]:
    module, _, function = _READERS[name].partition(":")
    reader: Callable[[Path], LayerArrays] = getattr(importlib.import_module(module), function)
    return reader


def coco_here(name: str) -> bool:
    """Whether a file that can be read is on this machine.

    Raises:
        WeightsError: if what lies there is not the published one.
    """
    return _local_files(name)[0] is not None


def _local_files(name: str) -> tuple[Path | None, Path | None]:
    """The file to read, and the .onnx that could be if the package onnx were here."""
    path = local_weights(name)
    if path is not None:
        return path, None
    other = f"{name}{_ONNX_ENDING}"
    onnx = local_weights(other) if other in source_names() else None
    if onnx is not None and importlib.util.find_spec("onnx") is not None:
        return onnx, None
    return None, onnx


def coco_file(name: str) -> Path:
    """The weights' file: one that is on this machine, else the .pth, downloaded.

    A .pth needs nothing but numpy, so it goes before an .onnx, which needs the package onnx.

    Raises:
        WeightsError: if it is not here and cannot be downloaded; says what to put where.
    """
    path, onnx = _local_files(name)
    if path is not None:
        return path
    try:
        return fetch_weights(name)
    except WeightsError as error:
        if onnx is None:
            raise
        raise WeightsError(
            f"{str(error).rstrip('.')}; or run: pip install onnx, which reads {onnx}."
        ) from error
