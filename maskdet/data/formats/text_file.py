"""Text files of other people: UTF-8, with or without a byte order mark."""

import os
from pathlib import Path

from maskdet.errors import DataError


def read_text(path: str | os.PathLike[str]) -> str:
    """The whole text. Raises DataError where it is missing, cannot be read or is no UTF-8."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(
            f"{path} cannot be read, there is no such file; check the path.",
            kind="unreadable file",
            path=path,
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read ({error}); save it as UTF-8 text.",
            kind="unreadable file",
            path=path,
        ) from None
