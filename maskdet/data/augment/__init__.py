"""Augmentation: image, boxes and masks changed together."""

from maskdet.data.augment.pipeline import PRESETS, Augmentation
from maskdet.data.augment.sample import Sample

__all__ = ["PRESETS", "Augmentation", "Sample"]
