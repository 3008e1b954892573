"""PyTorch's zip files (since 1.6): a pickle beside its storages, a file of plain numbers each.

``<name>/data.pkl`` is the pickle, ``<name>/data/<key>`` a storage, ``<name>/byteorder`` (since 2.0)
the order of its bytes. Nothing is packed, and every part has its checksum.
"""

import io
import struct
import zipfile
from typing import Any

import numpy as np

from maskdet.pretrained.torch_pickle import (
    DAMAGE,
    StateDictUnpickler,
    Storage,
    array_of,
    damaged,
    tensors_of,
)

#: How a zip file begins.
HEAD = b"PK\x03\x04"
# What a damaged archive makes zipfile raise; RuntimeError: locked, or packed in an unknown way.
_ZIP_DAMAGE = (zipfile.BadZipFile, OSError, RuntimeError, struct.error, *DAMAGE)


def read_zip(path: Any, data: bytes) -> dict[str, np.ndarray]:
    """Arrays of a zip file's state dict by name.

    Args:
        path: for messages.
        data: the whole file.

    Raises:
        WeightsError: if it is damaged or no file of PyTorch's.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _arrays(path, archive)
    except _ZIP_DAMAGE as error:
        damaged(path, str(error).rstrip("."), error)


def _arrays(path: Any, archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        damaged(path, f"it is a zip file with {len(pickles)} parts data.pkl, not one")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.namelist():
        order = _part(path, archive, f"{root}byteorder")
        if order != b"little":
            damaged(path, f"its numbers have the byte order {order[:10]!r}, not 'little'")
    unpickler = StateDictUnpickler(io.BytesIO(_part(path, archive, pickles[0])))
    tensors = tensors_of(path, unpickler.load())
    storages = {}
    for tensor in tensors.values():
        storage = tensor.storage
        if storage.key not in storages:
            storages[storage.key] = _storage(path, archive, root, storage)
    return {
        name: array_of(path, name, tensor, storages[tensor.storage.key])
        for name, tensor in tensors.items()
    }


def _storage(path: Any, archive: zipfile.ZipFile, root: str, storage: Storage) -> np.ndarray:
    content = _part(path, archive, f"{root}data/{storage.key}")
    if len(content) != storage.size:
        damaged(path, f"storage {storage.key} should have {storage.elements} elements")
    return np.frombuffer(content, storage.dtype)


def _part(path: Any, archive: zipfile.ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        damaged(path, f"it lacks its part {name}")
    # Packed parts are not PyTorch's, and could be of any size when unpacked.
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        damaged(path, f"its part {name} is packed")
    return archive.read(name)
