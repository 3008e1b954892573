"""What a command gives beside what it prints: facts for programs and an exit status."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Exit statuses: done; done, and the answer is no (``check`` found errors); a mistake in the call
#: or in the data; stopped by the user.
DONE, NEGATIVE, MISTAKE, STOPPED = 0, 1, 2, 130


@dataclass(frozen=True)
class Answer:
    """A command's result.

    Attributes:
        facts: what ``--json`` prints; plain values, paths and arrays.
        status: the exit status.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = DONE


def as_json(facts: Mapping[str, Any], ascii_only: bool = False) -> str:
    """A JSON object on lines of its own; what is no number becomes null, what JSON has no kind for
    its text."""
    return json.dumps(
        _plain(facts), indent=1, ensure_ascii=ascii_only, allow_nan=False, default=str
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
