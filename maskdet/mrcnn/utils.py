"""Geometry, masks, measures and data sets under matterport's names.

Boxes are y1, x1, y2, x2 in pixels, masks (H, W, N), as everywhere in the library; what differs from
its own functions is named at each.
"""

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.ndimage
from keras import ops
from numpy.typing import ArrayLike, NDArray

from maskdet.data.dataset import Dataset
from maskdet.errors import DataError, UsageError
from maskdet.evaluation.matterport import (
    compute_ap,
    compute_ap_range,
    compute_matches,
    compute_recall,
)
from maskdet.geometry.anchors import generate_anchors, generate_pyramid_anchors
from maskdet.geometry.boxes import denormalize_boxes, normalize_boxes, pairwise_iou
from maskdet.geometry.deltas import decode_boxes, encode_boxes
from maskdet.geometry.masks import boxes_from_masks, pairwise_mask_iou, shrink_mask
from maskdet.geometry.masks import expand_mask as _expand_mask
from maskdet.geometry.nms import non_max_suppression as _non_max_suppression
from maskdet.geometry.pasting import paste_mask
from maskdet.geometry.placement import Placement, place
from maskdet.geometry.resample import resize_bilinear
from maskdet.layers import box_coding
from maskdet.pretrained.catalog import find_source
from maskdet.pretrained.download import download

Array = NDArray[Any]

__all__ = [
    "COCO_MODEL_URL",
    "Dataset",
    "apply_box_deltas",
    "batch_slice",
    "box_refinement",
    "box_refinement_graph",
    "compute_ap",
    "compute_ap_range",
    "compute_iou",
    "compute_matches",
    "compute_overlaps",
    "compute_overlaps_masks",
    "compute_recall",
    "denorm_boxes",
    "download_trained_weights",
    "expand_mask",
    "extract_bboxes",
    "generate_anchors",
    "generate_pyramid_anchors",
    "minimize_mask",
    "mold_mask",
    "non_max_suppression",
    "norm_boxes",
    "resize",
    "resize_image",
    "resize_mask",
    "trim_zeros",
    "unmold_mask",
]

COCO_MODEL_URL = find_source("mask_rcnn_coco").address

norm_boxes = normalize_boxes
denorm_boxes = denormalize_boxes


# ---- boxes -----------------------------------------------------------------------------------
def extract_bboxes(mask: ArrayLike) -> Array:
    """Boxes int32 (N, 4) around masks (H, W, N); zeros for an empty mask."""
    return boxes_from_masks(mask)


