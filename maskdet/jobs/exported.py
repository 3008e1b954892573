"""Which files are exported ones."""

import os
from pathlib import Path


def is_exported(weights: str | os.PathLike[str]) -> bool:
    """Whether a file is one that the runtime runs: a .tflite that maskdet has written.

    Those of others may be weights of a family, which then knows their classes. A file that is not
    there goes by its name.
    """
    path = Path(weights)
    if path.suffix.lower() != ".tflite":
        return False
    if not path.is_file():
        return True
    from maskdet.runtime.model_file import read_content, read_facts  # numpy only where needed

    return read_facts(path, read_content(path)).ours
