"""What PyTorch's files say of their tensors, read without running what a file says.

A pickle can name any function to call, so only what a state dict needs is let through. What a file
gets hold of is immutable: a pickle may also set attributes of whatever it names.
"""

import math
import pickle
import struct
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np

from maskdet.errors import WeightsError

#: What damaged bytes make pickle's machine raise, by its documentation and by trying.
DAMAGE = (
    pickle.UnpicklingError,
    struct.error,
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
# Under which name a checkpoint of a training keeps its state dict.
_STATE_NAMES = ("model", "state_dict")


class Storage(NamedTuple):
    """A storage as a file speaks of it, before its numbers are read."""

    key: str
    dtype: np.dtype
    elements: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.elements * self.dtype.itemsize


class Tensor(NamedTuple):
    """A view of a storage: first element, shape, steps (in elements)."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StorageType(NamedTuple):
    dtype: np.dtype


class _RebuildTensor:
    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> Tensor:
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, Storage) or any(type(number) is not int for number in numbers):
            raise pickle.UnpicklingError("a tensor without a storage or with odd sizes")
        if len(shape) != len(strides) or any(number < 0 for number in numbers):
            raise pickle.UnpicklingError("a tensor whose shape and strides do not fit")
        return Tensor(storage, offset, tuple(shape), tuple(strides))


class _Named(dict):
    """Stands for OrderedDict; attributes (PyTorch notes versions of layers there) are let go."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


# The machine in Python, as the one in C makes room for as many memos as a damaged byte asks for.
class StateDictUnpickler(pickle._Unpickler):
    """A pickle machine that knows a few names and calls nothing else.

    Attributes:
        storages: all that the file spoke of, by key.
    """

    _GLOBALS = {
        ("collections", "OrderedDict"): _Named,
        ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
        ("torch", "FloatStorage"): _StorageType(np.dtype("<f4")),
        ("torch", "HalfStorage"): _StorageType(np.dtype("<f2")),
        ("torch", "LongStorage"): _StorageType(np.dtype("<i8")),
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """One of the names.

        Raises:
            pickle.UnpicklingError: for any other.
        """
        if (module, name) not in self._GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights do not need")
        return self._GLOBALS[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        """The storage that a persistent id ('storage', type, key, location, count) means; older
        files have a sixth part, a view, which is None."""
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
            raise pickle.UnpicklingError("an unknown persistent id")
        kind, key, count = pid[1], pid[2], pid[4]
        if (
            not isinstance(kind, _StorageType)
            or type(key) is not str
            or pid[5:] not in ((), (None,))
        ):
            raise pickle.UnpicklingError("a storage of an unknown kind")
        if type(count) is not int or count < 0:
            raise pickle.UnpicklingError("a storage without a size")
        storage = Storage(key, kind.dtype, count)
        if self.storages.setdefault(key, storage) != storage:
            raise pickle.UnpicklingError(f"storage {key} has two sizes")
        return storage


def tensors_of(path: Any, content: Any) -> dict[str, Tensor]:
    """The tensors of a state dict, or of the one in a checkpoint of a training, by name.

    Args:
        path: for messages.
        content: what a file's pickle gave: a state dict, or a dict that holds one under "model" or
            "state_dict".

    Raises:
        WeightsError: if it holds none, or other things than tensors are in it.
    """
    state = content
    if isinstance(content, dict):
        inner = [content[name] for name in _STATE_NAMES if isinstance(content.get(name), dict)]
        state = inner[0] if inner else content
    if not isinstance(state, dict):
        damaged(path, "it holds no state dict")
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if len(tensors) != len(state) or not all(type(name) is str for name in tensors):
        damaged(path, "its state dict holds other things than tensors by name")
    return tensors


def array_of(path: Any, name: str, tensor: Tensor, storage: np.ndarray) -> np.ndarray:
    """A tensor's numbers, contiguous.

    Args:
        path, name: for messages.
        storage: the numbers of its storage, (count,).

    Raises:
        WeightsError: if the tensor reaches beyond its storage.
    """
    last = tensor.offset + sum(
        (size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True)
    )
    count = math.prod(tensor.shape)
    # Repeated elements (steps of zero) would make as large an array as a damaged size says.
    if count and (last >= storage.size or count > storage.size):
        damaged(path, f"tensor '{name}' reaches beyond its storage")
    if not count:
        return np.zeros(tensor.shape, storage.dtype)
    # The strides matter: kernels that came from TensorFlow lie in its order in the file.
    strides = [step * storage.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return np.array(view, order="C")


def damaged(path: Any, reason: str, cause: BaseException | None = None) -> NoReturn:
    """Raises WeightsError: the file cannot be read, and why."""
    raise WeightsError(
        f"{path} cannot be read as PyTorch weights: {reason}; fetch it again."
    ) from cause
