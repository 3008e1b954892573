"""What each anchor is to learn."""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.matching import match_anchors


@keras.saving.register_keras_serializable("maskdet")
class AnchorClasses(Float32Layer):
    """Class and deltas of each anchor (Liu et al. 2016, section 2.2).

    An anchor learns the object that it overlaps most, from an IoU of ``match_iou`` on; each
    object's best anchor learns that object in any case. All others are background, but for those
    on a crowd, which learn nothing.

    Args:
        anchors: (A, 4) y1, x1, y2, x2, pixels of the network's input.
        box_std: deltas are divided by these four numbers.
        match_iou: 0..1.

    Call arguments:
        inputs: gt_class_ids (B, M) int32 (0 padding, negative crowds), gt_boxes (B, M, 4) pixels.

    Returns:
        classes (B, A) int32: 0 background, -1 neither; deltas (B, A, 4) float32 as dy, dx,
        log dh, log dw divided by ``box_std``, zero where there is no object.
    """

    def __init__(self, anchors: Any, box_std: Any, match_iou: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.anchors = np.asarray(anchors, dtype="float32")
        self.box_std = [float(value) for value in box_std]
        self.match_iou = float(match_iou)

    def call(self, inputs: list[Any]) -> tuple[Any, Any]:
        class_ids, boxes = inputs  # (B, M), (B, M, 4)
        boxes = ops.cast(boxes, "float32")
        anchors = ops.convert_to_tensor(self.anchors)[None]  # (1, A, 4)
        positive, negative, owner = match_anchors(
            anchors,
            class_ids,
            boxes,
            positive_iou=self.match_iou,
            negative_iou=self.match_iou,
            crowd_iou=self.match_iou,
            own_best=True,
        )  # (B, A)
        own_classes = ops.take_along_axis(class_ids, ops.cast(owner, "int32"), axis=1)  # (B, A)
        classes = ops.where(positive, own_classes, ops.where(negative, 0, -1))  # (B, A)
        deltas = box_coding.encode(anchors, box_coding.gather_rows(boxes, owner))  # (B, A, 4)
        deltas = deltas / ops.convert_to_tensor(self.box_std, dtype="float32")  # (B, A, 4)
        return ops.cast(classes, "int32"), ops.where(positive[..., None], deltas, 0.0)

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, Any]:
        rows = (inputs[0].shape[0], len(self.anchors))
        return keras.KerasTensor(rows, "int32"), keras.KerasTensor((*rows, 4), "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "anchors": self.anchors.tolist(),
            "box_std": self.box_std,
            "match_iou": self.match_iou,
        }
