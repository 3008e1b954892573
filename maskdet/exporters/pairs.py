"""The first convolution of a file reads two neighbouring pixels at once.

A window of step 2 over pixels of three channels leaves most of a processor's vector empty: three
bytes of a block of eight, three floats of sixteen. Pixels of a row lie beside each other, so an
image (1, H, W, 3) is one of pairs (1, H, W / 2, 6) without a copy of its own, and the same window
over pairs has half as many columns of twice the channels and steps one pair at a time. Weights and
products are the same; a window of odd width gets a column of zeros.
"""

from typing import Any

import numpy as np

from maskdet.exporters.flatbuffer import constant, operator_names, store_constant, tensor_name

#: More channels than these fill a vector by themselves.
_MOST_CHANNELS = 4


def pair_pixels(model: Any) -> bool:
    """Rewrite the convolutions of a float file (a ModelT) that gain by it, in place.

    Returns:
        Whether there was one.
    """
    graph = model.subgraphs[0]
    before = len(graph.operators)
    for operator, kind in list(zip(graph.operators, operator_names(model), strict=True)):
        if kind == "CONV_2D" and _gains(model, operator):
            _pair(model, operator)
    return len(graph.operators) > before


def _gains(model: Any, operator: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    graph, options = model.subgraphs[0], operator.builtinOptions
    shape = graph.tensors[int(operator.inputs[0])].shape
    weights = constant(model, int(operator.inputs[1]))
    plain = (options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor)
    if weights is None or plain != (2, 2, 1, 1) or options.padding != schema.Padding.SAME:
        return False
    if shape[3] > _MOST_CHANNELS or shape[2] % 2:
        return False
    # Pixels that padding puts in front of a row: whole pairs of them.
    width = int(weights.shape[2])
    margin = (width - 2) // 2 if width > 1 else 0
    return width > 1 and margin % 2 == 0 and ((width + 1) // 2 - 1) // 2 == margin // 2


def _pair(model: Any, operator: Any) -> None:
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    source, kernel = int(operator.inputs[0]), int(operator.inputs[1])
    name = tensor_name(graph, int(operator.outputs[0]))
    batch, height, width, channels = (int(side) for side in graph.tensors[source].shape)
    paired = np.array([batch, height, width // 2, 2 * channels], np.int32)
    weights = constant(model, kernel)
    assert weights is not None
    columns = np.pad(weights, ((0, 0), (0, 0), (0, weights.shape[2] % 2), (0, 0)))
    columns = columns.reshape(*columns.shape[:2], columns.shape[2] // 2, 2 * channels)

    shape = _tensor(model, f"{name}_pair_shape", [4], schema.TensorType.INT32, paired)
    pixels = _tensor(model, f"{name}_pairs", paired, schema.TensorType.FLOAT32)
    store_constant(model, kernel, columns)
    graph.tensors[kernel].shape = np.array(columns.shape, np.int32)
    graph.operators.insert(graph.operators.index(operator), _reshape(model, source, shape, pixels))
    operator.inputs = [pixels, *operator.inputs[1:]]
    operator.builtinOptions.strideW = 1


def _tensor(model: Any, name: str, shape: Any, kind: int, values: Any = None) -> int:
    """The index of a new tensor, a constant where it has values."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, np.array(shape, np.int32), kind
    tensor.buffer = 0
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _reshape(model: Any, source: int, shape: int, result: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    codes = [code.builtinCode for code in model.operatorCodes]
    if schema.BuiltinOperator.RESHAPE not in codes:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
        model.operatorCodes.append(code)
        codes.append(code.builtinCode)
    step = schema.OperatorT()
    step.opcodeIndex = codes.index(schema.BuiltinOperator.RESHAPE)
    step.inputs, step.outputs = [source, shape], [result]
    step.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    step.builtinOptions = schema.ReshapeOptionsT()
    step.builtinOptions.newShape = model.subgraphs[0].tensors[result].shape
    return step
