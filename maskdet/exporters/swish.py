"""Ranges of what a SiLU reads: x * sigmoid(x) is next to nothing below a few steps under zero.

Large negative values are common before a SiLU (-90 where the largest is 30), and a range that
reaches down to them spends its 256 values where the function is flat. Cut at the point from which
the function stays within half a step of what it gives out, integers that saturate there change
nothing.
"""

from typing import Any

import numpy as np

from maskdet.exporters.flatbuffer import operator_names, tensor_name

#: The smallest value of x * sigmoid(x), at x = LOWEST_AT.
LOWEST, LOWEST_AT = -0.2785, -1.2785
_STEPS = 255


def flat_below(step: float) -> float:
    """The largest x from which on x * sigmoid(x) lies between ``-step / 2`` and 0, downwards.

    Args:
        step: between neighbouring values of the function's integers.
    """
    low, high = -40.0, LOWEST_AT  # the function falls between them
    if -LOWEST <= step / 2:
        return high
    for _ in range(50):
        middle = (low + high) / 2
        flat = -middle / (1.0 + np.exp(-middle)) <= step / 2
        low, high = (middle, high) if flat else (low, middle)
    return low


def cut_flat_ranges(model: Any, ranges: dict[str, tuple[float, float]]) -> None:
    """Raise the lower ends of what the SiLUs of a float file (a ModelT) read, in place.

    A tensor that anything else reads too keeps its range.

    Args:
        ranges: of tensors, by name.
    """
    graph = model.subgraphs[0]
    steps = list(zip(graph.operators, operator_names(model), strict=True))
    readers: dict[int, list[Any]] = {}
    for operator, kind in steps:
        for index in operator.inputs:
            readers.setdefault(int(index), []).append((operator, kind))
    for operator, kind in steps:
        if kind != "LOGISTIC":
            continue
        source, gate = int(operator.inputs[0]), int(operator.outputs[0])
        products = [op for op, name in readers[source] if name == "MUL"]
        if len(readers[source]) != 2 or len(products) != 1 or source in graph.outputs:
            continue
        product = products[0]
        if sorted(map(int, product.inputs)) != sorted((source, gate)):
            continue
        name, result = tensor_name(graph, source), tensor_name(graph, int(product.outputs[0]))
        if name not in ranges or result not in ranges:
            continue
        low, high = ranges[name]
        step = (max(ranges[result][1], 0.0) - LOWEST) / _STEPS
        ranges[name] = (min(max(low, flat_below(step)), high), high)
