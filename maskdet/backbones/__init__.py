"""Networks that turn an image into features at several strides."""

from maskdet.backbones.registry import Backbone, backbone_names, get_backbone
from maskdet.backbones.scaling import pixels_of

__all__ = ["Backbone", "backbone_names", "get_backbone", "pixels_of"]
