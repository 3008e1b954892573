"""Mask R-CNN."""

from maskdet.models.mask_rcnn.mask_rcnn import MaskRCNN

__all__ = ["MaskRCNN"]
