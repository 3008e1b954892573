"""From class scores and box deltas of RoIs to final detections."""

from typing import Any

import keras
from keras import ops

from maskdet.errors import ConfigError
from maskdet.layers import box_coding
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.kernels import get_kernels

CLASS_RULES = ("best", "all")


def check_class_rule(classes: str) -> str:
    """The word itself. Raises ConfigError if it is none of CLASS_RULES."""
    if classes not in CLASS_RULES:
        raise ConfigError(
            f"classes is {classes!r} in a detection layer; use one of {list(CLASS_RULES)}."
        )
    return classes


@keras.saving.register_keras_serializable("maskdet")
class DetectionLayer(Float32Layer):
    """RoIs or anchors with their classes, boxes refined, thinned by NMS within classes.

    With ``classes="best"`` a RoI is an object of its best class or none: matterport's rule, for
    the second stage of Faster R-CNN (Ren et al. 2015). With "all" it is an object of every class
    whose score is high enough, as in single-shot detectors (Liu et al. 2016, section 3.1, who look
    at the best 400 of each class; here ``candidates`` is the number over all classes).

    Args:
        count: rows per image; zero rows fill up.
        min_confidence: lowest score; 0 keeps everything that is not background.
        nms_threshold: of two boxes of one class with a larger IoU the better one stays.
        box_std: the four numbers that deltas were divided by in training.
        kernels: maker of the operations, see :mod:`maskdet.layers.kernels`.
        classes: "best" or "all".
        candidates: pairs of a RoI and a class, best first, that NMS looks at; for "all" alone.

    Call arguments:
        inputs: rois (B or 1, N, 4) normalised, RoIs or anchors; scores (B, N, classes), class 0
            the background; deltas (B, N, classes, 4), or (B, N, 4) where all classes share them;
            window (B, 4) normalised: the part of the input that is image and not padding.

    Returns:
        (B, count, 6): y1, x1, y2, x2 (normalised), class id, score; best first. Of equal scores
        the earlier RoI comes first, then the lower class.

    Raises:
        ConfigError: for another word than "best" and "all".
    """

    def __init__(
        self,
        count: int,
        min_confidence: float,
        nms_threshold: float,
        box_std: Any,
        kernels: str = "auto",
        classes: str = "best",
        candidates: int = 400,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count = int(count)
        self.min_confidence = float(min_confidence or 0.0)
        self.nms_threshold = float(nms_threshold)
        self.box_std = [float(value) for value in box_std]
        self.kernels = kernels
        self.classes = check_class_rule(classes)
        self.candidates = int(candidates)

    def call(self, inputs: list[Any]) -> Any:
        rois, scores, deltas, window = (ops.cast(tensor, "float32") for tensor in inputs)
        select = self._every_class if self.classes == "all" else self._best_class
        rois, deltas, class_ids, scores = select(rois, scores, deltas)  # K = N or candidates
        deltas = deltas * ops.convert_to_tensor(self.box_std, dtype="float32")  # (B, K, 4)
        boxes = box_coding.clip(box_coding.decode(rois, deltas), window[:, None])  # (B, K, 4)
        class_numbers = ops.cast(class_ids, "float32")  # (B, K)
        is_object = (class_ids > 0) & (scores >= self.min_confidence)  # (B, K)
        # What lies inside the padding has no area once clipped to the window.
        has_area = (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])  # (B, K)
        ranked = ops.where(is_object & has_area, scores, -float("inf"))  # (B, K)
        # Boxes lie within 0..1: a shift of two a class keeps classes from suppressing each other.
        shifted = boxes + 2.0 * class_numbers[..., None]  # (B, K, 4)
        suppress = get_kernels(self.kernels).non_max_suppression
        indices, valid = suppress(shifted, ranked, self.nms_threshold, self.count)  # (B, count)
        columns = [boxes, class_numbers[..., None], scores[..., None]]
        rows = box_coding.gather_rows(ops.concatenate(columns, axis=-1), indices)  # (B, count, 6)
        return ops.where(valid[..., None], rows, 0.0)

    def _best_class(self, rois: Any, scores: Any, deltas: Any) -> tuple[Any, Any, Any, Any]:
        """RoIs (B or 1, N, 4), deltas (B, N, 4), class ids and scores (B, N): a class a RoI."""
        class_ids = ops.argmax(scores, axis=-1)  # (B, N)
        if len(deltas.shape) == 4:
            indices = ops.cast(class_ids, "int32")[..., None, None]  # (B, N, 1, 1)
            deltas = ops.squeeze(ops.take_along_axis(deltas, indices, axis=2), axis=2)  # (B, N, 4)
        return rois, deltas, class_ids, ops.max(scores, axis=-1)

    def _every_class(self, rois: Any, scores: Any, deltas: Any) -> tuple[Any, Any, Any, Any]:
        """RoIs (B, K, 4), deltas (B, K, 4), class ids and scores (B, K) of the best K pairs."""
        batch, classes = ops.shape(scores)[0], int(scores.shape[2])
        is_class = ops.arange(classes) > 0  # (classes,)
        ranked = ops.where(is_class, scores, -float("inf"))  # (B, N, classes)
        ranked = ops.reshape(ranked, (batch, -1))  # (B, N * classes)
        limit: Any = self.candidates
        if scores.shape[1] is None:
            limit = ops.minimum(limit, ops.shape(ranked)[1])
        else:
            limit = min(limit, int(scores.shape[1]) * classes)
        best, indices = ops.top_k(ranked, limit)  # (B, K)
        indices = ops.cast(indices, "int32")
        owner, class_ids = indices // classes, indices % classes  # (B, K)
        if len(deltas.shape) == 4:
            deltas = box_coding.gather_rows(ops.reshape(deltas, (batch, -1, 4)), indices)
        else:
            deltas = box_coding.gather_rows(deltas, owner)  # (B, K, 4)
        rois = ops.broadcast_to(rois, (batch, *ops.shape(rois)[1:]))  # (B, N, 4)
        return box_coding.gather_rows(rois, owner), deltas, class_ids, best

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[Any, ...]:
        return (input_shape[1][0], self.count, 6)  # RoIs may be one image's for all

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "count": self.count,
            "min_confidence": self.min_confidence,
            "nms_threshold": self.nms_threshold,
            "box_std": self.box_std,
            "kernels": self.kernels,
            "classes": self.classes,
            "candidates": self.candidates,
        }


