"""PyTorch's files written by hand, with its names on classes of ours; shared by tests."""

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from types import ModuleType

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage:
    dtype = "<f4"


class HalfStorage:
    dtype = "<f2"


class LongStorage:
    dtype = "<i8"


def _rebuild_tensor_v2(*arguments):
    return arguments


class Tensor:
    """A tensor over a storage of its own, or a view of one that differs from the array."""

    def __init__(self, key, array, shape=None, strides=None, offset=0, kind=None):
        kinds = {np.dtype(kind.dtype): kind for kind in (FloatStorage, HalfStorage, LongStorage)}
        self.key, self.array = key, array
        self.kind = kind or kinds[array.dtype]
        self.shape = array.shape if shape is None else shape
        steps = tuple(step // array.itemsize for step in array.strides)
        self.strides = steps if strides is None else strides
        self.offset = offset

    def __reduce__(self):
        storage = _StorageReference(self)
        arguments = (storage, self.offset, self.shape, self.strides, False, OrderedDict())
        return _rebuild_tensor_v2, arguments

    @property
    def content(self):
        return self.array.ravel(order="K").tobytes()


class _StorageReference:
    def __init__(self, tensor):
        self.tensor = tensor


class _Pickler(pickle.Pickler):
    def __init__(self, out, legacy):
        super().__init__(out, protocol=2)
        self.legacy = legacy

    def persistent_id(self, value):
        if isinstance(value, _StorageReference):
            tensor = value.tensor
            pid = ("storage", tensor.kind, tensor.key, "cpu", tensor.array.size)
            return (*pid, None) if self.legacy else pid
        return None


def fake_torch(monkeypatch):
    """Modules of torch's names, so that pickle can write references to them."""
    for module, names in {
        "torch": (FloatStorage, HalfStorage, LongStorage),
        "torch._utils": (_rebuild_tensor_v2,),
    }.items():
        fake = ModuleType(module)
        for value in names:
            monkeypatch.setattr(value, "__module__", module)
            setattr(fake, value.__name__, value)
        monkeypatch.setitem(sys.modules, module, fake)


def tensors_in(value):
    """All tensors of nested dicts and lists, in order."""
    if isinstance(value, Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, dict | list)
    return [tensor for inner in values for tensor in tensors_in(inner)] if nested else []


def write_legacy(path, state, magic=MAGIC, protocol=1001, keys=None, tail=b"", counts=None):
    """The format before PyTorch 1.6."""
    tensors = tensors_in(state)
    if keys is None:
        keys = [tensor.key for tensor in tensors]
    with open(path, "wb") as out:
        for value in (magic, protocol, {"little_endian": True}, state, keys):
            _Pickler(out, legacy=True).dump(value)
        for tensor in tensors:
            out.write(struct.pack("<q", tensor.array.size if counts is None else counts))
            out.write(tensor.content)
        out.write(tail)


def write_zip(path, state, change=None, packed=zipfile.ZIP_STORED, root="archive"):
    """The format since PyTorch 1.6; ``change`` maps names of parts to other content or None."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        parts = {"data.pkl": pickled(state), "byteorder": b"little"}
        for tensor in tensors_in(state):
            parts[f"data/{tensor.key}"] = tensor.content
        parts |= {"version": b"3\n", **(change or {})}
        for name, content in parts.items():
            if content is not None:
                archive.writestr(f"{root}/{name}", content)


def pickled(state):
    out = io.BytesIO()
    _Pickler(out, legacy=False).dump(state)
    return out.getvalue()
