"""TFRecord files and the tf.train.Example messages in them, read and written without TensorFlow."""

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maskdet.errors import DataError

# Sums of larger records are not checked: in Python that takes longer than reading them.
CHECKED = 64 << 10
# A record larger than this is taken for damage.
_LARGEST = 1 << 30


class Bytes(NamedTuple):
    """A bytes value and where it lies in its file."""

    value: bytes
    offset: int


Feature = list[Bytes] | np.ndarray


def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C of data, turned and shifted as TFRecord files have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """(offset, data) of each record.

    Raises:
        DataError: if the file is damaged; names the record.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        number = 0
        while head := file.read(12):
            location = f"record {number} of {path}"
            if len(head) < 12 or masked_crc(head[:8]) != struct.unpack("<I", head[8:])[0]:
                raise DataError(
                    f"{location} is damaged; write the file again.", kind="broken record", path=path
                )
            (length,) = struct.unpack("<Q", head[:8])
            offset = file.tell()
            if length > _LARGEST or offset + length + 4 > size:
                raise DataError(
                    f"{location} breaks off; write the file again.", kind="broken record", path=path
                )
            data, tail = file.read(length), file.read(4)
            if length <= CHECKED and masked_crc(data) != struct.unpack("<I", tail)[0]:
                raise DataError(
                    f"{location} is damaged; write the file again.", kind="broken record", path=path
                )
            yield offset, data
            number += 1


def parse_example(data: bytes, offset: int, location: str) -> dict[str, Feature]:
    """The features of a tf.train.Example by name; ``offset`` is where the data begins in its file.

    Raises:
        DataError: naming ``location``, if it is no such message.
    """
    try:
        return dict(_features(data, offset))
    except (IndexError, ValueError, struct.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{location} is no tf.train.Example ({error}); write it again.", kind="broken record"
        ) from None


def _features(data: bytes, offset: int) -> Iterator[tuple[str, Feature]]:
    for number, start, end in _fields(data, 0, len(data)):
        if number != 1:
            continue
        for inner, first, last in _fields(data, start, end):
            if inner != 1:
                continue
            name, feature = "", None
            for part, low, high in _fields(data, first, last):
                if part == 1:
                    name = data[low:high].decode()
                elif part == 2:
                    feature = _feature(data, low, high, offset)
            if name and feature is not None:
                yield name, feature


def _feature(data: bytes, start: int, end: int, offset: int) -> Feature | None:
    for kind, low, high in _fields(data, start, end):
        if kind == 1:
            return [Bytes(data[a:b], offset + a) for n, a, b in _fields(data, low, high) if n == 1]
        if kind == 2:
            parts = [data[a:b] for n, a, b in _fields(data, low, high) if n == 1]
            return np.frombuffer(b"".join(parts), dtype="<f4").astype(np.float32)
        if kind == 3:
            values = []
            for n, a, b in _fields(data, low, high):
                if n == 1:
                    while a < b:
                        value, a = _varint(data, a)
                        values.append(value - (1 << 64) if value >> 63 else value)
            return np.array(values, dtype=np.int64)
    return None


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(field number, start, end) of each field's content."""
    while position < end:
        key, position = _varint(data, position)
        start = position
        if key & 7 == 0:
            _, position = _varint(data, position)
        elif key & 7 == 1:
            position += 8
        elif key & 7 == 2:
            length, start = _varint(data, position)
            position = start + length
        elif key & 7 == 5:
            position += 4
        else:
            raise ValueError(f"wire type {key & 7}")
        if position > end:
            raise ValueError("a field leaves its message")
        yield key >> 3, start, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value & (1 << 64) - 1, position
        if shift > 63:
            raise ValueError("a number is too long")


# ---- writing -----------------------------------------------------------------------------------
def build_example(features: Mapping[str, Any]) -> bytes:
    """A tf.train.Example of bytes (or lists of them), ints and floats (or arrays of them)."""
    entries = b""
    for name, value in features.items():
        entry = _field(1, name.encode()) + _field(2, _packed(value))
        entries += _field(1, entry)
    return _field(1, entries)


def _packed(value: Any) -> bytes:
    if isinstance(value, bytes):
        value = [value]
    if isinstance(value, list) and all(isinstance(item, bytes) for item in value):
        return _field(1, b"".join(_field(1, item) for item in value))
    array = np.atleast_1d(np.asarray(value))
    if array.dtype.kind == "f":
        return _field(2, _field(1, array.astype("<f4").tobytes()))
    return _field(3, _field(1, b"".join(_number(int(item)) for item in array)))


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def framed(data: bytes) -> bytes:
    """A record as it stands in a TFRecord file."""
    length = struct.pack("<Q", len(data))
    sums = (struct.pack("<I", masked_crc(part)) for part in (length, data))
    return length + next(sums) + data + next(sums)


def is_record_file(path: Path) -> bool:
    """Whether a file begins as TFRecord files do."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return len(head) == 12 and masked_crc(head[:8]) == struct.unpack("<I", head[8:])[0]
