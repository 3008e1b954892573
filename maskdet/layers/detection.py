"""From class scores and box deltas of RoIs to final detections."""

from typing import Any

import keras
from keras import ops

from maskdet.layers import box_coding
from maskdet.layers.kernels import get_kernels


@keras.saving.register_keras_serializable("maskdet")
class DetectionLayer(keras.layers.Layer):
    """Each RoI's best class, its box refined for that class, thinned by NMS within classes.

    Args:
        count: rows per image; zero rows fill up.
        min_confidence: lowest score; 0 keeps everything that is not background.
        nms_threshold: of two boxes of one class with a larger IoU the better one stays.
        box_std: the four numbers that deltas were divided by in training.
        kernels: maker of the operations, see :mod:`maskdet.layers.kernels`.

    Call arguments:
        inputs: rois (B, N, 4) normalised; scores (B, N, classes); deltas
            (B, N, classes, 4); window (B, 4) normalised: the part of the input that is
            image and not padding.

    Returns:
        (B, count, 6): y1, x1, y2, x2 (normalised), class id, score; best first.
    """

    def __init__(
        self,
        count: int,
        min_confidence: float,
        nms_threshold: float,
        box_std: Any,
        kernels: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count = int(count)
        self.min_confidence = float(min_confidence or 0.0)
        self.nms_threshold = float(nms_threshold)
        self.box_std = [float(value) for value in box_std]
        self.kernels = kernels

    def call(self, inputs: list[Any]) -> Any:
        rois, scores, deltas, window = (ops.cast(tensor, "float32") for tensor in inputs)
        class_ids = ops.argmax(scores, axis=-1)  # (B, N)
        best = ops.max(scores, axis=-1)
        chosen = ops.cast(class_ids, "int32")[..., None, None]
        deltas = ops.squeeze(ops.take_along_axis(deltas, chosen, axis=2), axis=2)  # (B, N, 4)
        deltas = deltas * ops.convert_to_tensor(self.box_std, dtype="float32")
        boxes = box_coding.clip(box_coding.decode(rois, deltas), window[:, None])
        class_numbers = ops.cast(class_ids, "float32")
        kept = (class_ids > 0) & (best >= self.min_confidence)
        # Proposals inside the padding have no area once clipped to the window.
        kept = kept & (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])
        ranked = ops.where(kept, best, -float("inf"))
        # Boxes lie within 0..1: a shift of two a class keeps classes from suppressing each other.
        shifted = boxes + 2.0 * class_numbers[..., None]
        kernels = get_kernels(self.kernels)
        keep, valid = kernels.non_max_suppression(shifted, ranked, self.nms_threshold, self.count)
        rows = ops.concatenate([boxes, class_numbers[..., None], best[..., None]], axis=-1)
        return ops.where(valid[..., None], box_coding.gather_rows(rows, keep), 0.0)

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[Any, ...]:
        return (input_shape[0][0], self.count, 6)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "count": self.count,
            "min_confidence": self.min_confidence,
            "nms_threshold": self.nms_threshold,
            "box_std": self.box_std,
            "kernels": self.kernels,
        }


@keras.saving.register_keras_serializable("maskdet")
class KeptRows(keras.layers.Layer):
    """The boxes of detections (B, N, 6), cut to the longest list in the batch: (B, <= N, 4).

    So the mask head works for objects found and not for padding; see ``trim_rows`` of the kernels.
    """

    def __init__(self, kernels: str = "auto", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernels = kernels

    def call(self, detections: Any) -> Any:
        return get_kernels(self.kernels).trim_rows(detections[..., :4], detections[..., 4] > 0)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], None, 4)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernels": self.kernels}


@keras.saving.register_keras_serializable("maskdet")
class PadRows(keras.layers.Layer):
    """tensor (B, n, ...) filled up with zeros to (B, count, ...)."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = int(count)

    def call(self, tensor: Any) -> Any:
        missing = self.count - ops.shape(tensor)[1]
        padding = [[0, 0], [0, missing]] + [[0, 0]] * (len(tensor.shape) - 2)
        return ops.pad(tensor, padding)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], self.count, *input_shape[2:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}
