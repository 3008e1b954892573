"""Classes of a data set: which ones count, the source's id of each, the names that are shown."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from itertools import count
from typing import Any

from maskdet.errors import DataError


def check_class(name: str, classes: Collection[str] | None, location: str) -> None:
    """Raises DataError, with the nearest known name, for a class that is not among ``classes``.

    Args:
        classes: None where every name counts.
        location: where the object stands, for the message.
    """
    if classes is not None and name not in classes:
        near = get_close_matches(name, classes, n=1)
        raise DataError(
            f"Unknown class in {location}; known are {', '.join(classes)}"
            f"{f' (did you mean {near[0]!r}?)' if near else ''}.",
            kind="unknown class",
        )


def source_class_ids(names: Sequence[str], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The source's own id of each class, no id twice; in the order of ``names``.

    Files that were annotated apart give one number to several classes: the first that has it keeps
    it. The others, and classes without a number, get their position from 1, or where that is taken
    the next free number.
    """
    ids: dict[str, Any] = {}
    taken: set[str] = set()
    for name in names:
        if name in stated and _as_key(stated[name]) not in taken:
            ids[name] = stated[name]
            taken.add(_as_key(stated[name]))
    free = count(len(names) + 1)
    for position, name in enumerate(names, start=1):
        if name not in ids:
            ids[name] = position
            while _as_key(ids[name]) in taken:
                ids[name] = next(free)
            taken.add(_as_key(ids[name]))
    return {name: ids[name] for name in names}


def _as_key(number: Any) -> str:
    """1, 1.0 and "1" are one id: maps of a data set hold ids as text."""
    whole = isinstance(number, int | float) and float(number).is_integer()
    return str(int(number) if whole else number)


def shown_names(names: Sequence[str]) -> list[str]:
    """Names such as "person, individual, someone" by their first part, where that tells them apart.

    "bolt, M8" and "bolt, M10" are shown in full.
    """
    first = [name.split(",")[0] for name in names]
    uses: dict[str, set[str]] = {}
    for short, name in zip(first, names, strict=True):
        uses.setdefault(short, set()).add(name)
    return [
        short if short.strip() and len(uses[short]) == 1 else name
        for short, name in zip(first, names, strict=True)
    ]
