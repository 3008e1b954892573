"""What each cell is to learn, decided by what the network predicts at present (SimOTA)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.dynamic_matching import cell_centres, dynamic_matches
from maskdet.layers.float32 import Float32Layer

# Probabilities are kept this far from 0 and 1.
_SMALL = 1e-6


@keras.saving.register_keras_serializable("maskdet")
class CellTargets(Float32Layer):
    """Targets of classes and boxes; see :func:`maskdet.layers.dynamic_matching.dynamic_matches`.

    Args:
        anchors: (A, 4) y1, x1, y2, x2, pixels of the network's input: squares of a cell's side
            around each cell's upper left corner.

    Call arguments:
        inputs: predicted boxes (B, A, 4) pixels; class logits (B, A, classes without background);
            objectness logits (B, A); gt_class_ids (B, M) int32 (0 padding, negative crowds);
            gt_boxes (B, M, 4) pixels.

    Returns:
        match (B, A) int32: 1 object, -1 background, 0 neither; boxes (B, A, 4) of each cell's
        object and classes (B, A, classes), at the object's class the IoU of prediction and object:
        float32, zero where match is not 1.
    """

    def __init__(self, anchors: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.anchors = np.asarray(anchors, dtype="float32")

    def call(self, inputs: list[Any]) -> tuple[Any, Any, Any]:
        predicted, logits, objectness = (ops.stop_gradient(tensor) for tensor in inputs[:3])
        class_ids, boxes = inputs[3], ops.cast(inputs[4], "float32")
        centres, sides = cell_centres(ops.convert_to_tensor(self.anchors))  # (A, 2), (A,)
        positive, negative, owner, overlap = dynamic_matches(
            predicted, class_costs(logits, objectness, class_ids), centres, sides, class_ids, boxes
        )  # (B, A)
        match = ops.cast(positive, "int32") - ops.cast(negative, "int32")  # (B, A)
        own_boxes = box_coding.gather_rows(boxes, owner)  # (B, A, 4)
        own_classes = ops.take_along_axis(class_ids, owner, axis=1)  # (B, A)
        # Classes count from the background; of what is no object there is no such class: zeros.
        hot = ops.one_hot(ops.where(positive, own_classes, 0) - 1, int(logits.shape[-1]))
        return (
            match,
            ops.where(positive[..., None], own_boxes, 0.0),
            hot * ops.where(positive, overlap, 0.0)[..., None],
        )

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, Any, Any]:
        rows = (inputs[0].shape[0], len(self.anchors))
        return (
            keras.KerasTensor(rows, "int32"),
            keras.KerasTensor((*rows, 4), "float32"),
            keras.KerasTensor((*rows, inputs[1].shape[-1]), "float32"),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "anchors": self.anchors.tolist()}


def class_costs(logits: Any, objectness: Any, class_ids: Any) -> Any:
    """Cross entropy over all classes if a cell took an object, (B, M, A).

    The probability of a class is the root of class times objectness, as YOLOX has it.

    Args:
        logits: (B, A, classes without background).
        objectness: (B, A), logits.
        class_ids: (B, M) int32, 1 is the first class.
    """
    share = ops.sqrt(ops.sigmoid(logits) * ops.sigmoid(objectness)[..., None])
    share = ops.clip(share, _SMALL, 1.0 - _SMALL)  # (B, A, classes)
    absent = -ops.log(1.0 - share)  # (B, A, classes)
    difference = ops.transpose(-ops.log(share) - absent, (0, 2, 1))  # (B, classes, A)
    own = ops.maximum(class_ids - 1, 0)[..., None]  # (B, M, 1)
    own_costs = ops.take_along_axis(difference, own, axis=1)  # (B, M, A)
    return ops.sum(absent, axis=-1)[:, None] + own_costs
