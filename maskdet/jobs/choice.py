"""Which network and settings a data set gets where nobody has said."""

import importlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maskdet.base_config import BaseConfig
from maskdet.data.dataset import Dataset
from maskdet.errors import UsageError
from maskdet.geometry.placement import SIDE_MULTIPLE

#: Configs by the names that users give: where each is, and what it is for.
CONFIGS = {
    "mobile": ("maskdet.config:MobileConfig", "a light Mask R-CNN for laptops and the Pi"),
    "pi": ("maskdet.config:PiConfig", "a smaller Mask R-CNN, twice as fast on the Pi"),
    "pi-small": ("maskdet.config:PiSmallConfig", "the smallest and fastest Mask R-CNN"),
    "lite": ("maskdet.config:LiteConfig", "a Mask R-CNN from ImageNet's weights, which pip brings"),
    "standard": (
        "maskdet.config:Config",
        "matterport's Mask R-CNN of ResNet101, which wants a GPU",
    ),
    "ssd": ("maskdet.models.ssd.config:SsdConfig", "SSD MobileNetV1, which finds boxes alone"),
    "yolox": ("maskdet.models.yolox.config:YoloxConfig", "YOLOX-Nano, which finds boxes alone"),
    "classifier": (
        "maskdet.models.classifier.config:ClassifierConfig",
        "a classifier, which gives each photo one class",
    ),
}
# Side in pixels of the network's input below which an object is small, and which quantile of a
# set's objects should not be.
_SMALL, _QUANTILE = 16.0, 0.25
# Largest input that is chosen: its cost grows with the square of its side.
_LARGEST_SIDE = 832
# More instances than a set's fullest photo has: photos to come may be fuller.
_ROOM = 1.5


@dataclass(frozen=True)
class ConfigChoice:
    """A Config for a data set.

    Attributes:
        name: of :data:`CONFIGS`.
        config: an instance, with settings that fit the set.
        reason: why this network; "" where somebody has said it.
        changes: settings that differ from the Config's, and why, a sentence each.
    """

    name: str
    config: BaseConfig
    reason: str = ""
    changes: list[str] = field(default_factory=list)


def choose(dataset: Dataset, name: str | None = None) -> ConfigChoice:
    """A Config that fits a prepared data set.

    Sets of one class a photo get a classifier, all others the light Mask R-CNN. Where a quarter of
    the objects would be smaller than 16 pixels in its input, the input is larger; where a photo has
    more objects than the network reports, it reports more.

    Args:
        name: of :data:`CONFIGS`, where somebody has said it.

    Raises:
        UsageError: for a classifier and a set of objects, or the other way round.
    """
    reason = "" if name else _reason(dataset)
    name = name or ("classifier" if dataset.gives_labels else "mobile")
    if (name == "classifier") != dataset.gives_labels:
        what = "one class for each photo" if dataset.gives_labels else "objects with boxes"
        fitting = "classifier" if dataset.gives_labels else "mobile"
        raise UsageError(
            f"--config {name} is not for a set that has {what}; use --config {fitting}."
        )
    config = _config(name)
    config.NUM_CLASSES = dataset.num_classes
    changes = [] if name == "classifier" else _fit_to_objects(config, dataset)
    if config.STEPS_PER_EPOCH is not None:  # matterport's: an epoch is one pass here
        config.STEPS_PER_EPOCH = config.VALIDATION_STEPS = None
    return ConfigChoice(name, config, reason, changes)


def _reason(dataset: Dataset) -> str:
    if dataset.gives_labels:
        return "the photos lie in a folder for each class"
    return (
        f"the objects have {'masks' if dataset.provides_masks else 'boxes, which teach masks too'}"
    )


def _config(name: str) -> Any:
    module, _, attribute = CONFIGS[name][0].partition(":")
    return getattr(importlib.import_module(module), attribute)()


def _fit_to_objects(config: Any, dataset: Dataset) -> list[str]:
    """Let the input and the number of instances fit a set's objects; says what was changed and
    why."""
    sides, most = object_sides(dataset)
    changes = []
    if len(sides):
        side = int(config.IMAGE_MAX_DIM)
        quartile = float(np.quantile(sides, _QUANTILE)) * side
        if quartile < _SMALL and side < _LARGEST_SIDE:
            steps = math.ceil(side * _SMALL / max(quartile, 1e-6) / SIDE_MULTIPLE)
            larger = min(_LARGEST_SIDE, steps * SIDE_MULTIPLE)
            config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = larger
            changes.append(
                f"photos are shown to it at {larger} pixels (IMAGE_MAX_DIM), since at {side} a "
                f"quarter of the objects would be smaller than {max(1, round(quartile))}"
            )
    room = math.ceil(most * _ROOM)
    for setting in ("MAX_GT_INSTANCES", "DETECTION_MAX_INSTANCES"):
        if room > getattr(config, setting):
            setattr(config, setting, room)
            changes.append(f"{setting}={room}, since one photo has {most} objects")
    return changes


def object_sides(dataset: Dataset) -> tuple[np.ndarray, int]:
    """Sides of a set's objects and the largest number of objects in a photo.

    Returns:
        Roots of the boxes' areas as shares of their photo's longer side, float64 (N,); the number.
    """
    sides: list[float] = []
    most = 0
    for image_id in dataset.image_ids:
        boxes, class_ids = dataset.load_boxes(image_id)
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)[np.asarray(class_ids) > 0]
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)  # (N,)
        sides += list(np.sqrt(areas) / max(dataset.image_shape(image_id)))
        most = max(most, len(boxes))
    return np.array(sides), most
