"""A folder of annotations that a detector has drafted and a person corrects: whose file is whose.

A hidden list in it holds what was written, a JSON a line, added before each file is written: a
call that was cut leaves no file of ours that the list does not know. A file that the list does not
know, or whose content is another by now, is a person's.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskdet.errors import UsageError
from maskdet.files import write_whole

PathLike = str | os.PathLike[str]
#: The list, in the folder.
LIST_NAME = ".maskdet_labels"


class DraftFolder:
    """Files that are written where nobody else's are harmed.

    Args:
        folder: need not be there; nothing is made before the first file is written.
        format_name: of all annotations in it.

    Raises:
        UsageError: if an earlier call wrote another format there.
    """

    def __init__(self, folder: PathLike, format_name: str) -> None:
        self.folder, self._format = Path(folder), format_name
        # Of each file the hashes of all that we ever wrote there, and the last entry.
        self._hashes: dict[str, set[str]] = {}
        self._last: dict[str, tuple[str, str]] = {}
        self._links: set[str] = set()
        self._has_head = False
        for entry in read_lines(self.folder / LIST_NAME):
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        if "format" in entry:
            self._has_head = True
            if entry["format"] != self._format:
                raise UsageError(
                    f"{self.folder} holds annotations in the format {entry['format']} of an "
                    f"earlier call; name another folder for {self._format} with --out."
                )
        elif "link" in entry:
            self._links.add(str(entry["link"]))
        elif {"file", "sha256", "origin"} <= set(entry):
            name, content = str(entry["file"]), str(entry["sha256"])
            self._hashes.setdefault(name, set()).add(content)
            self._last[name] = content, str(entry["origin"])

    def _note(self, **entry: str) -> None:
        """Add to the list, on disk before anything else happens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entries = [entry] if self._has_head else [{"format": self._format}, entry]
        append_lines(self.folder / LIST_NAME, entries)
        for taken in entries:
            self._take(taken)

    def is_taken(self, name: str) -> bool:
        """Whether a file is a person's: it is there, and not as we wrote it."""
        content = self._content(name)
        return content is not None and content not in self._hashes.get(name, ())

    def is_present(self, name: str, origin: str) -> bool:
        """Whether a file is there as we wrote it last, from what ``origin`` stands for."""
        return name in self._last and self._last[name] == (self._content(name), origin)

    def is_draft(self, name: str) -> bool:
        """Whether a file is there as we wrote it."""
        content = self._content(name)
        return content is not None and content in self._hashes.get(name, ())

    def _content(self, name: str) -> str | None:
        """The hash of a file; None where there is none, "" where nobody knows it anyway."""
        path = self.folder / name
        if not os.path.lexists(path):
            return None
        # A link is not ours: what is written goes into files.
        if path.is_symlink() or name not in self._hashes:
            return ""
        try:
            return _hash(path.read_bytes())
        except OSError:
            return ""

    def write(self, name: str, content: str, origin: str | None = None) -> bool:
        """Write a file whole, unless it is a person's or says the same already.

        Args:
            origin: stands for what it was made from; None: for its content.

        Returns:
            Whether it was written.
        """
        data = content.encode("utf-8")
        origin = _hash(data) if origin is None else origin
        if self.is_taken(name) or self.is_present(name, origin):
            return False
        says_the_same = self._content(name) == _hash(data)
        self._note(file=name, sha256=_hash(data), origin=origin)
        if not says_the_same:
            write_whole(self.folder / name, data)
        return not says_the_same

    def link(self, name: str, photo: Path) -> None:
        """A link to a photo beside its annotation; a copy where the system gives no links.

        What is there already stays, but for a link of ours that leads elsewhere.
        """
        path, target = self.folder / name, os.path.realpath(photo)
        if os.path.lexists(path):
            is_ours = path.is_symlink() and name in self._links
            if not is_ours or os.path.realpath(path) == target:
                return
        if name not in self._links:
            self._note(link=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            os.symlink(target, path)
        except OSError:
            write_whole(path, Path(target).read_bytes())


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file with one a line; none where there is no file.

    A line that a cut call left half written is passed over.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def append_lines(path: Path, entries: list[dict[str, Any]]) -> None:
    """Add JSON objects to such a file, a line each."""
    # The line's end in front, in case a cut call has left half a line.
    text = "".join(f"\n{json.dumps(entry)}" for entry in entries)
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
