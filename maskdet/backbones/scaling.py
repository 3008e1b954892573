"""How a Config's pixels are scaled: as it says, else as its backbone wants."""

import numpy as np

from maskdet.backbones.registry import get_backbone
from maskdet.base_config import BaseConfig
from maskdet.errors import ConfigError
from maskdet.pixels import Pixels


def pixels_of(config: BaseConfig) -> Pixels:
    """How a Config's pixels are scaled: as it says, else as its backbone wants.

    MEAN_PIXEL without PIXEL_STD is not divided, as matterport's scripts mean it.

    Raises:
        ConfigError: if there is not one mean a channel, or the backbone is unknown.
    """
    wanted = get_backbone(config.BACKBONE).pixels
    if config.MEAN_PIXEL is None:
        means, std = wanted.mean, wanted.std if config.PIXEL_STD is None else config.PIXEL_STD
    else:
        means = tuple(float(value) for value in np.asarray(config.MEAN_PIXEL).reshape(-1))
        std = 1.0 if config.PIXEL_STD is None else config.PIXEL_STD
    if len(means) not in (1, config.IMAGE_CHANNEL_COUNT):
        raise ConfigError(
            f"MEAN_PIXEL has {len(means)} numbers for {config.IMAGE_CHANNEL_COUNT} channels "
            "(IMAGE_CHANNEL_COUNT); give one a channel."
        )
    return Pixels(tuple(means), float(std))


def pixel_mismatch(config: BaseConfig) -> str | None:
    """What to say of a Config that scales RGB pixels otherwise than its backbone was trained."""
    backbone, pixels = get_backbone(config.BACKBONE), pixels_of(config)
    rgb = config.IMAGE_CHANNEL_COUNT == 3
    if not backbone.pixels_known or not rgb or backbone.pixels.near(pixels):
        return None
    return (
        f"{type(config).__name__} scales pixels by MEAN_PIXEL {list(pixels.mean)} and PIXEL_STD "
        f"{pixels.std:g}, but BACKBONE {backbone.name!r} was trained with "
        f"{list(backbone.pixels.mean)} and {backbone.pixels.std:g}; leave both settings out, "
        "unless your weights were trained so."
    )
