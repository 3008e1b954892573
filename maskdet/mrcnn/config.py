"""Settings with matterport's rules of training."""

from typing import Any

import numpy as np

from maskdet.backbones.registry import get_backbone
from maskdet.config import Config as _Config


class _MeanOfBackbone:
    """MEAN_PIXEL where a script sets none, as numbers that the script can compute with."""

    def __get__(self, config: Any, kind: Any = None) -> np.ndarray:
        return np.array(get_backbone((kind if config is None else config).BACKBONE).pixels.mean)


class _StdOfBackbone:
    """PIXEL_STD to go with :class:`_MeanOfBackbone`."""

    def __get__(self, config: Any, kind: Any = None) -> float | None:
        owner = kind if config is None else config
        # A MEAN_PIXEL of the script's own means that pixels are not divided.
        own_mean = "MEAN_PIXEL" in vars(owner) or not isinstance(
            _raw(kind, "MEAN_PIXEL"), _MeanOfBackbone
        )
        return None if own_mean else get_backbone(owner.BACKBONE).pixels.std


def _raw(kind: Any, name: str) -> Any:
    """A class attribute as it stands in its class, descriptors not asked."""
    return next(vars(base)[name] for base in kind.__mro__ if name in vars(base))


class Config(_Config):
    """:class:`maskdet.Config` as matterport's scripts know it; subclass it and override.

    One rule differs from the library's own default: without a proposal on an object an image gives
    the heads nothing to learn from, and padding counts as background. MEAN_PIXEL and PIXEL_STD can
    be read: they are the backbone's until they are set.
    """

    ROI_TARGETS_FILLED = False
    MEAN_PIXEL: Any = _MeanOfBackbone()
    PIXEL_STD: Any = _StdOfBackbone()
