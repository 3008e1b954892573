"""Settings with matterport's rules of training."""

from maskdet.config import Config as _Config


class Config(_Config):
    """:class:`maskdet.Config` as matterport's scripts know it; subclass it and override.

    One rule differs from the library's own default: without a proposal on an object an image gives
    the heads nothing to learn from, and padding counts as background.
    """

    ROI_TARGETS_FILLED = False
