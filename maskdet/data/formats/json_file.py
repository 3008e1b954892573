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
        return json.loads(Path(path).read_bytes().decode("utf-8-sig"))
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
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not usable JSON ({error}); repair or remove it.",
            kind="broken JSON",
            path=path,
        ) from None


def peek(path: Path) -> Any:
    """What tells a JSON file's format: its content if it is small, else text of both its ends.

    None for a file that cannot be read or parsed.
    """
    try:
        if path.stat().st_size <= _SMALL:
            return read_json(path)
        with open(path, "rb") as file:
            head = file.read(_END)
            file.seek(-_END, os.SEEK_END)
            return (head + file.read()).decode("utf-8", errors="replace")
    except (DataError, OSError):
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
