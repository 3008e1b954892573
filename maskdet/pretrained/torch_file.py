"""Reader of PyTorch's weight files, with numpy alone and without running what a file says.

Two formats. The older one, read here: five pickles one after another (a magic number, the
protocol's number, facts about the machine, the state dict, the keys of its storages), then the
storages in that order, each an 8-byte little-endian count of elements and the elements themselves.
The newer one is a zip file, see :mod:`maskdet.pretrained.torch_zip`.
"""

import io
import os
from typing import Any

import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained import torch_zip
from maskdet.pretrained.torch_pickle import (
    DAMAGE,
    StateDictUnpickler,
    Storage,
    array_of,
    damaged,
    tensors_of,
)

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Tensors of a ``.pth`` file by name, in the file's order.

    Args:
        path: a state dict of either format, or a checkpoint of a training: a dict that holds one
            under "model" or "state_dict" (what else is in it is passed over).

    Returns:
        Arrays of float32, float16 or int64, contiguous, shapes as PyTorch has them (kernels: out,
        in, h, w).

    Raises:
        WeightsError: if the file is missing, of another format, or damaged; nothing that a file
            asks for is executed.
    """
    try:
        with open(path, "rb") as handle:
            data = handle.read()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    if data[:4] == torch_zip.HEAD:
        return torch_zip.read_zip(path, data)
    _refuse_other_formats(path, data)
    stream = io.BytesIO(data)
    known: dict[str, Storage] = {}
    try:
        parts = []
        for _ in range(5):
            unpickler = StateDictUnpickler(stream)
            parts.append(unpickler.load())
            known.update(unpickler.storages)
    except DAMAGE as error:
        damaged(path, str(error).rstrip("."), error)
    magic, protocol, _, content, keys = parts
    if magic != _MAGIC or protocol != _PROTOCOL:
        damaged(path, "its head is not that of a PyTorch file")
    tensors = tensors_of(path, content)
    storages = _read_storages(path, data, stream.tell(), keys, known)
    return {
        name: array_of(path, name, tensor, storages[tensor.storage.key])
        for name, tensor in tensors.items()
    }


def _read_storages(
    path: Any, data: bytes, position: int, keys: Any, known: dict[str, Storage]
) -> dict[str, np.ndarray]:
    if not isinstance(keys, list) or any(type(key) is not str for key in keys):
        damaged(path, "it does not list its storages")
    if len(keys) != len(known) or set(keys) != set(known):
        damaged(path, "its storages are not those of its tensors")
    arrays = {}
    for key in keys:
        storage = known[key]
        count = int.from_bytes(data[position : position + 8], "little")
        position += 8
        end = position + storage.size
        if count != storage.elements or end > len(data):
            damaged(path, f"storage {key} should have {storage.elements} elements")
        arrays[key] = np.frombuffer(data, storage.dtype, storage.elements, position)
        position = end
    if position != len(data):
        damaged(path, f"{len(data) - position} bytes follow its last storage")
    return arrays


def _refuse_other_formats(path: Any, data: bytes) -> None:
    if data[:8] == b"\x89HDF\r\n\x1a\n":
        raise WeightsError(f"{path} is an HDF5 file, not a PyTorch one; load it with load_weights.")
    if data[:1] != b"\x80":
        raise WeightsError(
            f"{path} is not a PyTorch file (it begins with {data[:8]!r}); give a .pth state dict."
        )
