"""A folder that appears whole, and that a later call may replace without touching what is not its.

What was written there is listed in a hidden file, which no reader of data sets looks at.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from maskdet.errors import UsageError
from maskdet.files import write_whole

PathLike = str | os.PathLike[str]
#: Lists the files that were written beside it, a path a line.
LIST_NAME = ".maskdet_written"


@contextlib.contextmanager
def written_folder(path: PathLike) -> Iterator[Path]:
    """A hidden folder to write into; at the end of the block its files move to ``path``.

    Nothing happens at ``path`` if the block raises. What an earlier block has written there goes
    first; files of other origin stay, but those of the same names.

    Raises:
        UsageError: if ``path`` is a file.
    """
    target = Path(os.path.realpath(path))
    if target.is_file():
        raise UsageError(f"{path} is a file, but a folder is to be written there; name another.")
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        yield stage
        names = sorted(file.relative_to(stage).as_posix() for file in _files(stage))
        write_whole(stage / LIST_NAME, "".join(f"{name}\n" for name in names))
        os.chmod(stage, 0o755)  # mkdtemp lets only its owner in
        if target.exists():
            _remove_listed(target)
            _move_into(stage, target)
        else:
            os.rename(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def check_apart(out: PathLike, data: PathLike) -> None:
    """What is written must not lie in the data set, which would be another one then.

    Raises:
        UsageError: if it would, if ``out`` is the data set itself or holds it.
    """
    source, target = Path(os.path.realpath(data)), Path(os.path.realpath(out))
    if target.is_dir() and target != source and source.is_relative_to(target):
        raise UsageError(f"{out} holds {data}; choose a folder beside it, or a new name.")
    if source.is_dir() and target.is_relative_to(source):
        raise UsageError(
            f"{out} lies in {data}, and would be read as part of it from then on; choose a place "
            "outside."
        )


def _files(folder: Path) -> list[Path]:
    """All files below a folder, links to files among them."""
    return [Path(root, name) for root, _, names in os.walk(folder) for name in names]


def _remove_listed(folder: Path) -> None:
    """Remove what the list in a folder names, and the folders that it leaves empty."""
    try:
        names = (folder / LIST_NAME).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for name in names:
        inner = PurePosixPath(name)
        if inner.is_absolute() or ".." in inner.parts:
            continue
        with contextlib.suppress(OSError):
            (folder / inner).unlink()
            for parent in (folder / inner).parents:
                if parent == folder:
                    break
                parent.rmdir()


def _move_into(stage: Path, target: Path) -> None:
    for root, _, names in os.walk(stage):
        place = target / Path(root).relative_to(stage)
        place.mkdir(exist_ok=True)
        # The list last: without it a cut move leaves files that nobody takes for a whole set's.
        for name in sorted(names, key=lambda name: name == LIST_NAME):
            os.replace(Path(root, name), place / name)