def compute_iou(box: ArrayLike, boxes: ArrayLike, box_area: float, boxes_area: ArrayLike) -> Array:
    """IoU (N,) of one box (4,) with boxes (N, 4), whose areas are given."""
    one, many = np.asarray(box), np.asarray(boxes)
    height = np.minimum(one[2], many[:, 2]) - np.maximum(one[0], many[:, 0])
    width = np.minimum(one[3], many[:, 3]) - np.maximum(one[1], many[:, 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    iou: Array = intersection / (box_area + np.asarray(boxes_area) - intersection)
    return iou


def compute_overlaps(boxes1: ArrayLike, boxes2: ArrayLike) -> Array:
    """IoU of boxes1 (N, 4) with boxes2 (M, 4): float64 (N, M)."""
    return pairwise_iou(boxes1, boxes2).astype(np.float64)


def compute_overlaps_masks(masks1: Array, masks2: Array) -> Array:
    """IoU of masks1 (H, W, N) with masks2 (H, W, M): (N, M)."""
    if not masks1.shape[-1] or not masks2.shape[-1]:
        return np.zeros((masks1.shape[-1], masks2.shape[-1]))
    return pairwise_mask_iou(masks1, masks2)


def non_max_suppression(boxes: ArrayLike, scores: ArrayLike, threshold: float) -> Array:
    """Indices int32 of the boxes that stay, best first; see geometry.nms.

    Raises:
        UsageError: without any box.
    """
    if not len(np.asarray(boxes)):
        raise UsageError("non_max_suppression needs at least one box, but there is none.")
    return _non_max_suppression(boxes, scores, threshold)


def apply_box_deltas(boxes: ArrayLike, deltas: ArrayLike) -> Array:
    """Boxes (N, 4) moved by deltas (N, 4): dy, dx, log dh, log dw; float32."""
    return decode_boxes(np.asarray(boxes).astype(np.float32), deltas)


def box_refinement(box: ArrayLike, gt_box: ArrayLike) -> Array:
    """Deltas (N, 4) that move boxes (N, 4) onto gt_boxes (N, 4); float32."""
    return encode_boxes(np.asarray(box, np.float32), np.asarray(gt_box, np.float32))


def box_refinement_graph(box: Any, gt_box: Any) -> Any:
    """:func:`box_refinement` of tensors."""
    return box_coding.encode(ops.cast(box, "float32"), ops.cast(gt_box, "float32"))


def trim_zeros(x: Array) -> Array:
    """Rows of a matrix that are not all zero."""
    if np.ndim(x) != 2:
        raise UsageError(f"trim_zeros takes a matrix, but got an array of shape {np.shape(x)}.")
    return np.asarray(x)[~np.all(np.asarray(x) == 0, axis=1)]


# ---- images and masks ------------------------------------------------------------------------
def resize(
    image: ArrayLike,
    output_shape: Sequence[int],
    order: int = 1,
    mode: str = "constant",
    cval: float = 0,
    clip: bool = True,
    preserve_range: bool = False,
    anti_aliasing: bool = False,
    anti_aliasing_sigma: Any = None,
) -> Array:
    """An image resized by scikit-image, without smoothing unless asked for.

    The defaults, which everything here uses, give the numbers of the scikit-image of the
    original's days: bilinear with zeros outside. Today's differs at the borders, so they are
    worked out by :func:`maskdet.geometry.resize_bilinear`; anything else goes to scikit-image.
    """
    array = np.asarray(image)
    if (order, mode, cval, clip, anti_aliasing) == (1, "constant", 0, True, False):
        if not preserve_range and array.dtype.kind in "iu":
            array = array / np.iinfo(array.dtype).max
        return resize_bilinear(array, output_shape)
    import skimage.transform

    resized: Array = skimage.transform.resize(
        array,
        output_shape,
        order=order,
        mode=mode,
        cval=cval,
        clip=clip,
        preserve_range=preserve_range,
        anti_aliasing=anti_aliasing,
        anti_aliasing_sigma=anti_aliasing_sigma,
    )
    return resized


def resize_image(
    image: Array,
    min_dim: int | None = None,
    max_dim: int | None = None,
    min_scale: float | None = None,
    mode: str = "square",
) -> tuple[Array, tuple[int, ...], float, list[tuple[int, int]], tuple[int, ...] | None]:
    """An image (H, W, C) as the network's input, its dtype kept.

    Args:
        min_dim: the shorter side is enlarged to it; max_dim: the longer one shrunk to it.
        min_scale: enlarge at least by this factor.
        mode: "none", "square", "pad64" or "crop" (a random one, by Python's ``random``).

    Returns:
        image; window (y1, x1, y2, x2) of it that is no padding; scale; padding [(top, bottom),
        (left, right), (0, 0)]; crop (y, x, height, width) of the scaled image, or None.

    Raises:
        ConfigError: for another mode, or settings that it cannot use.
    """
    at = place(
        image.shape,
        min_dim or 0,
        max_dim,
        min_scale or 0.0,
        mode,
        choose=lambda largest: random.randint(0, largest),
    )
    padding = [(0, 0), (0, 0), (0, 0)] if at.crop is not None else list(at.padding)
    scale = 1 if at.scale == 1 else at.scale  # a whole number, as the original gives it
    return on_canvas(image, at), at.window, scale, padding, at.crop


def on_canvas(image: Array, placement: Placement) -> Array:
    """An image (H, W, C) where its placement says, with the original's arithmetic; dtype kept."""
    dtype = image.dtype
    if placement.scale != 1:
        image = resize(image, placement.scaled_shape, preserve_range=True).astype(dtype)
    if placement.crop is not None:
        y, x, height, width = placement.crop
        return image[y : y + height, x : x + width]
    return np.pad(image, placement.padding)


def resize_mask(
    mask: Array,
    scale: float,
    padding: Sequence[tuple[int, int]],
    crop: Sequence[int] | None = None,
) -> Array:
    """Masks (H, W, N) moved as :func:`resize_image` moved their image."""
    resized = scipy.ndimage.zoom(mask, zoom=[scale, scale, 1], order=0)
    if crop is not None:
        y, x, height, width = crop
        cut: Array = resized[y : y + height, x : x + width]
        return cut
    return np.pad(resized, padding)


def minimize_mask(bbox: ArrayLike, mask: Array, mini_shape: Sequence[int]) -> Array:
    """Masks (H, W, N) cut out by their boxes (N, 4) and resized: bool (*mini_shape, N).

    Raises:
        DataError: "Invalid bounding box with area of zero" for such a box.
    """
    minis = np.zeros((*mini_shape, mask.shape[-1]), dtype=bool)
    for i, box in enumerate(np.asarray(bbox)[: mask.shape[-1]]):
        y1, x1, y2, x2 = box[:4]
        if y2 <= y1 or x2 <= x1:
            raise DataError(f"Invalid bounding box with area of zero: {list(box)} of instance {i}.")
        minis[:, :, i] = shrink_mask(mask[:, :, i], box[:4], mini_shape)
    return minis


def expand_mask(bbox: ArrayLike, mini_mask: Array, image_shape: Sequence[int]) -> Array:
    """Mini masks (h, w, N) put back into their boxes (N, 4): bool (H, W, N)."""
    masks = np.zeros((*image_shape[:2], mini_mask.shape[-1]), dtype=bool)
    for i, box in enumerate(np.asarray(bbox)[: mini_mask.shape[-1]]):
        masks[:, :, i] = _expand_mask(mini_mask[:, :, i], box[:4], image_shape)
    return masks


def mold_mask(mask: Any, config: Any) -> None:
    """Nothing, as in the original, where it is only a name."""


def unmold_mask(mask: Array, bbox: Sequence[int], image_shape: Sequence[int]) -> Array:
    """A mask head's output (h, w) in 0..1 put into its box: bool (H, W)."""
    return paste_mask(mask, bbox, image_shape)


# ---- the rest --------------------------------------------------------------------------------
def batch_slice(
    inputs: Any, graph_fn: Callable[..., Any], batch_size: int, names: Sequence[str] | None = None
) -> Any:
    """Apply a function image by image and stack what it gives.

    Args:
        inputs: tensors with the batch on the first axis; one or a list.
        graph_fn: takes one image's slices; gives a tensor or a tuple of them.
        batch_size: how many slices.
        names: for the results; only their number matters here.
    """
    tensors = inputs if isinstance(inputs, list) else [inputs]
    rows = []
    for i in range(batch_size):
        results = graph_fn(*[tensor[i] for tensor in tensors])
        rows.append(list(results) if isinstance(results, tuple | list) else [results])
    stacked = [ops.stack(column) for column in zip(*rows, strict=True)]
    return stacked[0] if len(stacked) == 1 else stacked


def download_trained_weights(coco_model_path: str | os.PathLike[str], verbose: int = 1) -> None:
    """Fetch matterport's COCO weights (ResNet101, 81 classes, about 246 MB) to a path.

    Raises:
        WeightsError: if they cannot be had; the message says where they are and where to put them.
    """
    source = find_source("mask_rcnn_coco")
    if verbose > 0:
        print(f"Downloading pretrained model to {os.fspath(coco_model_path)} ...")
    download(COCO_MODEL_URL, coco_model_path, source.checksum, source.advice, progress=verbose > 0)
