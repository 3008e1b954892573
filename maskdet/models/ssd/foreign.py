"""Weights of the TF Object Detection API: into an SSD, and the Config of an SSD for them."""

import itertools
import os
from collections.abc import Sequence
from typing import Any

import keras

from maskdet.backbones.registry import get_backbone
from maskdet.errors import WeightsError
from maskdet.family import Pretrained
from maskdet.models.opening import set_settings
from maskdet.models.ssd.anchors import anchors_per_cell
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.foreign_fpn import take_pyramid
from maskdet.models.weight_files import refuse_exported
from maskdet.pixels import Pixels
from maskdet.pretrained.by_layer import LayerArrays, set_layers
from maskdet.pretrained.coco_names import COCO_NAMES
from maskdet.pretrained.detection_api import ApiDetector, find_api_file, read_api_detector

# How pixels were scaled for quantised files, and for the others by their trunk.
_QUANTISED = Pixels((128.0,) * 3, 128.0)
_PLAIN = Pixels((127.5,) * 3, 127.5)
# Of ResNets there; ours differ by fractions of a pixel's value.
_OF_RESNETS = Pixels((123.68, 116.779, 103.939), 1.0)


def read_detector(path: str | os.PathLike[str]) -> ApiDetector:
    """What a path that :func:`find_api_file` knows holds.

    Raises:
        WeightsError: if it is none, or the file is missing, damaged, or of another network.
    """
    file = find_api_file(path)
    if file is None:
        raise WeightsError(
            f"{os.fspath(path)} is neither a .pb, a .tflite nor a checkpoint (model.ckpt.index)."
        )
    refuse_exported(file)
    return read_api_detector(file)


def load_detector(
    network: keras.Model, config: SsdConfig, path: str | os.PathLike[str]
) -> Pretrained:
    """Put a file's weights into a network.

    All, but class layers for another number of classes, and the heads of maps whose cells have
    another number of anchors.

    Raises:
        WeightsError: if the network is not the one that the file is for; nothing has changed then.
    """
    detector = read_detector(path)
    advice = f"SSD.load({os.fspath(path)!r}) makes the network that the file is for"
    own = get_backbone(config.BACKBONE).name
    # ResNets of both activations have the same weights.
    if own.removesuffix("_relu6") != detector.backbone.removesuffix("_relu6"):
        raise WeightsError(
            f"{os.fspath(path)} is for BACKBONE {detector.backbone!r}, this network's is {own!r}; "
            f"{advice}."
        )
    layers = detector.for_classes(config.NUM_CLASSES)
    wanted = {layer.name for layer in network.layers if layer.weights}
    differing = sorted(wanted.symmetric_difference(detector.layers))
    if differing:
        where = "the file" if differing[0] in wanted else "this network"
        raise WeightsError(
            f"{os.fspath(path)} holds another network (layer '{differing[0]}' is not in {where}: "
            f"see {'the FPN_ settings' if detector.levels else 'EXTRA_CHANNELS'} and "
            f"SEPARABLE_HEADS); {advice}."
        )
    layers = _of_same_anchors(layers, detector.anchors, config)
    names = set_layers(network, layers, f"Weights of {os.fspath(path)}")
    classes = any(name.endswith("_class_logits") for name in names)
    of_coco = classes and detector.of_coco and config.NUM_CLASSES == len(COCO_NAMES)
    return Pretrained(names, COCO_NAMES if of_coco else (), _pixels_of(detector))


def _pixels_of(detector: ApiDetector) -> Pixels:
    if detector.quantised:
        return _QUANTISED
    return _OF_RESNETS if detector.backbone.startswith("resnet") else _PLAIN


def _of_same_anchors(layers: LayerArrays, anchors: Sequence[int], config: SsdConfig) -> LayerArrays:
    """The layers without the heads' last ones where a cell has other anchors than the file's."""
    own = anchors_per_cell(config)
    # All levels of a pyramid share the heads called 0.
    first = 0 if config.FPN_CHANNELS else 1
    other = {
        f"head{number}_{what}"
        for number, counts in enumerate(zip(anchors, own, strict=False), start=first)
        for what in ("class_logits", "deltas")
        if len(set(counts)) > 1
    }
    return {name: arrays for name, arrays in layers.items() if name not in other}


def config_of(
    detector: ApiDetector, path: str | os.PathLike[str], settings: dict[str, Any]
) -> SsdConfig:
    """Settings of the network that a file is for.

    Args:
        settings: what the file does not say, such as its input's size.

    Raises:
        WeightsError: if its anchors are none that the settings can give.
        UsageError: if a setting is not one of SSD's.
    """
    config = SsdConfig()
    config.BACKBONE = detector.backbone
    config.NUM_CLASSES = len(COCO_NAMES) if detector.of_coco else detector.slots
    if detector.levels is not None:
        take_pyramid(detector, path, config, settings)
        if tuple(anchors_per_cell(config)) == detector.anchors:
            return config
        raise _other_anchors(detector, path, config)
    layers = detector.layers
    levels = len(detector.anchors)
    config.EXTRA_CHANNELS = tuple(
        layers[f"extra{number}_wide"][0].shape[-1] for number in range(3, levels + 1)
    )
    config.SEPARABLE_HEADS = "head1_deltas_depthwise" in layers
    config.HEAD_KERNEL = 3 if config.SEPARABLE_HEADS else layers["head1_deltas"][0].shape[0]
    set_settings(config, settings)
    names = ("ANCHOR_BETWEEN", "ANCHOR_REDUCED")
    choices = ((settings[name],) if name in settings else (True, False) for name in names)
    for config.ANCHOR_BETWEEN, config.ANCHOR_REDUCED in itertools.product(*choices):
        if tuple(anchors_per_cell(config)) == detector.anchors:
            return config
    raise _other_anchors(detector, path, config)


def _other_anchors(
    detector: ApiDetector, path: str | os.PathLike[str], config: SsdConfig
) -> WeightsError:
    return WeightsError(
        f"{os.fspath(path)} has {', '.join(map(str, detector.anchors))} anchors on the cells of "
        f"its maps, which {len(config.ANCHOR_RATIOS)} shapes do not give; say which it has: "
        "SSD.load(path, ANCHOR_RATIOS=...)."
    )
