"""Single-shot detectors of the TF Object Detection API of TensorFlow 2, by our layers' names.

Checkpoints (``ckpt-0``) and SavedModels of SSD MobileNetV1 and V2, with heads of their own on each
map or on a feature pyramid, and of ResNet50 and 101 on a feature pyramid.
"""

import os
import re
from pathlib import Path

import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays
from maskdet.pretrained.keras_names import TRUNKS, WANTED, WIDTH_LAYERS, place_of, pyramid_levels
from maskdet.pretrained.tf_variables import Variables, read_objects

#: Parts of a layer's weights in our order.
_ORDER = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
_NORM = _ORDER[2:]
_COMPLETE = {("kernel",), ("kernel", "bias"), ("kernel", *_NORM)}
#: Our layers that are norms alone.
_NORMS = r"bn\w+|head\d_\w*norm\d+"
#: Our layers that have a bias, always zero there.
_BIASED = r"conv1|res\d._branch\d\w?"
_VARIABLES = Path("variables", "variables")


def saved_variables(path: str | os.PathLike[str]) -> Path | None:
    """The prefix of the variables that lie beside a ``saved_model.pb``; None where there are none.

    A SavedModel of a frozen graph has none.
    """
    prefix = Path(path).parent / _VARIABLES
    return prefix if prefix.with_name("variables.index").is_file() else None


def read_keras_layers(path: Path, prefix: Path) -> tuple[LayerArrays, str, tuple[int, int] | None]:
    """A detector's layers, the name of its trunk in our registry, its pyramid's levels if any.

    Args:
        path: what messages name.
        prefix: of a checkpoint of TensorFlow 2.

    Raises:
        WeightsError: if the checkpoint is missing, damaged, or of another network.
    """
    variables = read_objects(prefix, WANTED)
    trunk = _trunk(path, variables)
    levels = pyramid_levels(variables)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, array in variables.items():
        place = place_of(name, trunk, levels)
        if place is not None:
            parts.setdefault(place.layer, {})[place.part] = array
    layers = {name: _arrays(path, name, own) for name, own in parts.items()}
    if trunk in WIDTH_LAYERS:
        layer, channels = WIDTH_LAYERS[trunk]
        if layer not in layers:
            raise _not_whole(path, f"it has no layer '{layer}'")
        alpha = round(layers[layer][0].shape[-1] / channels, 2)
        trunk = trunk if alpha == 1 else f"{trunk}_{alpha:g}"
    span = (levels.finest, levels.coarsest) if levels.projections else None
    return layers, trunk, span


def _trunk(path: Path, variables: Variables) -> str:
    layers = {name.split("/")[-2] for name in variables}
    heads = any(re.search(r"Convolutional(Box|Class)Head", name) for name in variables)
    trunk = next((trunk for layer, trunk in TRUNKS.items() if layer in layers), "")
    if trunk and heads:
        return trunk
    if any(re.search(r"FirstStage|SecondStage|MaskRCNN", name) for name in variables):
        what = "a two-stage detector (Faster or Mask R-CNN)"
    elif trunk:
        what = f"a network with the trunk {trunk}, without SSD's heads"
    else:
        some = sorted({name.split("/")[0] for name in variables})[:3]
        what = f"variables of another kind ({', '.join(some) or 'none of layers'})"
    raise WeightsError(
        f"{path} holds {what}, as a checkpoint of TensorFlow 2; those of the TF Object Detection "
        "API's SSD with MobileNetV1 or V2, and with ResNet50 or 101 on a feature pyramid, are read "
        "here."
    )


def _arrays(path: Path, layer: str, parts: dict[str, np.ndarray]) -> list[np.ndarray]:
    """A layer's weights in order: norms without scale have ones, biases of ours that lack zeros."""
    if "moving_mean" in parts and "gamma" not in parts:
        parts = {**parts, "gamma": np.ones_like(parts["moving_mean"])}
    if re.fullmatch(_BIASED, layer) and "bias" not in parts and "kernel" in parts:
        parts = {**parts, "bias": np.zeros(parts["kernel"].shape[-1], np.float32)}
    names = tuple(part for part in _ORDER if part in parts)
    whole = names == _NORM if re.fullmatch(_NORMS, layer) else names in _COMPLETE
    if not whole:
        raise _not_whole(path, f"of the layer '{layer}' it has {', '.join(names)} alone")
    return [parts[name] for name in names]


def _not_whole(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} does not hold a whole SSD as the TF Object Detection API names it: {reason}."
    )
