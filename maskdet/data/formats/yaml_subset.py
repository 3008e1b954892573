"""The part of YAML that data.yaml files of YOLO sets use, so that no YAML library is needed.

Keys with a scalar, a list (inline or dashed) or a map (inline or indented) of scalars; comments and
quotes. Anything nested deeper is skipped.
"""

import os
import re
from typing import Any

from maskdet.data.formats.text_file import read_text
from maskdet.errors import DataError

_KEY = re.compile(r"^([A-Za-z0-9_. -]+?)\s*:(?:\s+(.*))?$")


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Top-level keys with text, lists of text, or dicts of text by text.

    Raises:
        DataError: if the file cannot be read, or a line cannot be understood; names the line.
    """
    text = read_text(path)
    content: dict[str, Any] = {}
    key = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _without_comment(raw).rstrip()
        if not line.strip() or line.strip() in ("---", "..."):
            continue
        location = f"{path}, line {number}"
        indented = line[0] in " \t"
        if line.lstrip().startswith("- ") and key:
            if not isinstance(content[key], list):
                content[key] = []
            content[key].append(_scalar(line.lstrip()[2:]))
            continue
        match = _KEY.match(line.strip())
        if match is None:
            # A list that goes on over several lines, or text below a key we do not use.
            if key and isinstance(content[key], str) and content[key].startswith(("[", "{")):
                content[key] += " " + line.strip()
                continue
            raise DataError(
                f"{location} is not understood ({line.strip()[:60]!r}); write key: value.",
                kind="broken YAML",
                path=path,
                line=number,
            )
        name, value = match.group(1).strip().strip("'\""), (match.group(2) or "").strip()
        if indented and key:
            if not isinstance(content[key], dict):
                content[key] = {}
            content[key][name] = _scalar(value)
        else:
            key = name
            content[key] = value
    return {name: _value(value, path) for name, value in content.items()}


def _without_comment(line: str) -> str:
    quote = ""
    for position, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and (position == 0 or line[position - 1] in " \t"):
            return line[:position]
    return line


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        inner = text[1:-1]
        return inner.replace("''", "'") if text[0] == "'" else inner.replace('\\"', '"')
    return text


def _value(value: Any, path: str | os.PathLike[str]) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith("[") and value.endswith("]"):
        return [_scalar(part) for part in _split(value[1:-1]) if part.strip()]
    if value.startswith("{") and value.endswith("}"):
        pairs = [part.split(":", 1) for part in _split(value[1:-1]) if ":" in part]
        return {_scalar(name): _scalar(text) for name, text in pairs}
    if value.startswith(("[", "{")):
        raise DataError(
            f"A list in {path} is not closed ({value[:60]!r}); close its bracket.",
            kind="broken YAML",
            path=path,
        )
    return _scalar(value)


def _split(text: str) -> list[str]:
    """At commas outside quotes."""
    parts, quote = [""], ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        if letter == "," and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def quoted(text: str) -> str:
    """Text as a scalar that :func:`read_yaml` and any YAML library read back."""
    return "'" + text.replace("'", "''").replace("\n", " ") + "'"
