"""Parts of a data set: their shares as people write them, what is in each, folders of them."""

import difflib
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from maskdet.data.conversion import SetContents, write_checked
from maskdet.data.dataset import Dataset
from maskdet.data.image_sets import write_image_sets
from maskdet.data.written_folder import written_folder
from maskdet.errors import MaskdetWarning, UsageError

#: What parts are usually called.
USUAL_PARTS = ("train", "val", "valid", "validation", "test")
# Rounding of shares that are thirds.
_ROUNDING = 1e-6


def shares_of(texts: Sequence[str]) -> dict[str, float]:
    """Shares by part's name, from texts such as "train=0.8", "val=1/5" or "test=20%".

    Raises:
        UsageError: for a text that is no such thing, a name that cannot be a file's or stands
            twice, and shares that are not above 0 or do not sum to 1.
    """
    shares: dict[str, float] = {}
    for text in texts:
        name, share = _name_and_share(text)
        if name.lower() in {known.lower() for known in shares}:
            raise UsageError(f"The part {name!r} is named twice; name each part once.")
        near = difflib.get_close_matches(name.lower(), USUAL_PARTS, n=1, cutoff=0.75)
        if near and name not in USUAL_PARTS:
            warnings.warn(
                f"A part is called {name!r}; did you mean {near[0]!r}?",
                MaskdetWarning,
                stacklevel=2,
            )
        shares[name] = share
    total = sum(shares.values())
    if abs(total - 1) > _ROUNDING:
        raise UsageError(
            f"The shares of the parts ({', '.join(texts)}) sum to {total:g}; they must sum to 1, "
            "such as train=0.8 val=0.2."
        )
    return shares


def _name_and_share(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    percent = value.endswith("%")
    try:
        share = float(Fraction(value.removesuffix("%").strip())) / (100 if percent else 1)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is no part with its share, such as train=0.8.") from None
    if not re.fullmatch(r"\w[\w.-]*", name) or name.endswith("."):
        raise UsageError(
            f"{name!r} cannot be a part's name; use letters, digits and _, such as train=0.8."
        )
    if share <= 0:
        raise UsageError(f"The share of {name!r} is {value}; it must be above 0.")
    return name, share


def missing_classes(parts: Mapping[str, SetContents]) -> list[str]:
    """A sentence for each part that lacks a class which another part has."""
    sentences = []
    for name, contents in parts.items():
        others = {
            kind for other in parts.values() for kind, count in other.by_class.items() if count
        }
        lacking = sorted(kind for kind in others if not contents.by_class.get(kind))
        if lacking:
            more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
            sentences.append(f"{name} has none of: {', '.join(lacking[:5])}{more}.")
    return sentences


def parts_table(parts: Mapping[str, SetContents], columns: int = 80) -> str:
    """Photos and objects by class, a column for each part.

    Args:
        columns: of the terminal; long names are cut so that lines fit where that is possible.
    """
    kinds = list(dict.fromkeys(kind for part in parts.values() for kind in part.by_class))
    rows = [("", list(parts))]
    rows.append(("photos", [str(part.photos) for part in parts.values()]))
    for kind in kinds:
        rows.append((kind, [str(part.by_class.get(kind, 0)) for part in parts.values()]))
    widths = [max(len(cells[i]) for _, cells in rows) for i in range(len(parts))]
    room = max(6, columns - 1 - sum(width + 2 for width in widths))
    width = min(room, max(len(label) for label, _ in rows))
    return "\n".join(
        _cut(label, width).ljust(width)
        + "".join(f"  {cell:>{space}}" for cell, space in zip(cells, widths, strict=True))
        for label, cells in rows
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def write_lists(parts: Mapping[str, Dataset], path: str | os.PathLike[str]) -> None:
    """Write each part as ``<name>.txt``, in place of the lists of an earlier call.

    Raises:
        DataError: for an id that a line cannot hold.
    """
    with written_folder(path) as stage:
        write_image_sets(stage, parts)


def write_parts(
    parts: Mapping[str, Dataset], path: str | os.PathLike[str], form: Any, link: bool = False
) -> None:
    """Write each part as a data set in a folder of its name, in place of those of an earlier call.

    Args:
        form: a module of :data:`maskdet.data.formats.FORMATS`.
        link: photos become links to the data set's own files in place of copies.

    Raises:
        UsageError, DataError: as :func:`maskdet.data.conversion.convert`; nothing is written then.
    """
    with written_folder(path) as stage:
        for name, part in parts.items():
            shown_as = os.path.join(os.fspath(path), name)
            write_checked(part, stage / name, form, link, shown_as=shown_as)
