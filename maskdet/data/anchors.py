"""Anchors after a data set's boxes, as a Config's network sees them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.base_config import BaseConfig
from maskdet.data.dataset import Dataset
from maskdet.errors import ConfigError
from maskdet.geometry.anchor_fit import best_overlaps, fit_shapes

Array = NDArray[Any]


@dataclass(frozen=True)
class AnchorFit:
    """Anchors that were fitted to a data set, beside those of its Config.

    Attributes:
        scales: side of the square anchor of each level, pixels of the network's input, ascending.
        ratios: width / height of each shape, ascending.
        boxes: how many boxes they were fitted to.
        before, after: by class name, the mean over its boxes of the IoU with their best anchor (the
            mean over where a box may lie between the anchors), of the Config's own anchors and of
            the fitted ones. ``before`` is empty where the Config has none of its own yet.
    """

    scales: tuple[int, ...]
    ratios: list[float]
    boxes: int
    before: dict[str, float]
    after: dict[str, float]

    def report(self) -> str:
        """A sentence of what was fitted and what it brings, the mean over the classes."""
        shapes = ", ".join(f"{ratio:g}" for ratio in self.ratios)
        was = f" instead of {_mean(self.before):.3f}" if self.before else ""
        return (
            f"Anchors of {', '.join(map(str, self.scales))} px and ratios of {shapes} have a mean "
            f"IoU of {_mean(self.after):.3f}{was} with {self.boxes} boxes."
        )


def boxes_in_network_pixels(dataset: Dataset, config: BaseConfig) -> Array:
    """Heights and widths (N, 2) of all objects as the network sees them, crowds left out."""
    return _placed_objects(dataset, config)[0]


def _placed_objects(dataset: Dataset, config: BaseConfig) -> tuple[Array, Array]:
    """Heights and widths (N, 2) in network pixels, and class ids int (N,)."""
    sides, kinds = [np.zeros((0, 2))], [np.zeros(0, np.int64)]
    placement_of = config.placement_rule(detecting=True)
    for image_id in dataset.image_ids:
        boxes, class_ids = dataset.load_boxes(int(image_id))
        placement = placement_of(dataset.image_shape(int(image_id)))
        placed = placement.forward_boxes(boxes[class_ids > 0])
        sides.append(placed[:, 2:] - placed[:, :2])
        kinds.append(class_ids[class_ids > 0])
    return np.concatenate(sides), np.concatenate(kinds)


def fit_anchors(dataset: Dataset, config: BaseConfig) -> tuple[tuple[int, ...], list[float]]:
    """Scales, one a level, and ratios for a Config, as many as it has; see :class:`AnchorFit`.

    Raises:
        ConfigError: if the Config's family has no anchors.
        UsageError: if the data set has no box with an area.
    """
    fit = anchor_fit(dataset, config)
    return fit.scales, fit.ratios


def anchor_fit(dataset: Dataset, config: BaseConfig) -> AnchorFit:
    """Anchors fitted to a prepared data set, with how well they and the Config's own fit.

    Boxes are taken at the size that the Config's placement gives them, the levels' strides and the
    number of ratios from ``config.anchor_shapes()``, whose scales may be a word. Classes count
    alike, as in AP: a rare class of small things would else be left without anchors.

    Raises:
        ConfigError: if the Config's family has no anchors.
        UsageError: if the data set has no box with an area.
    """
    own = config.anchor_shapes()
    if own is None:
        raise ConfigError(
            f"{type(config).__name__} has no anchors to fit; its family finds objects without."
        )
    sides, class_ids = _placed_objects(dataset, config)
    real = (sides > 0).all(axis=1)
    sides, class_ids = sides[real], class_ids[real]
    weights = 1 / np.maximum(np.bincount(class_ids), 1)[class_ids]
    scales, ratios = fit_shapes(sides, own.levels, len(own.ratios), own.strides, weights)

    def by_class(scales: Any, ratios: Any) -> dict[str, float]:
        best = best_overlaps(sides, scales, ratios, own.strides)
        return {
            str(dataset.class_names[i]): float(best[class_ids == i].mean())
            for i in np.unique(class_ids)
        }

    before = {} if isinstance(own.scales, str) else by_class(own.scales, own.ratios)
    return AnchorFit(tuple(scales), ratios, len(sides), before, by_class(scales, ratios))


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))
