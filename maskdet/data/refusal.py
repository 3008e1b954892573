"""What a reader does with something that cannot be used."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from maskdet.errors import DataError, SkippedData


def refuse(
    error: DataError, skip: bool, consequence: str = "it is left out", stacklevel: int = 5
) -> None:
    """Raise the error, or with ``skip`` warn of it and of what happens instead."""
    if not skip:
        raise error
    warnings.warn(SkippedData(error, consequence), stacklevel=stacklevel)


Record = TypeVar("Record")
Parsed = TypeVar("Parsed")


def each_usable(
    parse: Callable[[int, Record], Parsed],
    records: Iterable[Record],
    skip: bool,
    consequence: str = "it is left out",
) -> Iterator[Parsed]:
    """What the records of a file are parsed to: a bad one costs itself and nothing else.

    Args:
        parse: of a record's number, counted from 0, and the record.
        skip: warn of a bad one instead of raising.
    """
    for number, record in enumerate(records):
        try:
            parsed = parse(number, record)
        except DataError as error:
            refuse(error, skip, consequence)
            continue
        yield parsed
