"""Parts of a YOLO set that are written by several calls: the ``data.yaml`` that knows them all."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from maskdet.data.formats.yaml_file import quoted, read_yaml
from maskdet.errors import DataError, UsageError

_PARTS = ("train", "val", "valid", "test")


def yaml_of_parts(path: Path, names: Sequence[str], split: str) -> str:
    """The text of ``data.yaml`` with one more part; parts that the file at ``path`` names stay.

    Raises:
        UsageError: if other parts are there and their labels number other classes.
    """
    parts = {split: f"images/{split}"}
    if path.is_file():
        try:
            facts = read_yaml(path)
        except DataError:
            facts = {}  # nobody can read it, so nothing is lost
        others = {key: facts[key] for key in _PARTS if key != split and facts.get(key)}
        if others and _listed(facts.get("names")) != list(names):
            raise UsageError(
                f"{path} numbers other classes than the data set that is to be written beside its "
                f"{', '.join(others)}; write it into another folder, or give both the same classes."
            )
        parts |= {key: _entry(value, facts.get("path")) for key, value in others.items()}
    ordered = sorted(parts.items(), key=lambda part: (*_PARTS, part[0]).index(part[0]))
    lines = ["path: .", *(f"{part}: {where}" for part, where in ordered)]
    lines += [f"nc: {len(names)}", "names:"]
    lines += [f"  {number}: {quoted(name)}" for number, name in enumerate(names)]
    return "\n".join(lines) + "\n"


def _entry(value: Any, base: Any) -> str:
    """A part's folder, or list of folders, as YAML, seen from the file's own folder."""
    if isinstance(value, list):
        return f"[{', '.join(_entry(each, base) for each in value)}]"
    entry = (PurePosixPath(str(base or ".")) / str(value)).as_posix()
    return entry if re.fullmatch(r"[\w./-]+", entry) else quoted(entry)


def _listed(names: Any) -> list[str]:
    return [str(name) for name in (names.values() if isinstance(names, dict) else names or [])]
