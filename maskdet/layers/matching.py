"""Which anchors are objects and which are background: targets of an anchor-based detector."""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.float32 import Float32Layer

# An anchor is positive from the first IoU on and negative below the second (Ren et al. 2015,
# section 3.1.2).
POSITIVE_IOU = 0.7
NEGATIVE_IOU = 0.3
# What overlaps a crowd by as much or more is never a negative; matterport's value.
CROWD_IOU = 0.001


def match_anchors(
    anchors: Any,
    class_ids: Any,
    boxes: Any,
    positive_iou: float = POSITIVE_IOU,
    negative_iou: float = NEGATIVE_IOU,
    crowd_iou: float = CROWD_IOU,
    own_best: bool = False,
) -> tuple[Any, Any, Any]:
    """Anchors that overlap an object, those that overlap none, and the object of each.

    The rule is Faster R-CNN's (Ren et al. 2015, section 3.1.2): positive from ``positive_iou`` on,
    and the best anchors of each object however little they overlap it; negative below
    ``negative_iou``. matterport adds that an anchor on a crowd is no negative. With both
    thresholds at 0.5 it is SSD's (Liu et al. 2016, section 2.2).

    Args:
        anchors: (B or 1, A, 4) y1, x1, y2, x2, float32, in the unit of ``boxes``.
        class_ids: (B, M) int32; 0 padding, negative crowds.
        boxes: (B, M, 4) y1, x1, y2, x2, float32.
        own_best: an object's best anchors are that object's even where they overlap another more,
            as SSD has it.

    Returns:
        positive (B, A) bool; negative (B, A) bool; owner (B, A) integer, the object with the
        largest IoU (the first where none overlaps).
    """
    overlaps = box_coding.pairwise_iou(anchors, boxes)  # (B, A, M)
    is_object = (class_ids > 0)[:, None]  # (B, 1, M)
    is_crowd = (class_ids < 0)[:, None]  # (B, 1, M)
    of_objects = ops.where(is_object, overlaps, -1.0)  # (B, A, M)
    best = ops.max(of_objects, axis=2)  # (B, A)
    best_of_object = ops.max(of_objects, axis=1, keepdims=True)  # (B, 1, M)
    is_best = is_object & (of_objects >= best_of_object) & (best_of_object > 0)  # (B, A, M)
    ranked = ops.where(is_best, of_objects + 1.0, of_objects) if own_best else of_objects
    owner = ops.argmax(ranked, axis=2)  # (B, A)
    positive = (best >= positive_iou) | ops.any(is_best, axis=2)  # (B, A)
    in_crowd = ops.any(is_crowd & (overlaps >= crowd_iou), axis=2)  # (B, A)
    negative = (best < negative_iou) & ~positive & ~in_crowd  # (B, A)
    return positive, negative, owner


def random_share(mask: Any, count: Any, draws: Any, most: int) -> Any:
    """At most ``count`` True entries of each row, drawn at random.

    Args:
        mask: (B, N) bool.
        count: entries that stay True in a row at most: a number, or int (B,).
        draws: (B, N) float32 random numbers in 0..1: the largest stay.
        most: a bound of ``count`` known when the graph is built.

    Returns:
        (B, N) bool.
    """
    ranked = ops.where(mask, draws, -1.0)  # (B, N)
    best, _ = ops.top_k(ranked, min(most, int(mask.shape[1])))  # (B, most)
    count = ops.reshape(ops.cast(count, "int32"), (-1, 1))  # (B or 1, 1)
    last = ops.clip(count - 1, 0, best.shape[1] - 1)  # (B or 1, 1)
    last = ops.broadcast_to(last, (ops.shape(ranked)[0], 1))  # (B, 1)
    least = ops.take_along_axis(best, last, axis=1)  # (B, 1)
    return mask & (ranked >= least) & (count > 0)  # (B, N)


@keras.saving.register_keras_serializable("maskdet")
class AnchorTargets(Float32Layer):
    """Which anchors are objects, and how far they are off; see :func:`match_anchors`.

    A random sample of ``count`` anchors an image counts: at most half of them positive, and
    negatives in place of missing positives (Ren et al. 2015, section 3.1.3).

    Args:
        anchors: (A, 4) y1, x1, y2, x2, pixels of the network's input.
        count: anchors per image that enter the loss; at most half of them positive.
        box_std: deltas are divided by these four numbers.
        seed: of the random choice among too many.
        positive_iou: an anchor with this IoU with an object, or more, is positive.
        negative_iou: an anchor with less than this IoU with every object is negative.
        crowd_iou: an anchor with this IoU with a crowd, or more, is never negative.

    Call arguments:
        inputs: gt_class_ids (B, M) int32 (0 padding, negative crowds), gt_boxes (B, M, 4) pixels.

    Returns:
        match (B, A) int32: 1 object, -1 background, 0 neither; deltas (B, A, 4) float32 as dy, dx,
        log dh, log dw of each anchor to its best object, divided by ``box_std``; zero where match
        is not 1.
    """

    def __init__(
        self,
        anchors: Any,
        count: int,
        box_std: Any,
        seed: int = 0,
        positive_iou: float = POSITIVE_IOU,
        negative_iou: float = NEGATIVE_IOU,
        crowd_iou: float = CROWD_IOU,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.anchors = np.asarray(anchors, dtype="float32")
        self.count = int(count)
        self.box_std = [float(value) for value in box_std]
        self.seed = int(seed)
        self.positive_iou = float(positive_iou)
        self.negative_iou = float(negative_iou)
        self.crowd_iou = float(crowd_iou)
        self.random = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: list[Any]) -> tuple[Any, Any]:
        class_ids, boxes = inputs  # (B, M), (B, M, 4)
        boxes = ops.cast(boxes, "float32")
        anchors = ops.convert_to_tensor(self.anchors)[None]  # (1, A, 4)
        thresholds = (self.positive_iou, self.negative_iou, self.crowd_iou)
        positive, negative, owner = match_anchors(anchors, class_ids, boxes, *thresholds)  # (B, A)

        draws = keras.random.uniform(ops.shape(owner), seed=self.random)  # (B, A)
        positive = random_share(positive, self.count // 2, draws, self.count // 2)  # (B, A)
        left = self.count - ops.sum(ops.cast(positive, "int32"), axis=1)  # (B,)
        negative = random_share(negative, left, draws, self.count)  # (B, A)
        match = ops.cast(positive, "int32") - ops.cast(negative, "int32")  # (B, A)
        own_boxes = box_coding.gather_rows(boxes, owner)  # (B, A, 4)
        deltas = box_coding.encode(anchors, own_boxes)  # (B, A, 4)
        deltas = deltas / ops.convert_to_tensor(self.box_std, dtype="float32")  # (B, A, 4)
        return match, ops.where(positive[..., None], deltas, 0.0)

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[Any, Any]:
        batch, count = input_shape[0][0], len(self.anchors)
        return (batch, count), (batch, count, 4)

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, Any]:
        match, deltas = self.compute_output_shape([tensor.shape for tensor in inputs])
        return keras.KerasTensor(match, "int32"), keras.KerasTensor(deltas, "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "anchors": self.anchors.tolist(),
            "count": self.count,
            "box_std": self.box_std,
            "seed": self.seed,
            "positive_iou": self.positive_iou,
            "negative_iou": self.negative_iou,
            "crowd_iou": self.crowd_iou,
        }
