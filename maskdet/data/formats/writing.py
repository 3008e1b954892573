"""What writing has in common: nothing that an earlier call wrote is lost in silence."""

import warnings
from pathlib import Path

from maskdet.errors import MaskdetWarning
from maskdet.files import write_whole


def write_over(path: Path, content: str | bytes) -> None:
    """Write a file whole, with a warning where it replaces one that says something else.

    Two parts of a data set that are written into one folder have one annotation file: the second
    call would lose what the first described.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() != data:
        warnings.warn(
            f"{path} held something else and is replaced: what only it described is lost; write "
            "each part of a data set into a folder of its own.",
            MaskdetWarning,
            stacklevel=3,
        )
    write_whole(path, data)
