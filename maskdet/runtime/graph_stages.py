"""The stages of a .tflite file's graph: what each computes, and the file cut behind it."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maskdet.profiles import ProfileStage, Work, assigned_stages
from maskdet.runtime.graph_file import operator_names, pack_model, tensor_name

# Bytes of a number of each kind in the schema's TensorType; small integers are packed.
_ITEM_BYTES = {
    **{0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 8: 8, 9: 1, 10: 8, 11: 16, 12: 8, 15: 4, 16: 2},
    **{17: 0.5, 18: 2, 19: 0.25, 20: 0.5, 21: 1, 22: 1},
}
# Another shape, the same numbers in the same place.
_FREE = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
# Read of their first input as much as they give, however large it is.
_PICKING = frozenset({"GATHER", "GATHER_ND", "SLICE", "STRIDED_SLICE", "EMBEDDING_LOOKUP"})
# Which input is the kernel of those that multiply and add, and of which tensor each place gets one.
_KERNELS = {
    "CONV_2D": (1, "output"),
    "DEPTHWISE_CONV_2D": (1, "output"),
    "FULLY_CONNECTED": (1, "output"),
    "TRANSPOSE_CONV": (1, "input"),
}


@dataclass(frozen=True)
class GraphPart:
    """One stage of a file's graph.

    Attributes:
        stage: which.
        steps: positions of its operators in the graph.
        before: positions of its operators and of those of earlier stages.
        ends: tensors of these that later stages take, or that the file gives.
    """

    stage: ProfileStage
    steps: list[int]
    before: list[int]
    ends: list[int]


def graph_parts(model: Any, stages: Sequence[ProfileStage]) -> list[GraphPart]:
    """The stages that a file's main graph has, in order.

    Args:
        model: of :func:`maskdet.runtime.graph_file.read_model`.
    """
    graph = model.subgraphs[0]
    takes = [[int(i) for i in operator.inputs] for operator in graph.operators]
    gives = [[int(i) for i in operator.outputs] for operator in graph.operators]
    makers = {tensor: step for step, tensors in enumerate(gives) for tensor in tensors}
    names = [tensor_name(graph, tensors[0]) for tensors in gives]
    needed = [[makers[tensor] for tensor in tensors if tensor in makers] for tensors in takes]
    found = assigned_stages(stages, names, needed)
    wanted = {int(tensor) for tensor in graph.outputs}
    parts = []
    for number, stage in enumerate(stages):
        steps = [step for step, place in enumerate(found) if place == number]
        before = [step for step, place in enumerate(found) if place <= number]
        later = [step for step, place in enumerate(found) if place > number]
        if steps:
            asked = wanted.union(*(takes[step] for step in later))
            ends = [tensor for step in before for tensor in gives[step] if tensor in asked]
            parts.append(GraphPart(stage, steps, before, ends))
    return parts


def cut_file(model: Any, part: GraphPart) -> bytes:
    """A file that ends behind a stage: the same inputs and numbers of tensors, without the
    operators and weights that only later stages need."""
    graph = copy.copy(model.subgraphs[0])
    graph.operators = [graph.operators[step] for step in part.before]
    graph.outputs = list(part.ends)
    used = {int(i) for operator in graph.operators for i in (*operator.inputs, *operator.outputs)}
    kept = {graph.tensors[i].buffer for i in used if i >= 0}
    for other in model.subgraphs[1:]:
        kept |= {tensor.buffer for tensor in other.tensors}
    cut = copy.copy(model)
    cut.subgraphs = [graph, *model.subgraphs[1:]]
    cut.buffers = [
        buffer if number in kept else _emptied(buffer)
        for number, buffer in enumerate(model.buffers)
    ]
    # Both speak of tensors and buffers that may be gone.
    cut.signatureDefs, cut.metadata = [], []
    return pack_model(cut)


def _emptied(buffer: Any) -> Any:
    empty = copy.copy(buffer)
    empty.data = None
    return empty


def work_of(model: Any, steps: Sequence[int], seen: set[int]) -> Work:
    """What some operators of a file compute and move.

    Args:
        steps: their positions.
        seen: buffers of weights that were counted before; those of these operators are added.
    """
    graph, names = model.subgraphs[0], operator_names(model)
    flops = weights = moved = 0
    for step in steps:
        operator, name = graph.operators[step], names[step]
        inputs = [graph.tensors[int(i)] for i in operator.inputs if int(i) >= 0]
        outputs = [graph.tensors[int(i)] for i in operator.outputs]
        flops += 2 * _multiply_adds(name, inputs, outputs[0], operator)
        fixed = [tensor for tensor in inputs if _is_weight(model, tensor)]
        weights += sum(_bytes(t) for t in fixed if t.buffer not in seen)
        seen.update(tensor.buffer for tensor in fixed)
        if name not in _FREE:
            given = sum(map(_bytes, outputs))
            worked_out = [tensor for tensor in inputs if not _is_weight(model, tensor)]
            taken = sum(map(_bytes, worked_out))
            moved += given + (min(taken, given) if name in _PICKING else taken)
    return Work(flops, weights, moved)


def _multiply_adds(name: str, inputs: list[Any], output: Any, operator: Any) -> int:
    if name in _KERNELS:
        place, where = _KERNELS[name]
        laid_on = output if where == "output" else inputs[2]
        return math.prod(_shape(inputs[place])) * math.prod(_shape(laid_on)[:-1])
    if name == "BATCH_MATMUL":
        shape = _shape(inputs[0])
        return math.prod(_shape(output)) * shape[-2 if operator.builtinOptions.adjX else -1]
    return 0


def _is_weight(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _shape(tensor: Any) -> list[int]:
    return [] if tensor.shape is None else [int(side) for side in tensor.shape]


def _bytes(tensor: Any) -> int:
    return int(math.prod(_shape(tensor)) * _ITEM_BYTES.get(tensor.type, 0))
