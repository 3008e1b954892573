"""Boxes, anchors, masks and placements in plain numpy."""

from maskdet.geometry.anchors import backbone_shapes, generate_anchors, generate_pyramid_anchors
from maskdet.geometry.boxes import (
    box_area,
    clip_boxes,
    convert_boxes,
    denormalize_boxes,
    normalize_boxes,
    pairwise_coverage,
    pairwise_iou,
)
from maskdet.geometry.deltas import decode_boxes, encode_boxes
from maskdet.geometry.masks import (
    boxes_from_masks,
    expand_mask,
    fill_boxes,
    pairwise_mask_iou,
    shrink_mask,
)
from maskdet.geometry.nms import non_max_suppression
from maskdet.geometry.pasting import paste_mask
from maskdet.geometry.placement import Placement, place
from maskdet.geometry.polygons import mask_from_polygons, polygons_from_mask
from maskdet.geometry.resample import resize_bilinear
from maskdet.geometry.rle import decode_rle, encode_rle

__all__ = [
    "Placement",
    "backbone_shapes",
    "box_area",
    "boxes_from_masks",
    "clip_boxes",
    "convert_boxes",
    "decode_boxes",
    "decode_rle",
    "denormalize_boxes",
    "encode_boxes",
    "encode_rle",
    "expand_mask",
    "fill_boxes",
    "generate_anchors",
    "generate_pyramid_anchors",
    "mask_from_polygons",
    "non_max_suppression",
    "normalize_boxes",
    "pairwise_coverage",
    "pairwise_iou",
    "pairwise_mask_iou",
    "paste_mask",
    "place",
    "polygons_from_mask",
    "resize_bilinear",
    "shrink_mask",
]
