"""RoIs drawn around objects, for training the heads without the RPN."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.models.mask_rcnn.config import Config

# Share of RoIs near objects; the rest lies anywhere.
NEAR = 0.9


def _drawn(count: int, low: Any, high: Any, random: Any) -> NDArray[Any]:
    """(count, 4) boxes within y low[0] .. high[0] and x low[1] .. high[1], a pixel wide or more."""
    y = x = np.zeros((0, 2), dtype=np.int64)
    while len(y) < count or len(x) < count:
        # More are drawn than needed, since those without extent are thrown away.
        y, x = (random.randint(low[axis], high[axis], (count * 2, 2)) for axis in (0, 1))
        y, x = (pairs[np.abs(pairs[:, 0] - pairs[:, 1]) >= 1][:count] for pairs in (y, x))
    y, x = np.sort(y, axis=1), np.sort(x, axis=1)
    return np.hstack([y[:, :1], x[:, :1], y[:, 1:], x[:, 1:]])


def generate_random_rois(
    image_shape: Any,
    count: int,
    gt_class_ids: ArrayLike,
    gt_boxes: ArrayLike,
    random: Any = np.random,
) -> NDArray[np.int32]:
    """RoIs (count, 4) int32 in pixels: nine tenths within twice the size of objects, the rest free.

    Args:
        image_shape: (height, width, ...).
        gt_class_ids: (N,); its length is the number of objects.
        gt_boxes: (N, 4) pixels.
        random: numpy's legacy generator (matterport's numbers with its seed), or a RandomState.
    """
    height, width = int(image_shape[0]), int(image_shape[1])
    objects = np.asarray(gt_boxes)
    each = int(NEAR * count / max(len(np.asarray(gt_class_ids)), 1))
    rois = np.zeros((count, 4), dtype=np.int32)
    filled = 0
    for y1, x1, y2, x2 in objects[: len(np.asarray(gt_class_ids))]:
        h, w = y2 - y1, x2 - x1
        low = max(y1 - h, 0), max(x1 - w, 0)
        high = min(y2 + h, height), min(x2 + w, width)
        rois[filled : filled + each] = _drawn(each, low, high, random)
        filled += each
    rois[filled:] = _drawn(count - filled, (0, 0), (height, width), random)
    return rois


def batch_of_random_rois(batch: Mapping[str, NDArray[Any]], config: Config) -> NDArray[np.float32]:
    """Random RoIs (B, POST_NMS_ROIS_TRAINING, 4) for a loader's batch; decided by its objects."""
    rois = []
    for boxes, class_ids in zip(batch["boxes"], batch["class_ids"], strict=True):
        objects = np.around(boxes[class_ids != 0]).astype(np.int32)
        objects = objects[(objects[:, 2] > objects[:, 0]) & (objects[:, 3] > objects[:, 1])]
        random = np.random.RandomState(int(objects.sum()) % 2**32 + config.SEED)
        shape = config.IMAGE_SHAPE
        count = config.POST_NMS_ROIS_TRAINING
        rois.append(generate_random_rois(shape, count, objects[:, 0], objects, random))
    return np.stack(rois).astype(np.float32)
