"""JSON files of other people: read with one clear error, and values checked where they stand."""

import json
import math
import os
from pathlib import Path
from typing import Any

from maskdet.errors import DataError

# Files up to this size are parsed to find out their format; of larger ones both ends are searched.
_SMALL = 4 << 20
_END = 256 << 10


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: if it cannot be read or is no JSON; names file and line.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno} is not valid JSON ({error.msg}); repair or remove it.",
            kind="broken JSON",
            path=path,
            line=error.lineno,
        ) from None
    except UnicodeDecodeError:
        raise DataError(
            f"{path} is not UTF-8 text; save it as UTF-8.", kind="unreadable file", path=path
        ) from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); check the path.",
            kind="unreadable file",
            path=path,
        ) from None
    except _KeyTwice as error:
        raise DataError(
            f"{path} holds two different entries with the key {str(error)[:60]!r} in one object, "
            "of which one would be lost; give each its own key or remove one.",
            kind="broken JSON",
            path=path,
        ) from None
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not usable JSON ({error}); repair or remove it.",
            kind="broken JSON",
            path=path,
        ) from None


class _KeyTwice(ValueError):
    """A key that an object has twice, with different values."""


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        for key, value in pairs:
            if content[key] != value:
                raise _KeyTwice(key)
    return content


class Damaged(str):
    """Text of both ends of a file that is no JSON."""


def peek(path: Path) -> Any:
    """What tells a JSON file's format: its content if it is small, else text of both its ends.

    Of a file that breaks off or does not parse the text too, as :class:`Damaged`; None for one that
    cannot be read.
    """
    try:
        size = path.stat().st_size
        if size <= _SMALL:
            try:
                return read_json(path)
            except DataError as error:
                if error.kind == "unreadable file" and not path.is_file():
                    return None
        with open(path, "rb") as file:
            head = file.read(_END)
            file.seek(-min(_END, size), os.SEEK_END)
            text = (head + file.read()).decode("utf-8", errors="replace")
        return text if size > _SMALL and text.rstrip()[-1:] in ("}", "]") else Damaged(text)
    except OSError:
        return None


def has_keys(content: Any, *keys: str) -> bool:
    """Whether what :func:`peek` gave has all of these keys."""
    if isinstance(content, str):
        return all(f'"{key}"' in content for key in keys)
    return isinstance(content, dict) and all(key in content for key in keys)


def as_number(value: Any, what: str, location: str) -> float:
    """A finite number; text of one counts.

    Raises:
        DataError: naming ``what`` and ``location``.
    """
    try:
        if isinstance(value, bool) or value is None:
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(
            f"{what} is {str(value)[:60]!r}, not a number, in {location}; correct it.",
            kind="wrong value",
        )
    return number


def as_list(value: Any, what: str, location: str) -> list[Any]:
    """A list. Raises DataError naming ``what`` and ``location``."""
    if not isinstance(value, list):
        raise DataError(
            f"{what} is {str(value)[:60]!r} instead of a list in {location}; repair or remove it.",
            kind="wrong value",
        )
    return value


def as_dict(value: Any, what: str, location: str) -> dict[str, Any]:
    """An object with keys. Raises DataError naming ``what`` and ``location``."""
    if not isinstance(value, dict):
        raise DataError(
            f"{what} is {str(value)[:60]!r} instead of an object with keys in {location}; repair "
            "or remove it.",
            kind="wrong value",
        )
    return value


def as_name(value: Any, what: str, location: str) -> str:
    """Text that is not empty; numbers count. Raises DataError naming ``what`` and ``location``."""
    usable = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value).strip() if usable else ""
    if not text:
        raise DataError(f"{what} is missing in {location}; give it a name.", kind="missing value")
    return text


def as_size(height: Any, width: Any) -> tuple[int, int] | None:
    """(height, width) if both are sensible numbers, else None."""
    try:
        sides = int(float(height)), int(float(width))
    except (TypeError, ValueError, OverflowError):
        return None
    return sides if min(sides) > 0 else None
