"""Formats by the names that people give them."""

import difflib
import re
from typing import Any

from maskdet.data.formats import FORMATS
from maskdet.errors import UsageError


def format_key(form: Any) -> str:
    """The short name of a format's module, such as "voc"."""
    return str(form.__name__.rpartition(".")[2])


def format_named(text: str) -> Any:
    """The module of a format: by its short name ("voc"), or by what it is called ("VOC XML").

    Raises:
        UsageError: for another name; names the nearest one, and all with what they are.
    """
    known = {name: form for form in FORMATS for name in _names(form)}
    word = _plain(text)
    if word in known:
        return known[word]
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    hint = f" (did you mean {format_key(known[near[0]])}?)" if near else ""
    listed = ", ".join(f"{format_key(form)} ({form.NAME})" for form in FORMATS)
    raise UsageError(f"There is no format {text!r}{hint}; there are {listed}.")


def _names(form: Any) -> tuple[str, ...]:
    """All that a format may be called: "csv_table", "csvtable", "CSV" and "csv"."""
    whole = _plain(form.NAME)
    first = _plain(form.NAME.split()[0])
    # "mask" and "image" alone would be guesses.
    return (_plain(format_key(form)), whole, *((first,) if "folder" not in whole else ()))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
