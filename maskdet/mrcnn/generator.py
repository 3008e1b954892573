"""Images with their objects as matterport's training reads them, and its endless batches.

``MaskRCNN.train`` reads through :class:`maskdet.data.loader.Loader`, which is faster and gives the
same pictures; these functions are for scripts that call them.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.config import Config
from maskdet.data.dataset import Dataset, stack_masks
from maskdet.data.requirements import fitting_objects
from maskdet.models.mask_rcnn.network import pixel_anchors
from maskdet.mrcnn import utils
from maskdet.mrcnn.augmentation import augment_image_and_masks
from maskdet.mrcnn.meta import compose_image_meta, mold_image
from maskdet.mrcnn.targets import (
    build_detection_targets,
    build_rpn_targets,
    generate_random_rois,
)

Array = NDArray[Any]
# Images that fail before the generator gives up.
TOLERATED_ERRORS = 5
_log = logging.getLogger("maskdet")


def load_image_gt(
    dataset: Dataset,
    config: Config,
    image_id: int,
    augment: bool = False,
    augmentation: Any = None,
    use_mini_mask: bool = False,
) -> tuple[Array, Array, Array, Array, Array]:
    """One image as the network takes it, with its objects.

    Args:
        augment: old form: flip left to right by chance (Python's ``random``).
        augmentation: an imgaug augmenter or :class:`maskdet.Augmentation`.
        use_mini_mask: masks cut out by their boxes, of MINI_MASK_SHAPE.

    Returns:
        image (H, W, C) resized, not molded; image_meta, see compose_image_meta; class_ids (N,);
        bbox int32 (N, 4) in pixels of the resized image; mask bool (H, W, N) or (h, w, N).
    """
    image = np.asarray(dataset.load_image(image_id))
    mask, class_ids = dataset.load_mask(image_id)
    mask, class_ids = stack_masks(mask), np.asarray(class_ids)
    if not mask.size:
        mask = np.zeros((*image.shape[:2], 0), dtype=bool)
    label = dataset.image_label(image_id)
    fitting_objects(class_ids, mask, image.shape, dataset.num_classes, label)
    original_shape = image.shape
    image, window, scale, padding, crop = utils.resize_image(
        image,
        min_dim=config.IMAGE_MIN_DIM,
        max_dim=config.IMAGE_MAX_DIM,
        min_scale=config.IMAGE_MIN_SCALE,
        mode=config.IMAGE_RESIZE_MODE,
    )
    mask = utils.resize_mask(mask, scale, padding, crop)
    if augment:
        _log.warning("load_image_gt(augment=...) is deprecated; give augmentation= instead.")
        if random.randint(0, 1):
            image, mask = np.fliplr(image), np.fliplr(mask)
    if augmentation is not None:
        image, mask = augment_image_and_masks(augmentation, image, mask)

    visible = mask.any(axis=(0, 1))  # cropping and augmentation may have moved some out
    mask, class_ids = mask[:, :, visible], class_ids[visible]
    bbox = utils.extract_bboxes(mask)
    active = np.zeros(dataset.num_classes, dtype=np.int32)
    active[dataset.source_class_ids[dataset.image_info[image_id]["source"]]] = 1
    if use_mini_mask:
        mask = utils.minimize_mask(bbox, mask, config.MINI_MASK_SHAPE)
    meta = compose_image_meta(image_id, original_shape, image.shape, window, scale, active)
    return image, meta, class_ids, bbox, mask


def data_generator(
    dataset: Dataset,
    config: Config,
    shuffle: bool = True,
    augment: bool = False,
    augmentation: Any = None,
    random_rois: int = 0,
    batch_size: int = 1,
    detection_targets: bool = False,
    no_augmentation_sources: Sequence[str] | None = None,
) -> Iterator[tuple[list[Array], list[Array]]]:
    """Batches ``(inputs, outputs)`` without end, in matterport's form.

    Args:
        random_rois: so many RoIs around the objects of each image, instead of the RPN's.
        detection_targets: with ``random_rois``, targets of the heads as outputs too.

    Yields:
        inputs: images float32 (B, H, W, C) molded, image_meta (B, meta), rpn_match int32 (B, A, 1),
        rpn_bbox (B, R, 4), gt_class_ids int32 (B, M), gt_boxes int32 (B, M, 4) pixels, gt_masks
        bool (B, h, w, M), then rpn_rois and rois as asked for; outputs: [] or class ids (B, R, 1),
        deltas and masks of the RoIs.

    Images without an object are left out; one that fails is logged and left out, the sixth
    failure is raised.
    """
    shape = np.asarray(config.IMAGE_SHAPE)
    anchors = pixel_anchors(config, shape, np.float64)
    rows: list[tuple[dict[str, Array], dict[str, Array]]] = []
    index, errors = -1, 0
    ids = np.copy(dataset.image_ids)
    plain = set(no_augmentation_sources or ())
    while True:
        index = (index + 1) % len(ids)
        if shuffle and index == 0:
            np.random.shuffle(ids)
        image_id = ids[index]
        try:
            source = dataset.image_info[image_id]["source"]
            row = _row(
                load_image_gt(
                    dataset,
                    config,
                    image_id,
                    augment and source not in plain,
                    None if source in plain else augmentation,
                    config.USE_MINI_MASK,
                ),
                anchors,
                config,
                random_rois,
                detection_targets,
            )
        except Exception:
            # Scripts lean on this: a user's load_mask may raise anything; the image is logged and
            # left out, and after a few such images the error is raised as it came.
            _log.exception("Error processing image %s", dataset.image_info[image_id])
            errors += 1
            if errors > TOLERATED_ERRORS:
                raise
            continue
        if row is None:
            continue
        rows.append(row)
        if len(rows) == batch_size:
            inputs, outputs = (
                [np.stack([part[name] for part in parts]) for name in parts[0]]
                for parts in zip(*rows, strict=True)
            )
            yield inputs, outputs
            rows = []


def _row(
    loaded: tuple[Array, Array, Array, Array, Array],
    anchors: Array,
    config: Config,
    random_rois: int,
    detection_targets: bool,
) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """One image's part of a batch, or None for an image without objects."""
    image, meta, class_ids, boxes, masks = loaded
    if not np.any(class_ids > 0):
        return None
    rpn_match, rpn_bbox = build_rpn_targets(image.shape, anchors, class_ids, boxes, config)
    # The order of the random choices is the original's.
    inputs: dict[str, Array] = {}
    outputs: dict[str, Array] = {}
    if random_rois:
        rpn_rois = generate_random_rois(image.shape, random_rois, class_ids, boxes)
        if detection_targets:
            rois, roi_classes, deltas, targets = build_detection_targets(
                rpn_rois, class_ids, boxes, masks, config
            )
            outputs = {"class_ids": roi_classes[:, None], "bbox": deltas, "mask": targets}
    most = config.MAX_GT_INSTANCES
    if len(boxes) > most:
        indices = np.random.choice(np.arange(len(boxes)), most, replace=False)
        class_ids, boxes, masks = class_ids[indices], boxes[indices], masks[:, :, indices]
    inputs["image"] = mold_image(image.astype(np.float32), config).astype(np.float32)
    inputs["meta"] = meta
    inputs["rpn_match"] = rpn_match[:, None]
    inputs["rpn_bbox"] = rpn_bbox
    inputs["class_ids"] = _padded(class_ids.astype(np.int32), most, 0)
    inputs["boxes"] = _padded(boxes.astype(np.int32), most, 0)
    inputs["masks"] = _padded(masks, most, 2)
    if random_rois:
        inputs["rpn_rois"] = rpn_rois
        if detection_targets:
            inputs["rois"] = rois
    return inputs, outputs


def _padded(array: Array, count: int, axis: int) -> Array:
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, count - array.shape[axis])
    return np.pad(array, widths)
