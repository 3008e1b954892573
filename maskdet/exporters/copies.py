"""Copies side by side as concatenations, which run in integers where TILE does not.

Keras doubles a map by TILE. XNNPACK leaves that to another kernel and the quantizer knows no int8
form of it, so each stood in floats between two conversions and cut the graph in two.
"""

from typing import Any

import numpy as np

from maskdet.exporters.flatbuffer import operator_names

#: A concatenation reads as many tensors as there are copies.
_MOST_COPIES = 4


def concatenate_tiles(model: Any) -> bool:
    """Rewrite every TILE of a file (a ModelT) that copies along one axis, in place.

    Returns:
        Whether there was one.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph, changed = model.subgraphs[0], False
    for operator, kind in list(zip(graph.operators, operator_names(model), strict=True)):
        if kind != "TILE":
            continue
        data = model.buffers[graph.tensors[int(operator.inputs[1])].buffer].data
        if data is None or len(data) == 0:
            continue
        wide = graph.tensors[int(operator.inputs[1])].type == schema.TensorType.INT64
        copies = np.frombuffer(bytes(data), np.int64 if wide else np.int32)
        (axes,) = np.nonzero(copies != 1)
        if len(axes) != 1 or not 1 < copies[axes[0]] <= _MOST_COPIES:
            continue
        operator.opcodeIndex = _concatenation(model)
        operator.inputs = [int(operator.inputs[0])] * int(copies[axes[0]])
        operator.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
        operator.builtinOptions = schema.ConcatenationOptionsT()
        operator.builtinOptions.axis = int(axes[0])
        changed = True
    return changed


def _concatenation(model: Any) -> int:
    """The index of that operation's code, which is added where it is missing."""
    from ai_edge_litert import schema_py_generated as schema

    number = schema.BuiltinOperator.CONCATENATION
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    if number not in codes:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        model.operatorCodes.append(code)
        codes.append(number)
    return codes.index(number)
