"""Start-up lines of TensorFlow and LiteRT, which say nothing about a user's work, kept off the
terminal.

TensorFlow's compiled part writes some of them to file descriptor 2 while it is loaded, before any
setting of its logs holds (``I0000 ... oneDNN custom operations are on``), and LiteRT one when an
interpreter is made. So that descriptor is held meanwhile, and whatever is none of these lines is
written out afterwards.
"""

import contextlib
import faulthandler
import importlib.machinery
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from maskdet.garbage import uncollected

_LOADED = "tensorflow"
_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog\(\)|[IW]\d{4} \d|[IW]\d{4} \d\d:"
    rb"|\d{4}-\d\d-\d\d [\d:.]+: [IW] (tensorflow|external)/"
    rb"|To enable the following instructions: |INFO: Created TensorFlow Lite )"
)
# Two threads would else give each other's file back as the terminal.
_ONE_AT_A_TIME = threading.RLock()


def without_chatter(text: bytes) -> bytes:
    """The lines of a log that are not TensorFlow's remarks on itself."""
    lines = text.splitlines(keepends=True)
    return b"".join(line for line in lines if not _CHATTER.match(line))


@contextlib.contextmanager
def held_chatter() -> Iterator[None]:
    """Hold what compiled code writes to file descriptor 2, and give back what is no chatter.

    Should the process be killed by that code (a processor without its instructions), what was held
    is lost with it; Python then says where it was, and ``maskdet doctor`` what was said.
    """
    with _ONE_AT_A_TIME, contextlib.ExitStack() as stack:
        try:
            # In this order: a file that is opened where there is no standard error becomes it.
            usual = os.dup(2)
            stack.callback(os.close, usual)
            held = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # no standard error to spare, or no folder for temporary files
            yield
            return
        _flush()
        os.dup2(held.fileno(), 2)
        try:
            with _crashes_shown(usual):
                yield
        finally:
            _flush()
            os.dup2(usual, 2)
            held.seek(0)
            rest = without_chatter(held.read())
            if rest:
                os.write(2, rest)


@contextlib.contextmanager
def _crashes_shown(descriptor: int) -> Iterator[None]:
    if faulthandler.is_enabled():  # whoever has asked for it has said where to
        yield
        return
    faulthandler.enable(descriptor, all_threads=False)
    try:
        yield
    finally:
        faulthandler.disable()


def _flush() -> None:
    # It is None where there is no console, and may be closed or anything that can be written to.
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stderr.flush()


class _QuietLoader(importlib.machinery.SourceFileLoader):
    """Loads a package with its chatter held."""

    def exec_module(self, module: ModuleType) -> None:
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
        _logger().addFilter(is_worth_saying)
        with held_chatter(), uncollected():
            super().exec_module(module)


class _Finder:
    """Finds TensorFlow where Python's paths have it, and has it loaded quietly.

    Others may ask where it is (``importlib.util.find_spec``) without loading it, as often as they
    like; what stands elsewhere than on the paths is left to the finders behind this one.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if name != _LOADED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


def is_worth_saying(record: logging.LogRecord) -> bool:
    """Whether a line of TensorFlow's Python logger is for the user.

    It counts the graphs of all Keras networks as if they were one function's, so that some trained
    and opened networks in a process look to it like one that is made over and over.
    """
    text = record.getMessage()
    return not ("triggered tf.function retracing" in text and "TensorFlowTrainer.make_" in text)


def load_tensorflow_quietly() -> None:
    """See to it that TensorFlow, if and when somebody imports it, is loaded without its chatter."""
    if _LOADED not in sys.modules:
        sys.meta_path.insert(0, _Finder())


def _logger() -> logging.Logger:
    return logging.getLogger(_LOADED)
