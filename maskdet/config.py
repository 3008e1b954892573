"""The settings that scripts subclass, under the name they have always had.

What every family shares is in :mod:`maskdet.base_config`; each family has a Config of its own, and
this name is Mask R-CNN's.
"""

from maskdet.models.mask_rcnn.config import (
    Config,
    LiteConfig,
    MobileConfig,
    PiConfig,
    PiSmallConfig,
)

__all__ = ["Config", "LiteConfig", "MobileConfig", "PiConfig", "PiSmallConfig"]
