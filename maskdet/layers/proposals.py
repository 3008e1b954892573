"""From anchors' scores and deltas to proposals."""

from typing import Any

import keras
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.kernels import get_kernels


@keras.saving.register_keras_serializable("maskdet")
class ProposalLayer(Float32Layer):
    """Best anchors, moved by their deltas, clipped, and thinned by non-maximum suppression.

    As in Faster R-CNN (Ren et al. 2015, section 3.3), over all levels of a pyramid together, which
    is matterport's rule where FPN's authors (Lin et al. 2017) take the best of each level.

    Args:
        count: proposals per image; zero rows fill up.
        nms_threshold: a proposal goes if its IoU with a better one is larger.
        pre_nms_limit: anchors looked at, over all levels together.
        box_std: the four numbers that deltas were divided by in training.
        kernels: maker of the operations, see :mod:`maskdet.layers.kernels`.
        with_scores: give the proposals' scores too.
        overhang: what is taken off the far corners, as a share of the first anchor's sides. In the
            0..1 form these are the last pixel inside, and boxes that were learned in pixels end on
            the pixel behind it: of a first anchor of 8 pixels an eighth.

    Call arguments:
        inputs: scores (B, anchors, 2) of background and object, deltas
            (B, anchors, 4), anchors (B or 1, anchors, 4) normalised.

    Returns:
        (B, count, 4), normalised 0..1, y1, x1, y2, x2, best first; with ``with_scores`` also
        (B, count), how much object each is, 0..1.
    """

    def __init__(
        self,
        count: int,
        nms_threshold: float,
        pre_nms_limit: int,
        box_std: Any,
        kernels: str = "auto",
        with_scores: bool = False,
        overhang: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.overhang = float(overhang)
        self.with_scores = bool(with_scores)
        self.count = int(count)
        self.nms_threshold = float(nms_threshold)
        self.pre_nms_limit = int(pre_nms_limit)
        self.box_std = [float(value) for value in box_std]
        self.kernels = kernels

    def call(self, inputs: list[Any]) -> Any:
        steps = self.steps(inputs)
        proposals = steps["proposals"]
        return (proposals, steps["scores"]) if self.with_scores else proposals

    def steps(self, inputs: list[Any]) -> dict[str, Any]:
        """What leads to the proposals, for people who look into the network.

        Returns:
            anchors, refined, clipped: (B, limit, 4), best first; kept_indices (B, count) into
            them; proposals (B, count, 4) and their scores (B, count).
        """
        scores, all_deltas, anchors = (ops.stop_gradient(tensor) for tensor in inputs)
        scores = ops.cast(scores[..., 1], "float32")  # (B, A)
        limit: Any = self.pre_nms_limit
        if anchors.shape[1] is None:
            limit = ops.minimum(limit, ops.shape(scores)[1])
        else:
            limit = min(limit, int(anchors.shape[1]))
        scores, indices = ops.top_k(scores, limit)  # (B, limit)
        deltas = box_coding.gather_rows(ops.cast(all_deltas, "float32"), indices)
        deltas = deltas * ops.convert_to_tensor(self.box_std, dtype="float32")  # (B, limit, 4)
        anchors = ops.broadcast_to(anchors, ops.shape(all_deltas))  # (B, A, 4)
        best = box_coding.gather_rows(anchors, indices)  # (B, limit, 4)
        refined = box_coding.decode(best, deltas)  # (B, limit, 4)
        if self.overhang:
            pixel = (anchors[:, :1, 2:] - anchors[:, :1, :2]) * self.overhang  # (B, 1, 2)
            near, far = refined[..., :2], refined[..., 2:]  # (B, limit, 2)
            refined = ops.concatenate([near, ops.maximum(far - pixel, near)], axis=-1)
        whole = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], dtype="float32")
        boxes = box_coding.clip(refined, whole)  # (B, limit, 4)
        kernels = get_kernels(self.kernels)
        kept_indices, valid = kernels.non_max_suppression(
            boxes, scores, self.nms_threshold, self.count
        )  # (B, count)
        kept_boxes = box_coding.gather_rows(boxes, kept_indices)  # (B, count, 4)
        rois = ops.where(valid[..., None], kept_boxes, 0.0)  # (B, count, 4)
        return {
            "anchors": best,
            "refined": refined,
            "clipped": boxes,
            "kept_indices": kept_indices,
            "proposals": rois,
            "scores": ops.where(valid, ops.take_along_axis(scores, kept_indices, axis=1), 0.0),
        }

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[Any, ...]:
        proposals = (input_shape[0][0], self.count, 4)
        return (proposals, proposals[:2]) if self.with_scores else proposals

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "count": self.count,
            "nms_threshold": self.nms_threshold,
            "pre_nms_limit": self.pre_nms_limit,
            "box_std": self.box_std,
            "kernels": self.kernels,
            "with_scores": self.with_scores,
            "overhang": self.overhang,
        }
