"""Which operations a .tflite may hold: those that every interpreter has built in."""

from typing import Any

from maskdet.errors import UsageError
from maskdet.exporters.flatbuffer import operator_names, short_name, tensor_name

# Built in, and yet not to be had or ruinous: resource variables are not saved by every path, loops
# and branches keep the fast kernels off.
FORBIDDEN = frozenset(
    {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE", "WHILE", "IF"}
)


def check_operators(model: Any) -> list[str]:
    """The operators of a file (a ModelT), one a step.

    Raises:
        UsageError: if one is not built in or forbidden; names it and the layer it came from.
    """
    graph, names = model.subgraphs[0], operator_names(model)
    for operator, name in zip(graph.operators, names, strict=True):
        if name.startswith("CUSTOM") or name in FORBIDDEN:
            layer = short_name(tensor_name(graph, int(operator.outputs[0])))
            kind = "a Flex operation" if "Flex" in name else "no operation to rely on"
            raise UsageError(
                f"The exported network would hold {name} ({kind}) from layer '{layer}', which a "
                "Raspberry Pi cannot run; use layers that TFLite has built in there."
            )
    return names
