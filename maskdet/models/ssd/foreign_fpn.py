"""The Config of an SSD on a feature pyramid for weights of the TF Object Detection API."""

import os
import re
from pathlib import Path
from typing import Any

from maskdet.errors import ConfigError
from maskdet.models.opening import set_settings
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.fpn import SHARED
from maskdet.pretrained.detection_api import ApiDetector, find_api_file

_PIPELINE = "pipeline.config"
# What the weights do not say and the pipeline beside them does.
_OF_PIPELINE = (
    *("IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MAX_DIM", "ANCHOR_RATIOS", "FPN_ANCHOR_SCALE"),
    *("BBOX_STD_DEV", "CLASS_LOSS"),
)
# What the published ones have, and their files do not say.
_SIDE = 320
_RATIOS = (1.0, 2.0, 0.5)


def take_pyramid(
    detector: ApiDetector,
    path: str | os.PathLike[str],
    config: SsdConfig,
    settings: dict[str, Any],
) -> None:
    """Give ``config``, whose BACKBONE is set, the settings of a detector's pyramid.

    Args:
        path: of the weights; a pipeline.config beside them, as they are published with, says the
            input's sides and the anchors.
        settings: what neither says, or what counts instead.

    Raises:
        UsageError: if a setting is not one of SSD's.
    """
    layers = detector.layers
    assert detector.levels is not None
    finest, _ = config.FPN_LEVELS = detector.levels
    config.FPN_CHANNELS = layers[f"fpn{finest}_lateral"][0].shape[-1]
    config.FPN_TOP_CHANNELS = layers["fpn5_top"][0].shape[-1] if "fpn5_top" in layers else 0
    config.FPN_SHARED_TOWER = not any(
        name.startswith(f"{SHARED}_class_logits_conv") for name in layers
    )
    config.SEPARABLE_HEADS = f"{SHARED}_deltas_depthwise" in layers
    config.HEAD_KERNEL = 3 if config.SEPARABLE_HEADS else layers[f"{SHARED}_deltas"][0].shape[0]
    tower = "" if config.FPN_SHARED_TOWER else "deltas_"
    convolutions = [name for name in layers if re.fullmatch(rf"{SHARED}_{tower}conv\d+", name)]
    config.FPN_HEAD_LAYERS = len(convolutions)
    if convolutions:
        config.FPN_HEAD_CHANNELS = layers[convolutions[0]][0].shape[-1]
    config.ANCHOR_RATIOS, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM = _RATIOS, _SIDE, _SIDE
    settings = _beside(path) | settings
    ratios = settings.get("ANCHOR_RATIOS", _RATIOS)
    config.FPN_SCALES_PER_OCTAVE = max(detector.anchors[0] // len(ratios), 1)
    set_settings(config, settings)


def _beside(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Settings of the pipeline.config in the weights' folder or in the one above."""
    file = find_api_file(path) or Path(path)
    for folder in file.parents[:2]:
        if (folder / _PIPELINE).is_file():
            try:
                config = SsdConfig.from_pipeline(folder / _PIPELINE)
            except ConfigError:  # somebody else's, whose weights may be read all the same
                return {}
            return {name: getattr(config, name) for name in _OF_PIPELINE}
    return {}
