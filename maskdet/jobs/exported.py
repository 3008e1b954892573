"""Which files are exported ones."""

import os


def is_exported(weights: str | os.PathLike[str]) -> bool:
    """Whether a file is one that the runtime runs."""
    return os.fspath(weights).lower().endswith(".tflite")
