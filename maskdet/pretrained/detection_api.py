"""Single-shot detectors of the TF Object Detection API, by our layers' names.

SSD MobileNetV1, SSD and SSDLite MobileNetV2, SSD Inception V2 of TensorFlow 1, of any width and
number of classes: as frozen graphs, as checkpoints, and the quantised MobileNetV1 as TFLite. Those
of TensorFlow 2, see :mod:`maskdet.pretrained.detection_keras`.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays
from maskdet.pretrained.class_slots import COCO_SLOT_COUNT, with_coco_classes
from maskdet.pretrained.detection_keras import read_keras_layers, saved_variables
from maskdet.pretrained.detection_names import (
    BASES,
    EXTRACTOR,
    Unit,
    extra_units,
    head_units,
    trunk_units,
)
from maskdet.pretrained.detection_tflite import raw_tflite_layers
from maskdet.pretrained.tf_variables import (
    Variables,
    checkpoint_prefix,
    of_objects,
    read_checkpoint,
    read_graph,
)

_PARTS = "weights|depthwise_weights|pointwise_weights|biases"
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# Of single-shot detectors, and enough of others to say what they are.
_WANTED = rf"(\w*FeatureExtractor|BoxPredictor_\d+|\w+)/.*({_PARTS}|BatchNorm/\w+)"
# A layer whose channels give the width, and how many it has at width 1.
_WIDTH_LAYERS = {
    "MobilenetV1": ("stage5_pair13_pointwise", 1024),
    "MobilenetV2": ("stage5_top", 1280),
    "InceptionV2": ("stage5_mixed5c_branch0_conv0", 352),
}
# Where published folders of TensorFlow 2 have what they hold.
_INNER = ("checkpoint", "saved_model")
_SAVED_MODEL = "saved_model.pb"
_GRAPHS = ("frozen_inference_graph.pb", "tflite_graph.pb", _SAVED_MODEL)


@dataclass(frozen=True)
class ApiDetector:
    """What a file of the API holds.

    Attributes:
        layers: arrays by our layers' names, in the order of the layers' weights; class layers with
            as many slots as the file has.
        backbone: name in our registry.
        slots: class slots, the background's among them.
        anchors: per cell of each map, finest first.
        levels: the finest and the coarsest level of its feature pyramid; None without.
        quantised: whether it is a TFLite file, whose pixels are ``(p - 128) / 128``.
    """

    layers: LayerArrays
    backbone: str
    slots: int
    anchors: tuple[int, ...]
    quantised: bool = False
    levels: tuple[int, int] | None = None

    @property
    def of_coco(self) -> bool:
        """Whether slots are COCO's own ids."""
        return self.slots == COCO_SLOT_COUNT

    def for_classes(self, count: int) -> LayerArrays:
        """The layers for a network of so many classes, the background among them.

        COCO's slots become its 80 classes; of another number class layers are left out.
        """
        if self.of_coco and count != self.slots:
            layers, slots = with_coco_classes(self.layers)
        else:
            layers, slots = self.layers, self.slots
        if slots == count:
            return layers
        return {name: v for name, v in layers.items() if not name.endswith("_class_logits")}


def find_api_file(path: str | os.PathLike[str]) -> Path | None:
    """The file or the prefix of a checkpoint that a path means; None where it means neither.

    Args:
        path: a ``.tflite`` or ``.pb``, a checkpoint's prefix or one of its files, or a folder with
            one of these: its frozen graph or SavedModel, else its newest checkpoint (also of its
            folder ``checkpoint``), else its only ``.tflite``.

    Raises:
        WeightsError: for a folder with none of them, or with several to choose from.
    """
    path = Path(path)
    if path.is_dir():
        return _within(path)
    if path.suffix in (".tflite", ".pb"):
        return path
    return checkpoint_prefix(path)


def _within(folder: Path) -> Path:
    for name in _GRAPHS:
        if (folder / name).is_file():
            return folder / name
    # "model.ckpt-200000" is newer than "model.ckpt-5000".
    checkpoints = sorted(
        folder.glob("*ckpt*.index"),
        key=lambda file: [int(part) for part in re.findall(r"\d+", file.stem)],
    )
    if checkpoints:
        return checkpoints[-1].with_suffix("")
    for inner in map(folder.joinpath, _INNER):
        if (inner / _SAVED_MODEL).is_file() or any(inner.glob("*ckpt*.index")):
            return _within(inner)
    others = sorted([*folder.glob("*.pb"), *folder.glob("*.tflite")])
    if len(others) == 1:
        return others[0]
    found = f"several ({', '.join(file.name for file in others)})" if others else "none"
    raise WeightsError(
        f"Of a frozen graph (.pb), a checkpoint (model.ckpt.index) or a .tflite the folder "
        f"{folder} holds {found}; give the path of the file itself."
    )


def read_api_detector(path: str | os.PathLike[str]) -> ApiDetector:
    """Read what :func:`find_api_file` gave.

    Raises:
        WeightsError: if the file is missing, damaged, or of another network; says which.
    """
    path = Path(path)
    if path.suffix == ".tflite":
        return _described(path, raw_tflite_layers(path), "MobilenetV1", quantised=True)
    prefix = saved_variables(path) if path.name == _SAVED_MODEL else path
    if path.suffix != ".pb" or path.name == _SAVED_MODEL:
        if prefix is not None and of_objects(prefix):
            return _of_keras(path, prefix)
    read = read_graph if path.suffix == ".pb" else read_checkpoint
    variables = read(path, _WANTED)
    base = _base(path, variables)
    scope = f"{EXTRACTOR}{base}/"
    units = [unit._replace(theirs=scope + unit.theirs) for unit in trunk_units(base)]
    owners = {re.sub(rf"/({_PARTS}|BatchNorm/\w+)$", "", name) for name in variables}
    inner = [name.removeprefix(scope) for name in owners]
    units += [unit._replace(theirs=scope + unit.theirs) for unit in extra_units(inner)]
    heads = head_units(owners)
    # Where gammas were not trained there are none.
    scaled = any(name.endswith("/gamma") for name in variables)
    layers = {}
    try:
        for unit in units:
            layers[unit.ours] = _with_norm(variables, unit, scaled)
        for unit in heads:
            if unit.kind == "depthwise":
                layers[unit.ours] = _with_norm(variables, unit, scaled)
            else:
                layers[unit.ours] = [
                    variables[f"{unit.theirs}/{part}"] for part in ("weights", "biases")
                ]
    except KeyError as error:
        raise _not_whole(path, base, f"{error} is not in it") from error
    return _described(path, layers, base)


