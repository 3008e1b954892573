"""Which cells of a pyramid learn which object, decided by what the network predicts at present.

SimOTA (Ge et al. 2021, YOLOX, section 2.1): each object takes the few cells near its centre that
predict it best, as many as its overlap with their predictions adds up to.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.matching import CROWD_IOU

#: A cell may learn an object if its centre is this near the object's, in cells of its level.
CENTRE_RADIUS = 2.5
#: Predictions whose IoU with an object decide how many cells it takes.
CANDIDATES = 10
# How much the overlap counts against the other costs.
_OVERLAP_WEIGHT = 3.0
# Above every cost of a cell that may learn an object.
_FAR = 1e6


def cell_centres(anchors: Any) -> tuple[Any, Any]:
    """Centres (A, 2) and sides (A,) of the cells whose anchors lie around their upper left corner.

    Args:
        anchors: (A, 4) y1, x1, y2, x2, squares of a cell's side, pixels.
    """
    sides = anchors[:, 2] - anchors[:, 0]
    return anchors[:, 2:], sides


def dynamic_matches(
    predicted: Any, costs: Any, centres: Any, sides: Any, class_ids: Any, boxes: Any
) -> tuple[Any, Any, Any, Any]:
    """Cells that learn an object, cells that learn background, and the object of each.

    Args:
        predicted: (B, A, 4) y1, x1, y2, x2, the boxes that cells predict, in the unit of ``boxes``.
        costs: (B, 1, A) or (B, M, A), what it would cost besides the box if a cell took an object,
            such as a cross entropy of its class.
        centres: (A, 2) y, x of the cells.
        sides: (A,) of the cells.
        class_ids: (B, M) int32; 0 padding, negative crowds.
        boxes: (B, M, 4) y1, x1, y2, x2, float32.

    Returns:
        positive (B, A) bool; negative (B, A) bool, which cells on crowds are not; owner (B, A)
        int32, the object of each positive; overlap (B, A) float32, its IoU with what the cell
        predicts.
    """
    # Objects before cells: what is ranked lies together in memory.
    overlaps = box_coding.pairwise_iou(boxes, predicted)  # (B, M, A)
    is_object = (class_ids > 0)[..., None]  # (B, M, 1)
    candidate = is_object & _near(centres, sides, boxes)  # (B, M, A)
    cost = costs - _OVERLAP_WEIGHT * ops.log(ops.maximum(overlaps, 1e-8))  # (B, M, A)
    cost = ops.where(candidate, cost, _FAR)
    best = ops.top_k(ops.where(candidate, overlaps, 0.0), CANDIDATES)[0]  # (B, M, K)
    counts = ops.clip(ops.cast(ops.sum(best, axis=2), "int32"), 1, CANDIDATES)  # (B, M)
    smallest = -ops.top_k(-cost, CANDIDATES)[0]  # (B, M, K)
    dearest = ops.take_along_axis(smallest, counts[..., None] - 1, axis=2)  # (B, M, 1)
    taken = candidate & (cost <= dearest)  # (B, M, A)
    # A cell that several objects want learns the one that costs it least.
    owner = ops.cast(ops.argmin(ops.where(taken, cost, _FAR), axis=1), "int32")  # (B, A)
    positive = ops.any(taken, axis=1)  # (B, A)
    overlap = ops.take_along_axis(overlaps, owner[:, None], axis=1)[:, 0]  # (B, A)
    is_crowd = (class_ids < 0)[..., None]  # (B, M, 1)
    on_crowd = ops.any(is_crowd & (overlaps >= CROWD_IOU), axis=1)  # (B, A)
    return positive, ~positive & ~on_crowd, owner, overlap


def _near(centres: Any, sides: Any, boxes: Any) -> Any:
    """Cells (A) whose centre lies within CENTRE_RADIUS cells of an object's centre: (B, M, A)."""
    middle = 0.5 * (boxes[..., :2] + boxes[..., 2:])  # (B, M, 2)
    radius = CENTRE_RADIUS * sides  # (A,)
    down, across = (
        ops.abs(centres[:, axis] - middle[..., axis, None]) < radius for axis in range(2)
    )
    return down & across


@keras.saving.register_keras_serializable("maskdet")
class DynamicTargets(Float32Layer):
    """Targets of a head that predicts one box a cell; see :func:`dynamic_matches`.

    Args:
        anchors: (A, 4) y1, x1, y2, x2, pixels of the network's input: squares of a cell's side
            around each cell's upper left corner.

    Call arguments:
        inputs: predicted boxes (B, A, 4) pixels; objectness logits (B, A); gt_class_ids (B, M)
            int32 (0 padding, negative crowds); gt_boxes (B, M, 4) pixels.

    Returns:
        match (B, A) int32: 1 object, -1 background, 0 neither; boxes (B, A, 4) float32 of the
        object of each cell, zero where match is not 1; overlap (B, A) float32, the IoU of
        prediction and object, zero where match is not 1.
    """

    def __init__(self, anchors: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.anchors = np.asarray(anchors, dtype="float32")

    def call(self, inputs: list[Any]) -> tuple[Any, Any, Any]:
        predicted, logits, class_ids, boxes = inputs
        predicted, logits = ops.stop_gradient(predicted), ops.stop_gradient(logits)
        boxes = ops.cast(boxes, "float32")
        centres, sides = cell_centres(ops.convert_to_tensor(self.anchors))  # (A, 2), (A,)
        costs = ops.softplus(-logits)[:, None]  # (B, 1, A), cross entropy of being an object
        positive, negative, owner, overlap = dynamic_matches(
            predicted, costs, centres, sides, class_ids, boxes
        )  # (B, A)
        match = ops.cast(positive, "int32") - ops.cast(negative, "int32")  # (B, A)
        own_boxes = box_coding.gather_rows(boxes, owner)  # (B, A, 4)
        return (
            match,
            ops.where(positive[..., None], own_boxes, 0.0),
            ops.where(positive, overlap, 0.0),
        )

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, Any, Any]:
        cells = (inputs[0].shape[0], len(self.anchors))
        return (
            keras.KerasTensor(cells, "int32"),
            keras.KerasTensor((*cells, 4), "float32"),
            keras.KerasTensor(cells, "float32"),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "anchors": self.anchors.tolist()}
