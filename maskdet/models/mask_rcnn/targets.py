"""What the network's outputs should be: targets for the RPN and for the heads, in the graph."""

from typing import Any

import keras
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.matching import CROWD_IOU, AnchorTargets, random_share

# A RoI is positive from here on (He et al. 2017, section 3.1).
POSITIVE_ROI_IOU = 0.5


@keras.saving.register_keras_serializable("maskdet")
class RPNTargets(AnchorTargets):
    """:class:`maskdet.layers.matching.AnchorTargets` under the name that saved networks hold."""


@keras.saving.register_keras_serializable("maskdet")
class DetectionTargetLayer(Float32Layer):
    """A sample of proposals with what the heads should say of each.

    A RoI is positive from an IoU of 0.5 on, and at most a share of ``positive_ratio`` of the
    sample is (Girshick 2015, section 2.3; He et al. 2017, section 3.1). matterport adds that a
    proposal on a crowd is no negative.

    Args:
        count: RoIs per image.
        positive_ratio: largest share of positives.
        box_std: deltas are divided by these four numbers.
        filled: True: objects join the proposals, and negatives fill what positives leave. False:
            matterport's rule, negatives in proportion to positives and none without any.
        seed: of the random choice.

    Call arguments:
        inputs: proposals (B, N, 4) normalised, zero rows are padding; gt_class_ids (B, M);
            gt_boxes (B, M, 4) normalised.

    Returns:
        rois (B, count, 4): positives, then negatives, then zeros; class_ids (B, count) int32, 0 for
        all but positives; deltas (B, count, 4); owner (B, positives) int32: the object of each of
        the first ``positive_count`` RoIs.
    """

    def __init__(
        self,
        count: int,
        positive_ratio: float,
        box_std: Any,
        filled: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count = int(count)
        self.positive_ratio = float(positive_ratio)
        self.positive_count = max(1, int(count * positive_ratio))
        self.box_std = [float(value) for value in box_std]
        self.filled = bool(filled)
        self.seed = int(seed)
        self.random = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: list[Any]) -> tuple[Any, Any, Any, Any]:
        proposals, class_ids, boxes = inputs  # (B, N, 4), (B, M), (B, M, 4)
        proposals = ops.stop_gradient(ops.cast(proposals, "float32"))
        boxes = ops.cast(boxes, "float32")
        if self.filled:
            objects = ops.where((class_ids > 0)[..., None], boxes, 0.0)  # (B, M, 4)
            proposals = ops.concatenate([objects, proposals], axis=1)  # (B, M + N, 4)
        # Few proposals are filled up with padding, so that there are `count` rows to draw: R rows.
        missing = max(0, self.count - int(inputs[0].shape[1]))
        proposals = ops.pad(proposals, [[0, 0], [0, missing], [0, 0]])  # (B, R, 4)
        overlaps = box_coding.pairwise_iou(proposals, boxes)  # (B, R, M)
        of_objects = ops.where((class_ids > 0)[:, None], overlaps, 0.0)  # (B, R, M)
        of_crowds = ops.where((class_ids < 0)[:, None], overlaps, 0.0)  # (B, R, M)
        best = ops.max(of_objects, axis=2)  # (B, R)
        owner = ops.cast(ops.argmax(of_objects, axis=2), "int32")  # (B, R)
        is_proposal = ops.any(proposals != 0, axis=2)  # (B, R)
        draws = keras.random.uniform(ops.shape(best), seed=self.random)  # (B, R)
        positive = is_proposal & (best >= POSITIVE_ROI_IOU)  # (B, R)
        positive = random_share(positive, self.positive_count, draws, self.positive_count)
        positives = ops.sum(ops.cast(positive, "int32"), axis=1)  # (B,)
        off_crowds = ops.max(of_crowds, axis=2) < CROWD_IOU  # (B, R)
        negative = is_proposal & (best < POSITIVE_ROI_IOU) & off_crowds  # (B, R)
        negative = random_share(negative, self._negatives(positives), draws, self.count)

        # Positives rank above negatives above the rest; the first `count` are the sample.
        rank = ops.where(positive, 2.0, ops.where(negative, 1.0, 0.0))  # (B, R)
        kind, sample = ops.top_k(rank, self.count)  # (B, count)
        rois = ops.where((kind > 0)[..., None], box_coding.gather_rows(proposals, sample), 0.0)
        owner = ops.take_along_axis(owner, ops.cast(sample, "int32"), axis=1)  # (B, count)
        is_positive = kind > 1.5  # (B, count)
        ids = ops.take_along_axis(ops.cast(class_ids, "int32"), owner, axis=1)  # (B, count)
        ids = ops.where(is_positive, ids, 0)
        deltas = box_coding.encode(rois, box_coding.gather_rows(boxes, owner))  # (B, count, 4)
        deltas = deltas / ops.convert_to_tensor(self.box_std, dtype="float32")
        deltas = ops.where(is_positive[..., None], deltas, 0.0)
        return rois, ids, deltas, owner[:, : self.positive_count]

    def _negatives(self, positives: Any) -> Any:
        """How many negatives go with positives (B,): (B,) int32."""
        if self.filled:
            return self.count - positives
        total = ops.cast(ops.cast(positives, "float32") / self.positive_ratio, "int32")  # (B,)
        return total - positives

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, ...]:
        batch = inputs[0].shape[0]
        return (
            keras.KerasTensor((batch, self.count, 4), "float32"),
            keras.KerasTensor((batch, self.count), "int32"),
            keras.KerasTensor((batch, self.count, 4), "float32"),
            keras.KerasTensor((batch, self.positive_count), "int32"),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "count": self.count,
            "positive_ratio": self.positive_ratio,
            "box_std": self.box_std,
            "filled": self.filled,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable("maskdet")
class MaskTargets(Float32Layer):
    """The part of its object's mask that lies under each positive RoI (He et al. 2017, section 3).

    Cut out bilinearly and rounded, as matterport does with ``crop_and_resize``.

    Args:
        shape: (height, width) of a target.
        cut_out: whether masks are cut out by their object's box; else they cover the whole image.

    Call arguments:
        inputs: rois (B, P, 4) normalised; owner (B, P) int32: object of each; gt_boxes (B, M, 4)
            normalised; gt_masks (B, M, h, w).

    Returns:
        (B, P, *shape) float32, 0 or 1.
    """

    def __init__(self, shape: tuple[int, int], cut_out: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = (int(shape[0]), int(shape[1]))
        self.cut_out = bool(cut_out)

    def call(self, inputs: list[Any]) -> Any:
        rois, owner, boxes, masks = inputs  # (B, P, 4), (B, P), (B, M, 4), (B, M, h, w)
        height, width = int(masks.shape[2]), int(masks.shape[3])
        own_boxes = box_coding.gather_rows(ops.cast(boxes, "float32"), owner)  # (B, P, 4)
        own_masks = ops.take_along_axis(
            ops.cast(masks, "float32"), owner[..., None, None], axis=1
        )  # (B, P, h, w)
        low, high = rois[..., :2], rois[..., 2:]  # (B, P, 2)
        if self.cut_out:
            low, high = box_coding.within(rois, own_boxes)
        rows = interpolation(low[..., 0], high[..., 0], self.shape[0], height)  # (B, P, H, h)
        columns = interpolation(low[..., 1], high[..., 1], self.shape[1], width)  # (B, P, W, w)
        cut = ops.matmul(ops.matmul(rows, own_masks), ops.swapaxes(columns, -1, -2))  # (B, P, H, W)
        return ops.round(cut)

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        return keras.KerasTensor((inputs[0].shape[0], inputs[0].shape[1], *self.shape), "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape, "cut_out": self.cut_out}


def interpolation(low: Any, high: Any, samples: int, size: int) -> Any:
    """Weights (B, P, samples, size) that read ``samples`` points between low and high (0..1).

    Points outside the source read zero, as in TensorFlow's ``crop_and_resize``.
    """
    steps = ops.arange(samples, dtype="float32") / max(samples - 1, 1)  # (samples,)
    points = (low[..., None] + steps * (high - low)[..., None]) * (size - 1.0)
    cells = ops.arange(size, dtype="float32")  # (size,)
    weights = ops.maximum(1.0 - ops.abs(points[..., None] - cells), 0.0)
    inside = (points >= 0.0) & (points <= size - 1.0)  # (B, P, samples)
    return ops.where(inside[..., None], weights, 0.0)
