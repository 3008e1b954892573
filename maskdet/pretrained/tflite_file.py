"""The tensors of a quantised TFLite file as floats, by their names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.errors import WeightsError

Array = np.ndarray


@dataclass(frozen=True)
class TfliteConstants:
    """What a TFLite file holds that is not worked out.

    Attributes:
        arrays: constants by their tensor's name, dequantised, float32, axes as in the file.
        custom: names of the operations that are none of TFLite's own.
        input_shape: of the first input.
    """

    arrays: Mapping[str, Array]
    custom: tuple[str, ...]
    input_shape: tuple[int, ...]


def read_constants(path: str | os.PathLike[str]) -> TfliteConstants:
    """Read a file's constants; nothing of it is run.

    Raises:
        WeightsError: if the file is missing or no whole TFLite file, or the package that knows the
            format is not installed.
    """
    model = _read(path)
    graph = model.subgraphs[0]
    arrays = {}
    for tensor in graph.tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data):
            arrays[_text(tensor.name)] = _dequantised(tensor, bytes(data))
    shape = tuple(int(side) for side in graph.tensors[graph.inputs[0]].shape)
    custom = tuple(_text(code.customCode) for code in model.operatorCodes if code.customCode)
    return TfliteConstants(arrays, custom, shape)


def _read(path: str | os.PathLike[str]) -> Any:
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise WeightsError(
            f"{path} is a TFLite file, and the package that reads it is not installed; run: "
            "pip install ai-edge-litert"
        ) from error
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    try:
        if content[4:8] != b"TFL3":
            raise ValueError("it does not begin as one")
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        for tensor in model.subgraphs[0].tensors:
            _check_size(tensor, model.buffers[tensor.buffer].data)
    except Exception as error:  # flatbuffers has no errors of its own: struct's, numpy's, ...
        raise WeightsError(f"{path} is no whole TFLite file ({error}); fetch it again.") from error
    return model


def _check_size(tensor: Any, data: Any) -> None:
    if data is None or not len(data) or tensor.type not in _DTYPES:
        return
    wanted = int(np.prod(tensor.shape)) * np.dtype(_DTYPES[tensor.type]).itemsize
    if len(data) != wanted:
        raise ValueError(f"{_text(tensor.name)} has {len(data)} bytes instead of {wanted}")


# By the schema's numbers.
_DTYPES = {0: "<f4", 2: "<i4", 3: "u1", 4: "<i8", 9: "i1"}


def _dequantised(tensor: Any, data: bytes) -> Array:
    values = np.frombuffer(data, _DTYPES.get(tensor.type, "u1"))
    shape = [int(side) for side in tensor.shape] if tensor.shape is not None else []
    if values.size == int(np.prod(shape)):
        values = values.reshape(shape)
    coding = tensor.quantization
    if coding is None or coding.scale is None or not len(coding.scale):
        return values
    scale = np.asarray(coding.scale, np.float64)
    zero = np.asarray(coding.zeroPoint, np.float64)
    if scale.size > 1:  # one a channel
        axes = [1] * values.ndim
        axes[coding.quantizedDimension] = -1
        scale, zero = scale.reshape(axes), zero.reshape(axes)
    return ((values.astype(np.float64) - zero) * scale).astype(np.float32)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name or "")
