"""Things found by name, however the name is spelt.

macOS writes ä as two characters and Windows as one, both take A for a, and tools that know photos
by their address write a blank as ``%20``. Such names mean one file, but not to a file system.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote

Value = TypeVar("Value")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _lower(name: str) -> str:
    return _composed(_composed(name).casefold())


@lru_cache(maxsize=1 << 16)  # folders of one name are asked for again and again
def folded(name: str) -> str:
    """What all spellings of a name have in common."""
    return _lower(unquote(name))


# The first that tells a name from all others but its own decides.
_SPELLINGS: tuple[Callable[[str], str], ...] = (str, _composed, _lower, folded)


def most_alike(pairs: Iterable[tuple[str, Value]], name: str) -> list[Value]:
    """Values of the names that are spelt most like ``name``; none if all are other names."""
    listed = list(pairs)
    for spelling in _SPELLINGS:
        alike = [value for other, value in listed if spelling(other) == spelling(name)]
        if alike:
            return alike
    return []


class NamesAlike(Generic[Value]):
    """Values by name, several to a name where there are.

    Args:
        pairs: names and their values.
    """

    def __init__(self, pairs: Iterable[tuple[str, Value]]) -> None:
        self._pairs: dict[str, list[tuple[str, Value]]] = defaultdict(list)
        for name, value in pairs:
            self._pairs[folded(name)].append((name, value))

    def __len__(self) -> int:
        return sum(len(pairs) for pairs in self._pairs.values())

    def exact(self, name: str) -> list[Value]:
        """Values of this very name."""
        return [value for other, value in self._pairs.get(folded(name), ()) if other == name]

    def find(self, name: str) -> list[Value]:
        """Values of the name itself, else of those spelt most like it."""
        return most_alike(self._pairs.get(folded(name), ()), name)
