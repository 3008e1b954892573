"""A .tflite file as objects: weights inlined, inputs and outputs in order, names short."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.runtime.graph_file import operator_names as operator_names
from maskdet.runtime.graph_file import pack_model as pack_model
from maskdet.runtime.graph_file import read_model as read_model
from maskdet.runtime.graph_file import tensor_name as tensor_name


def constant(model: Any, index: int) -> NDArray[Any] | None:
    """A float constant's values, or None for a tensor that is worked out."""
    tensor = model.subgraphs[0].tensors[index]
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    return np.frombuffer(bytes(data), dtype=np.float32).reshape(tensor.shape)


def store_constant(model: Any, index: int, values: NDArray[Any]) -> None:
    """Replace a float constant's values.

    Converters let equal constants share one buffer, such as a bias of 0 and the sigma of an NMS:
    the others keep theirs.
    """
    from ai_edge_litert import schema_py_generated as schema

    tensor = model.subgraphs[0].tensors[index]
    sharing = sum(t.buffer == tensor.buffer for graph in model.subgraphs for t in graph.tensors)
    if sharing > 1:
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
    buffer = model.buffers[tensor.buffer]
    buffer.data = np.frombuffer(np.ascontiguousarray(values, np.float32).tobytes(), dtype=np.uint8)


def move_tensors_last(graph: Any, last: Sequence[int]) -> list[int]:
    """Renumber a graph so that the chosen tensors come last, in that order; their new indices."""
    picked = set(last)
    order = [i for i in range(len(graph.tensors)) if i not in picked] + list(last)
    positions = {old: new for new, old in enumerate(order)}
    positions[-1] = -1  # an optional input that is not there
    graph.tensors = [graph.tensors[old] for old in order]
    for operator in graph.operators:
        operator.inputs = [positions[int(i)] for i in operator.inputs]
        operator.outputs = [positions[int(i)] for i in operator.outputs]
    graph.inputs = [positions[int(i)] for i in graph.inputs]
    graph.outputs = [positions[int(i)] for i in graph.outputs]
    return [positions[i] for i in last]


def name_ends(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Name inputs and outputs, number the outputs in ascending order, and write the signature.

    Clients find outputs by position, by name, or by sorted tensor index: all three agree then.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    graph.outputs = move_tensors_last(graph, [int(i) for i in graph.outputs])
    for names, indices in ((inputs, graph.inputs), (outputs, graph.outputs)):
        for name, index in zip(names, indices, strict=True):
            graph.tensors[index].name = name
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = _tensor_maps(inputs, graph.inputs)
    signature.outputs = _tensor_maps(outputs, graph.outputs)
    model.signatureDefs = [signature]


def _tensor_maps(names: Sequence[str], indices: Sequence[int]) -> list[Any]:
    from ai_edge_litert import schema_py_generated as schema

    maps = []
    for name, index in zip(names, indices, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, int(index)
        maps.append(entry)
    return maps


def shorten(model: Any) -> None:
    """Make the file smaller without a change of its numbers.

    Names keep the layer alone.
    """
    graph = model.subgraphs[0]
    ends = {int(i) for i in (*graph.inputs, *graph.outputs)}
    for index, tensor in enumerate(graph.tensors):
        if index not in ends:
            tensor.name = short_name(tensor_name(graph, index))
        facts = tensor.quantization
        if facts is not None:
            facts.min = facts.max = None
    model.description = "maskdet"


def short_name(name: str) -> str:
    """The layer and operation of a converter's name, which may join several."""
    first = name.split(";")[0]
    parts = first.split("/")
    parts = parts[1:] if len(parts) > 2 else parts  # without the model's own name
    return "/".join(re.sub(r"_\d+$", "", part) for part in parts)


def reader_matches(model: Any, index: int, pattern: str) -> bool:
    """Whether a step that reads input ``index`` makes a tensor whose name a pattern occurs in."""
    graph = model.subgraphs[0]
    tensor = int(graph.inputs[index])
    readers = [operator for operator in graph.operators if tensor in list(operator.inputs)]
    return any(re.search(pattern, tensor_name(graph, int(op.outputs[0]))) for op in readers)


def feed_bytes(model: Any, index: int, scale: float, zero_point: int) -> bool:
    """Let an int8 file take uint8 pixels: input ``index`` becomes what its QUANTIZE step reads.

    Args:
        scale: value of one grey level in the network's unit.
        zero_point: grey level that is 0 there.

    Returns:
        Whether the input leads to such a step alone; otherwise nothing was changed.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    tensor = int(graph.inputs[index])
    readers = [i for i, op in enumerate(graph.operators) if tensor in list(op.inputs)]
    names = operator_names(model)
    if len(readers) != 1 or names[readers[0]] != "QUANTIZE":
        return False
    facts = schema.QuantizationParametersT()
    facts.scale = np.array([scale], dtype=np.float32)
    facts.zeroPoint = np.array([zero_point], dtype=np.int64)
    graph.tensors[tensor].type = schema.TensorType.UINT8
    graph.tensors[tensor].quantization = facts
    return True


def add_metadata(model: Any, entries: Mapping[str, bytes]) -> None:
    """Attach named buffers to the file (TFLITE_METADATA and the like)."""
    from ai_edge_litert import schema_py_generated as schema

    model.metadata = list(model.metadata or [])
    for name, content in entries.items():
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, dtype=np.uint8)
        model.buffers.append(buffer)
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, len(model.buffers) - 1
        model.metadata.append(entry)
