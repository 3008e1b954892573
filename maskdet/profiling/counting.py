"""What a network's layers compute and move for one image, counted from shapes and weights."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.inference.compiled import compiled
from maskdet.profiles import Work
from maskdet.profiling.stages import LayerCall, StageCalls, layer_calls

# What gives its input another shape, or nothing but its input, in inference.
_FREE = ("Reshape", "Flatten", "ExpandDims", "Squeeze", "Dropout", "SplitRois", "Identity")

Shape = tuple[int, ...]


class ShapeOf(keras.layers.Layer):
    """The shape of a tensor of any rank, int32 (rank,), known only when the network runs."""

    def call(self, tensor: Any) -> Any:
        """A tensor (...) to (rank,)."""
        return ops.stack([ops.cast(side, "int32") for side in ops.shape(tensor)])

    def compute_output_spec(self, tensor: Any) -> Any:
        """One number an axis."""
        return keras.KerasTensor((len(tensor.shape),), "int32")


def work_by_stage(
    network: keras.Model, parts: Sequence[StageCalls], inputs: Sequence[np.ndarray]
) -> list[Work]:
    """What each part computes and moves for given inputs, whatever their size.

    Where counts depend on the image (objects that were found), they are this image's.
    """
    shape_of = _shapes(network, inputs)
    seen: set[int] = set()  # weights that several stages share count where they are first used
    return [_sum(_work(call, shape_of, seen) for call in part.calls) for part in parts]


def _sum(works: Any) -> Work:
    return sum(works, Work())


def _shapes(network: keras.Model, inputs: Sequence[np.ndarray]) -> Callable[[Any], Shape]:
    """The shape of each KerasTensor of a network when it runs on these inputs."""
    tensors = {id(t): t for call in layer_calls(network) for t in (*call.inputs, *call.outputs)}
    known = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    open_ones = [key for key, shape in known.items() if None in shape]
    if open_ones:
        probe = keras.Model(network.inputs, [ShapeOf()(tensors[key]) for key in open_ones])
        for key, shape in zip(open_ones, compiled(probe)(inputs), strict=True):
            known[key] = tuple(int(side) for side in shape)
    return lambda tensor: known[id(tensor)]


def _work(call: LayerCall, shape_of: Callable[[Any], Shape], seen: set[int]) -> Work:
    layer = call.operation
    if isinstance(layer, keras.Model):  # called as a layer: what is inside counts
        arrays = [np.zeros(shape_of(tensor), tensor.dtype) for tensor in call.inputs]
        inner = _shapes(layer, arrays)
        return _sum(_work(inside, inner, seen) for inside in layer_calls(layer))
    takes = [shape_of(tensor) for tensor in call.inputs]
    gives = [shape_of(tensor) for tensor in call.outputs]
    weights = [] if not isinstance(layer, keras.layers.Layer) else layer.weights
    fresh = [weight for weight in weights if id(weight) not in seen]
    seen.update(id(weight) for weight in fresh)
    moved = 0
    if type(layer).__name__ not in _FREE:
        tensors = [*call.inputs, *call.outputs]
        moved = sum(math.prod(shape_of(t)) * _item_bytes(t.dtype) for t in tensors)
    return Work(
        2 * _multiply_adds(layer, weights, takes, gives),
        sum(math.prod(weight.shape) * _item_bytes(weight.dtype) for weight in fresh),
        moved,
    )


def _multiply_adds(layer: Any, weights: Any, takes: list[Shape], gives: list[Shape]) -> int:
    """Every number of a kernel, once for each place that it is laid on: of convolutions and dense
    layers each place of the result, of transposed convolutions each place of the input."""
    kernels = sum(math.prod(weight.shape) for weight in weights if len(weight.shape) > 1)
    if not kernels:
        return 0
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    return kernels * math.prod((takes if transposed else gives)[0][:-1])


def _item_bytes(dtype: Any) -> int:
    name = keras.backend.standardize_dtype(dtype)
    return 2 if name == "bfloat16" else np.dtype(name).itemsize
