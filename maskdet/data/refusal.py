"""What a reader does with something that cannot be used."""

import warnings

from maskdet.errors import DataError, SkippedData


def refuse(
    error: DataError, skip: bool, consequence: str = "it is left out", stacklevel: int = 5
) -> None:
    """Raise the error, or with ``skip`` warn of it and of what happens instead."""
    if not skip:
        raise error
    warnings.warn(SkippedData(error, consequence), stacklevel=stacklevel)
