"""Whether an object's class is one that was asked for."""

from collections.abc import Sequence
from difflib import get_close_matches

from maskdet.errors import DataError


def check_class(name: str, classes: Sequence[str] | None, location: str) -> None:
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