def with_objectness(scores: Any, objectness: Any, share: float) -> Any:
    """Class scores and the proposal's own joined: ``scores ** (1 - share) * objectness ** share``.

    Two stages agree on more than one knows (Zhou, Koltun and Kraehenbuehl 2021, "Probabilistic
    two-stage detection"; with a share of a half their geometric mean).

    Args:
        scores: (B, N, classes), 0..1.
        objectness: (B, N), 0..1.
        share: how much the objectness counts, 0..1.
    """
    return scores ** (1.0 - share) * objectness[..., None] ** share


@keras.saving.register_keras_serializable("maskdet")
class KeptRows(Float32Layer):
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
class PositiveRows(Float32Layer):
    """RoIs (B, N, 4) with class ids (B, N), those of objects first, cut to the most objects in an
    image of the batch: (B, <= N, 4)."""

    def __init__(self, kernels: str = "auto", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernels = kernels

    def call(self, inputs: list[Any]) -> Any:
        rois, class_ids = inputs
        return get_kernels(self.kernels).trim_rows(rois, class_ids > 0)

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        return keras.KerasTensor((inputs[0].shape[0], None, 4), inputs[0].dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernels": self.kernels}


@keras.saving.register_keras_serializable("maskdet")
class PadRows(Float32Layer):
    """tensor (B, n, ...) filled up with zeros to (B, count, ...)."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = int(count)

    def call(self, tensor: Any) -> Any:
        missing = self.count - ops.shape(tensor)[1]
        padding = [[0, 0], [0, missing]] + [[0, 0]] * (len(tensor.shape) - 2)
        padded = ops.pad(tensor, padding)
        # What reads this finds `count` in the shape, as it finds the sides.
        sides = zip(ops.shape(padded)[2:], tensor.shape[2:], strict=True)
        known = [side if static is None else static for side, static in sides]
        return ops.reshape(padded, (ops.shape(padded)[0], self.count, *known))

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], self.count, *input_shape[2:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}
