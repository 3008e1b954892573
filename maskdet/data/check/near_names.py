"""Class names that are nearly another one, found in seconds among thousands."""

import difflib
import re
from collections.abc import Iterator, Sequence

import numpy as np

# A name with this share of another one's letters in their order is taken for it, mistyped.
_ALIKE = 0.85
# Letters are counted in so many columns; that two share one lets no pair be missed.
_COLUMNS = 64


def near_misses(names: Sequence[str], counts: Sequence[int]) -> Iterator[tuple[str, str]]:
    """(name, other) for each name that is nearly one before it, the first such.

    Two names that differ in case, blanks, - or _ alone always are. Letters may differ only where
    the name is ten times as rare as the other, has five letters or more and neither has digits:
    "speed limit 40" and "speed limit 60" are two classes, and so are short names a letter apart.

    Args:
        names: the most frequent first.
        counts: how often each occurs.
    """
    plain = [re.sub(r"[\s_-]+", " ", name.strip().casefold()) for name in names]
    first_of: dict[str, int] = {}
    for number, text in enumerate(plain):
        first_of.setdefault(text, number)
    typed = np.array(
        [len(text) >= 5 and not any(letter.isdigit() for letter in name)
         for text, name in zip(plain, names, strict=True)]
    )  # fmt: skip
    letters = np.zeros((len(plain), _COLUMNS), dtype=np.int32)
    for number in np.flatnonzero(typed).tolist():
        for letter in plain[number]:
            letters[number, ord(letter) % _COLUMNS] += 1
    lengths = letters.sum(axis=1)
    for number, text in enumerate(plain):
        others = [first_of[text]] if first_of[text] < number else []
        if typed[number]:
            # Others are sorted by count, so those ten times as frequent stand first.
            often = int(
                np.searchsorted(-np.asarray(counts[:number]), -10 * counts[number], "right")
            )
            shared = np.minimum(letters[:often], letters[number]).sum(axis=1)
            near = typed[:often] & (2 * shared >= _ALIKE * (lengths[:often] + lengths[number]))
            alike = (int(k) for k in np.flatnonzero(near) if _mistyped(text, plain[k]))
            others += [k for k in (next(alike, None),) if k is not None]
        if others:
            yield names[number], names[min(others)]


def _mistyped(text: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, text, other).ratio() >= _ALIKE
