"""Reader of PyTorch's older file format, with numpy alone and without running what a file says.

The format: five pickles one after another (a magic number, the protocol's number, facts about the
machine, the state dict, the keys of its storages), then the storages in that order, each an 8-byte
little-endian count of elements and the elements themselves. Pickles can name any function to call,
so only the four names that a state dict needs are let through.
"""

import io
import os
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from maskdet.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
# What damaged bytes make pickle's machine raise, by its documentation and by trying.
_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class _Storage:
    """A storage as the state dict speaks of it, before its numbers are read."""

    key: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage: first element, shape, steps (in elements)."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StorageType:
    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)


def _rebuild_tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, requires_grad: Any, hooks: Any, *rest: Any
) -> _Tensor:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or any(type(number) is not int for number in numbers):
        raise pickle.UnpicklingError("a tensor without a storage or with odd sizes")
    if len(shape) != len(strides) or any(number < 0 for number in numbers):
        raise pickle.UnpicklingError("a tensor whose shape and strides do not fit")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _StateDictUnpickler(pickle.Unpickler):
    """A pickle machine that knows four names and calls nothing else."""

    _GLOBALS = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): _StorageType("<f4"),
        ("torch", "LongStorage"): _StorageType("<i8"),
    }

    def find_class(self, module: str, name: str) -> Any:
        """One of the four names.

        Raises:
            pickle.UnpicklingError: for any other.
        """
        if (module, name) not in self._GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights do not need")
        return self._GLOBALS[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that a persistent id ('storage', type, key, location, count, view) means."""
        if not isinstance(pid, tuple) or len(pid) != 6 or pid[0] != "storage":
            raise pickle.UnpicklingError("an unknown persistent id")
        _, kind, key, _, count, view = pid
        if not isinstance(kind, _StorageType) or not isinstance(key, str) or view is not None:
            raise pickle.UnpicklingError("a storage of an unknown kind")
        if type(count) is not int or count < 0:
            raise pickle.UnpicklingError("a storage without a size")
        return _Storage(key, kind.dtype, count)


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Tensors of a legacy ``.pth`` state dict by name, in the file's order.

    Returns:
        Arrays of float32 or int64, contiguous, shapes as PyTorch has them (kernels: out, in, h, w).

    Raises:
        WeightsError: if the file is missing, of another format, or damaged; nothing that a file
            asks for is executed.
    """
    try:
        with open(path, "rb") as handle:
            data = handle.read()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    _refuse_other_formats(path, data)
    stream = io.BytesIO(data)
    try:
        magic, protocol, _, state, keys = (_StateDictUnpickler(stream).load() for _ in range(5))
    except _DAMAGE as error:
        _damaged(path, str(error), error)
    if magic != _MAGIC or protocol != _PROTOCOL:
        _damaged(path, "its head is not that of a PyTorch file")
    if not isinstance(state, dict) or not isinstance(keys, list):
        _damaged(path, "it holds no state dict")
    tensors = {name: value for name, value in state.items() if isinstance(value, _Tensor)}
    if len(tensors) != len(state) or not all(isinstance(name, str) for name in tensors):
        _damaged(path, "its state dict holds other things than tensors by name")
    storages = _read_storages(path, data, stream.tell(), keys, tensors)
    return {name: _view(path, name, tensor, storages) for name, tensor in tensors.items()}


def _read_storages(
    path: Any, data: bytes, position: int, keys: list[Any], tensors: dict[str, _Tensor]
) -> dict[str, np.ndarray]:
    wanted = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if len(keys) != len(set(map(str, keys))) or set(keys) != set(wanted):
        _damaged(path, "its storages are not those of its tensors")
    arrays = {}
    for key in keys:
        storage = wanted[key]
        count = int.from_bytes(data[position : position + 8], "little")
        position += 8
        end = position + storage.count * storage.dtype.itemsize
        if count != storage.count or end > len(data):
            _damaged(path, f"storage {key} should have {storage.count} elements")
        arrays[key] = np.frombuffer(data, storage.dtype, storage.count, position)
        position = end
    if position != len(data):
        _damaged(path, f"{len(data) - position} bytes follow its last storage")
    return arrays


def _view(path: Any, name: str, tensor: _Tensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    storage = storages[tensor.storage.key]
    last = tensor.offset + sum(
        (size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True)
    )
    empty = 0 in tensor.shape
    if tensor.storage.dtype != storage.dtype or (not empty and last >= storage.size):
        _damaged(path, f"tensor '{name}' reaches beyond its storage")
    if empty:
        return np.zeros(tensor.shape, storage.dtype)
    # The strides matter: kernels that came from TensorFlow lie in its order in the file.
    strides = [step * storage.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return np.array(view, order="C")


def _refuse_other_formats(path: Any, data: bytes) -> None:
    if data[:4] == b"PK\x03\x04":
        raise WeightsError(
            f"{path} is a zip file, PyTorch's format since 1.6; save it once more with "
            "torch.save(state, path, _use_new_zipfile_serialization=False)."
        )
    if data[:8] == b"\x89HDF\r\n\x1a\n":
        raise WeightsError(f"{path} is an HDF5 file, not a PyTorch one; load it with load_weights.")
    if data[:1] != b"\x80":
        raise WeightsError(
            f"{path} is not a PyTorch file (it begins with {data[:8]!r}); give a .pth state dict."
        )


def _damaged(path: Any, reason: str, cause: BaseException | None = None) -> NoReturn:
    raise WeightsError(
        f"{path} cannot be read as PyTorch weights: {reason}; fetch it again."
    ) from cause