def _of_keras(path: Path, prefix: Path) -> ApiDetector:
    layers, trunk, levels = read_keras_layers(path, prefix)
    if levels is None:
        return _described(path, layers, trunk, backbone=trunk)
    try:
        boxes, logits = (layers[f"head0_{what}"][1].size for what in ("deltas", "class_logits"))
    except (KeyError, IndexError) as error:
        raise _not_whole(path, trunk, f"{error} is not in it") from error
    anchors = (boxes // 4,) * (levels[1] - levels[0] + 1)
    slots = logits // max(anchors[0], 1)
    if slots < 2 or logits != slots * anchors[0]:
        raise _not_whole(path, trunk, f"its heads have {boxes} box and {logits} class channels")
    return ApiDetector(layers, trunk, slots, anchors, levels=levels)


def _base(path: Path, variables: Variables) -> str:
    """Name of the trunk, a key of BASES."""
    found = {name.split("/")[1] for name in variables if name.startswith(EXTRACTOR)}
    known = found & set(BASES)
    heads = any(name.startswith("BoxPredictor_") for name in variables)
    if len(known) == 1 and heads:
        return known.pop()
    if any(name.startswith(("FirstStage", "SecondStage")) for name in variables):
        what = "a two-stage detector (Faster or Mask R-CNN)"
    elif found:
        what = f"a network with the trunk {', '.join(sorted(found))}"
        what += "" if heads else ", without SSD's heads BoxPredictor_0 and so on"
    else:
        some = sorted({name.split("/")[0] for name in variables})[:3]
        what = f"variables of another kind ({', '.join(some) or 'none with weights'})"
    raise WeightsError(
        f"{path} holds {what}; those of SSD with {', '.join(BASES)} from the TF Object Detection "
        "API (TensorFlow 1) are read here."
    )


def _with_norm(variables: Variables, unit: Unit, scaled: bool) -> list[np.ndarray]:
    """Kernel, gamma, beta, moving mean and moving variance."""
    norm = {part: variables.get(f"{unit.theirs}/BatchNorm/{part}") for part in _NORM}
    if not scaled and norm["beta"] is not None:
        norm["gamma"] = np.ones_like(norm["beta"])
    for part, array in norm.items():
        if array is None:
            raise KeyError(f"{unit.theirs}/BatchNorm/{part}")
    return [_kernel(variables, unit), *(norm[part] for part in _NORM)]  # type: ignore[list-item]


def _kernel(variables: Variables, unit: Unit) -> np.ndarray:
    if unit.kind == "plain":
        return variables[f"{unit.theirs}/weights"]
    if unit.kind == "separable" and f"{unit.theirs}/weights" in variables:
        return variables[f"{unit.theirs}/weights"]  # trained as one convolution
    kernel = variables[f"{unit.theirs}/depthwise_weights"]  # (h, w, C, multiplier)
    if unit.kind == "depthwise":
        return kernel
    wide = variables[f"{unit.theirs}/pointwise_weights"]  # (1, 1, C * multiplier, out)
    wide = wide.reshape(*kernel.shape[2:], -1)  # (C, multiplier, out)
    whole = np.einsum("hwcm,cmo->hwco", kernel.astype(np.float64), wide.astype(np.float64))
    return np.ascontiguousarray(whole.astype(np.float32))


def _described(
    path: Path, layers: LayerArrays, base: str, quantised: bool = False, backbone: str = ""
) -> ApiDetector:
    """The layers with what their shapes say."""
    heads = len([name for name in layers if re.fullmatch(r"head\d+_deltas", name)])
    extras = [
        f"extra{level}_{part}" for level in range(3, heads + 1) for part in ("narrow", "wide")
    ]
    lacking = [name for name in extras if name not in layers]
    if heads < 2 or lacking:
        reason = f"{heads} heads and no convolution '{lacking[0]}'" if lacking else f"{heads} heads"
        raise _not_whole(path, base, f"there are {reason}")
    try:
        boxes = [layers[f"head{number}_deltas"][1].size for number in range(1, heads + 1)]
        logits = [layers[f"head{number}_class_logits"][1].size for number in range(1, heads + 1)]
    except KeyError as error:
        raise _not_whole(path, base, f"{error} is not in it") from error
    anchors = tuple(size // 4 for size in boxes)
    slots = logits[0] // max(anchors[0], 1)
    if slots < 2 or logits != [slots * count for count in anchors]:
        raise _not_whole(path, base, f"its heads have {boxes} box and {logits} class channels")
    if not backbone:
        layer, channels = _WIDTH_LAYERS[base]
        alpha = round(layers[layer][0].shape[-1] / channels, 2)
        backbone = BASES[base] if alpha == 1 else f"{BASES[base]}_{alpha:g}"
    return ApiDetector(layers, backbone, slots, anchors, quantised)


def _not_whole(path: Path, base: str, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} does not hold a whole SSD with {base} as the TF Object Detection API names it: "
        f"{reason}."
    )
