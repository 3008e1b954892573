"""From rows of all images at once back to rows of each."""

from typing import Any

import keras
from keras import ops

from maskdet.layers.float32 import Float32Layer


@keras.saving.register_keras_serializable("maskdet")
class SplitRois(Float32Layer):
    """rows (B * N, ...) as (B, N, *shape); N is that of the second input, known or not.

    Heads run on RoIs of all images at once; this undoes the merge.

    Args:
        shape: of one row of the result.

    Call arguments:
        inputs: rows (B * N, ...) with as many numbers a row as ``shape`` holds; a tensor
            (B, N, ...) to take B and N from.
    """

    def __init__(self, shape: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def call(self, inputs: list[Any]) -> Any:
        rows, like = inputs
        return ops.reshape(rows, (ops.shape(like)[0], ops.shape(like)[1], *self.shape))

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        rows, like = inputs
        return keras.KerasTensor((*like.shape[:2], *self.shape), rows.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}
