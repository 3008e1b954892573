"""From the RPN's scores and deltas to proposals."""

from typing import Any

import keras
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.kernels import get_kernels


@keras.saving.register_keras_serializable("maskdet")
class ProposalLayer(keras.layers.Layer):
    """Best anchors, moved by their deltas, clipped, and thinned by non-maximum suppression.

    Args:
        count: proposals per image; zero rows fill up.
        nms_threshold: a proposal goes if its IoU with a better one is larger.
        pre_nms_limit: anchors looked at, over all levels together.
        box_std: the four numbers that deltas were divided by in training.
        kernels: maker of the operations, see :mod:`maskdet.layers.kernels`.

    Call arguments:
        inputs: rpn_class (B, anchors, 2) scores of background and object, rpn_bbox
            (B, anchors, 4) deltas, anchors (B or 1, anchors, 4) normalised.

    Returns:
        (B, count, 4), normalised 0..1, y1, x1, y2, x2, best first.
    """

    def __init__(
        self,
        count: int,
        nms_threshold: float,
        pre_nms_limit: int,
        box_std: Any,
        kernels: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count = int(count)
        self.nms_threshold = float(nms_threshold)
        self.pre_nms_limit = int(pre_nms_limit)
        self.box_std = [float(value) for value in box_std]
        self.kernels = kernels

    def call(self, inputs: list[Any]) -> Any:
        rpn_class, rpn_bbox, anchors = (ops.stop_gradient(tensor) for tensor in inputs)
        scores = ops.cast(rpn_class[..., 1], "float32")
        limit = min(self.pre_nms_limit, int(anchors.shape[1]))
        scores, indices = ops.top_k(scores, limit)
        deltas = box_coding.gather_rows(ops.cast(rpn_bbox, "float32"), indices)
        deltas = deltas * ops.convert_to_tensor(self.box_std, dtype="float32")
        anchors = ops.broadcast_to(anchors, ops.shape(rpn_bbox))
        boxes = box_coding.decode(box_coding.gather_rows(anchors, indices), deltas)
        whole = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], dtype="float32")
        boxes = box_coding.clip(boxes, whole)
        kernels = get_kernels(self.kernels)
        keep, valid = kernels.non_max_suppression(boxes, scores, self.nms_threshold, self.count)
        rois = box_coding.gather_rows(boxes, keep)
        return ops.where(valid[..., None], rois, 0.0)

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[Any, ...]:
        return (input_shape[0][0], self.count, 4)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "count": self.count,
            "nms_threshold": self.nms_threshold,
            "pre_nms_limit": self.pre_nms_limit,
            "box_std": self.box_std,
            "kernels": self.kernels,
        }
