"""A batch shared among several copies of a model."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("maskdet")
class BatchPart(keras.layers.Layer):
    """Part ``number`` of ``count`` equal parts of a batch."""

    def __init__(self, number: int, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number, self.count = int(number), int(count)

    def call(self, batch: Any) -> Any:
        size = ops.shape(batch)[0] // self.count
        return batch[self.number * size : (self.number + 1) * size]

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (None, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "number": self.number, "count": self.count}


class ParallelModel(keras.Model):
    """``ParallelModel(keras_model, gpu_count)``: each part of a batch goes through the model.

    Outputs are joined again; those without a batch (losses) are averaged. Weights belong to
    ``inner_model``, and so do ``save_weights``, ``load_weights`` and ``summary``.

    Training with GPU_COUNT above 1 does not need it: ``MaskRCNN`` spreads itself over the GPUs.
    """

    def __init__(self, keras_model: keras.Model, gpu_count: int) -> None:
        super().__init__(
            inputs=keras_model.inputs, outputs=make_parallel(keras_model, int(gpu_count))
        )
        self.inner_model = keras_model
        self.gpu_count = int(gpu_count)

    def save_weights(self, *args: Any, **kwargs: Any) -> None:
        self.inner_model.save_weights(*args, **kwargs)

    def load_weights(self, *args: Any, **kwargs: Any) -> None:
        self.inner_model.load_weights(*args, **kwargs)

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """First the copies, then the model itself."""
        super().summary(*args, **kwargs)
        self.inner_model.summary(*args, **kwargs)


def make_parallel(keras_model: keras.Model, gpu_count: int) -> list[Any]:
    """Outputs of a model that was run on ``gpu_count`` parts of the batch."""
    rows = []
    for number in range(gpu_count):
        with keras.device(f"gpu:{number}"):
            parts = [BatchPart(number, gpu_count)(tensor) for tensor in keras_model.inputs]
            results = keras_model(parts)
            rows.append(list(results) if isinstance(results, list | tuple) else [results])
    outputs = []
    for name, column in zip(keras_model.output_names, zip(*rows, strict=True), strict=True):
        if len(column[0].shape):
            outputs.append(keras.layers.Concatenate(axis=0, name=f"{name}_joined")(list(column)))
        else:
            outputs.append(keras.layers.Average(name=f"{name}_mean")(list(column)))
    return outputs
