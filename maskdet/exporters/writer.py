"""The contract of the writers, one for each kind of file."""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters.source import Source
from maskdet.files import write_whole

Array = NDArray[Any]


@dataclass(frozen=True)
class Made:
    """A file that is complete but not in its place yet.

    Attributes:
        size: in bytes.
        operators: of the file, one a step; empty where the format has none of its own.
        run: from its inputs by name to its outputs, in order.
        result: from an image uint8 (H, W, C) to the task's result, in the client that will run it.
        commit: puts it in its place.
        latency: from its inputs to the median milliseconds of a run on one thread; None where that
            is not measured.
        notes: sentences that whoever exports should read.
    """

    size: int
    operators: tuple[str, ...]
    run: Callable[[dict[str, Array]], list[Array]]
    result: Callable[[Array], Any]
    commit: Callable[[], None]
    latency: Callable[[dict[str, Array]], float] | None = None
    notes: tuple[str, ...] = ()


class Writer(Protocol):
    """Makes one kind of file."""

    #: What people call it.
    kind: str

    @property
    def precisions(self) -> tuple[str, ...]:
        """What it can write."""
        ...

    def check_path(self, path: Path) -> None:
        """Raises UsageError where no such file can be written; says why."""
        ...

    def making(
        self, source: Source, path: Path, photos: Iterable[Array] | None
    ) -> AbstractContextManager[Made]:
        """Make the file beside its place; it is gone at the end unless it was committed.

        Args:
            photos: uint8 (H, W, C) to measure values with, for int8.

        Raises:
            UsageError: if the network cannot be converted, or the file not be written.
        """
        ...


def check_path(path: str | os.PathLike[str], folder: bool = False) -> None:
    """Raises UsageError where no file (or folder) can be written; says why."""
    target = Path(path)
    if target.is_dir() and not folder:
        raise UsageError(f"{path} is a folder; name a file, such as {target / 'model.tflite'}.")
    above = next(parent for parent in target.absolute().parents if parent.exists())
    if not os.access(above, os.W_OK):
        raise UsageError(f"{above} cannot be written to; choose another place for {target.name}.")


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write the file whole; an older one stays if that fails.

    Raises:
        UsageError: where it cannot be written; says why.
    """
    check_path(path)
    try:
        write_whole(path, content)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror or error}); nothing was changed there. "
            "Choose another place or make room."
        ) from error
