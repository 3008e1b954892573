"""Last layers in floats whose sums come out the same on every processor.

The layers that give logits and box deltas stay in floats, since int8 would leave them 256 values.
But processors add floats in different orders, and the last bits then differ between a laptop and a
Pi. Not so if every product is a whole multiple of one power of two and no sum needs more than 24
bits: float32 adds such numbers without rounding, in any order. So the int8 values that such a layer
reads get a step of four bits (8 to 15 times a power of two: ranges grow by an eighth at most), and
its weights are rounded to 127 steps of a power of two.
"""

import math
import re
from typing import Any

import numpy as np

from maskdet.exporters.flatbuffer import constant, operator_names, store_constant, tensor_name

#: Steps of a weight. The largest sum of 128 products would need 30 bits; that of activations as
#: they are, most of them small, needs 21.
LEVELS = 127
_STEPS_OF_BYTES = 255
_SHAPE_ONLY = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def short_step(least: float) -> float:
    """The smallest 8 .. 15 times a power of two that is not below ``least``."""
    unit = 2.0 ** (math.floor(math.log2(least)) - 3)
    return math.ceil(least / unit) * unit


def short_range(low: float, high: float) -> tuple[float, float]:
    """The smallest range around one that 255 short steps fill, 0 being one of them."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        return low, high
    step = short_step((high - low) / _STEPS_OF_BYTES)
    while math.floor(low / step) * step + _STEPS_OF_BYTES * step < high:
        step = short_step(1.001 * step)  # the first step took what the last one needs
    first = math.floor(low / step) * step
    return first, first + _STEPS_OF_BYTES * step


def make_sums_exact(model: Any, ranges: dict[str, tuple[float, float]], float_layers: str) -> None:
    """Prepare the last layers of a float file (a ModelT) and the ranges of what they read.

    Args:
        ranges: of tensors, by name; those that a last layer reads are widened in place.
        float_layers: regular expression of the names of tensors whose operations stay in floats.
    """
    graph = model.subgraphs[0]
    makers = {
        int(output): (operator, kind)
        for operator, kind in zip(graph.operators, operator_names(model), strict=True)
        for output in operator.outputs
    }
    for operator, kind in list(makers.values()):
        if kind not in ("CONV_2D", "FULLY_CONNECTED"):
            continue
        weights = constant(model, int(operator.inputs[1]))
        chain = _up_to_layer(graph, makers, int(operator.inputs[0]))
        stays = re.search(float_layers, tensor_name(graph, int(operator.outputs[0])))
        # Bytes turned to floats are no int8 values: a layer that reads them has weights to spare.
        reads_integers = (
            chain[-1] in makers
            and makers[chain[-1]][1] != "CAST"
            and not re.search(float_layers, tensor_name(graph, chain[-1]))
        )
        if not stays or weights is None or not reads_integers:
            continue
        names = [tensor_name(graph, index) for index in chain]
        low, high = ranges[names[-1]]
        widened = short_range(low, high)
        for name in names:
            ranges[name] = widened
        _round_layer(model, operator, weights, (widened[1] - widened[0]) / _STEPS_OF_BYTES)


def _up_to_layer(graph: Any, makers: dict[int, Any], index: int) -> list[int]:
    """A tensor and those it is another shape of, up to the one that a layer works out."""
    chain = [index]
    while chain[-1] in makers and makers[chain[-1]][1] in _SHAPE_ONLY:
        chain.append(int(makers[chain[-1]][0].inputs[0]))
    return chain


def _round_layer(model: Any, operator: Any, weights: Any, input_step: float) -> None:
    others = tuple(range(1, weights.ndim))
    largest = np.abs(weights.astype(np.float64)).max(axis=others, keepdims=True)
    steps = 2.0 ** np.ceil(np.log2(np.maximum(largest, 1e-30) / LEVELS))
    store_constant(model, int(operator.inputs[1]), np.rint(weights / steps) * steps)
    bias = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
    values = constant(model, bias) if bias >= 0 else None
    if values is not None:
        product = steps.reshape(-1) * (input_step or 1.0)
        store_constant(model, bias, np.rint(values / product) * product)
