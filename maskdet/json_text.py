"""JSON that every reader takes: what is no finite number becomes null, arrays become lists."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def json_text(facts: Mapping[str, Any], ascii_only: bool = False) -> str:
    """A JSON object on lines of its own, with a line's end behind it; what JSON has no kind for
    becomes its text."""
    text = json.dumps(
        _plain(facts), indent=1, ensure_ascii=ascii_only, allow_nan=False, default=str
    )
    return f"{text}\n"


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
