"""A .tflite file as objects: its operators, tensors and weights."""

from typing import Any

import numpy as np

from maskdet.errors import UsageError

IDENTIFIER = b"TFL3"


def read_model(content: bytes) -> Any:
    """The schema's ModelT, every weight inside.

    The quantizer leaves large weights behind the flatbuffer, where packing would lose them.

    Raises:
        UsageError: where the interpreter's package brings no schema of such files.
    """
    schema = _schema()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset:
            data = content[buffer.offset : buffer.offset + buffer.size]
            buffer.data = np.frombuffer(data, dtype=np.uint8)
            buffer.offset = buffer.size = 0
    return model


def pack_model(model: Any) -> bytes:
    """The file's content."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def operator_names(model: Any) -> list[str]:
    """The operator of each step of the main graph; custom ones as "CUSTOM name"."""
    words = {
        value: name for name, value in vars(_schema().BuiltinOperator).items() if name.isupper()
    }
    names = []
    for operator in model.subgraphs[0].operators:
        code = model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        custom = code.customCode.decode() if code.customCode else ""
        names.append(f"CUSTOM {custom}" if custom else words[number])
    return names


def tensor_name(graph: Any, index: int) -> str:
    """A tensor's name as text."""
    name = graph.tensors[index].name
    return name.decode() if isinstance(name, bytes) else str(name or "")


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError:
        raise UsageError(
            "The interpreter of this machine cannot tell what a .tflite file holds: tflite-runtime "
            "has no schema of it; run: pip install ai-edge-litert"
        ) from None
    return schema_py_generated
