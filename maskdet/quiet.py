"""TensorFlow's start-up lines, which say nothing about a user's work, kept off the terminal.

Its compiled part writes some of them to file descriptor 2 while it is loaded, before any setting of
its logs holds (``I0000 ... oneDNN custom operations are on``). So that descriptor is held while
TensorFlow is loaded, and whatever is none of these lines is written out afterwards.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

_LOADED = "tensorflow"
_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog\(\)|[IW]\d{4} \d|[IW]\d{4} \d\d:"
    rb"|\d{4}-\d\d-\d\d [\d:.]+: [IW] (tensorflow|external)/"
    rb"|To enable the following instructions: )"
)


def without_chatter(text: bytes) -> bytes:
    """The lines of a log that are not TensorFlow's remarks on itself."""
    lines = text.splitlines(keepends=True)
    return b"".join(line for line in lines if not _CHATTER.match(line))


@contextlib.contextmanager
def held_chatter() -> Iterator[None]:
    """Hold what compiled code writes to file descriptor 2, and give back what is no chatter."""
    try:
        usual = os.dup(2)
    except OSError:  # a process without a standard error has nobody to spare
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(usual, 2)
            os.close(usual)
            held.seek(0)
            rest = without_chatter(held.read())
            if rest:
                os.write(2, rest)


class _QuietLoader(importlib.machinery.SourceFileLoader):
    """Loads a package with its chatter held."""

    def exec_module(self, module: ModuleType) -> None:
        with held_chatter():
            super().exec_module(module)


class _Finder:
    """Finds TensorFlow, once, as Python does, and has it loaded quietly."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if name != _LOADED:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


def load_tensorflow_quietly() -> None:
    """See to it that TensorFlow, if and when somebody imports it, is loaded without its chatter."""
    if _LOADED not in sys.modules:
        sys.meta_path.insert(0, _Finder())
