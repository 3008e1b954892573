"""Mask R-CNN."""

from maskdet.lazy import lazy_names

# Its Config is read by people who never build a network.
__getattr__ = lazy_names(__name__, {"MaskRCNN": "maskdet.models.mask_rcnn.mask_rcnn"})
