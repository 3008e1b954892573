"""label_map.pbtxt of the TF Object Detection API: class ids and names in protobuf's text form."""

import os
import re

from maskdet.data.formats.text_file import read_text
from maskdet.errors import DataError
from maskdet.files import write_whole

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<word>[A-Za-z_][\w.]*|-?\d+(?:\.\d+)?)|(?P<sign>[{}:\[\],;])"""
)


def read_label_map(path: str | os.PathLike[str]) -> dict[int, str]:
    """Class names by id, in the file's order; ``display_name`` counts where there is one.

    Raises:
        DataError: if the file cannot be read or is no label map; names the line.
    """
    text = read_text(path)
    items: dict[int, str] = {}
    current: dict[str, str] = {}
    depth, key = 0, ""
    for line, kind, token in _tokens(text, path):
        if token == "{":
            depth, key = depth + 1, ""
            if depth == 1:
                current = {}
        elif token == "}":
            depth -= 1
            if depth == 0:
                number, name = _item(current, f"{path}, line {line}")
                if items.setdefault(number, name) != name:
                    raise DataError(
                        f"{path}, line {line} gives the id {number} to {name!r}, which is "
                        f"{items[number]!r} already; give each class its own id.",
                        kind="broken label map",
                        path=path,
                        line=line,
                    )
            key = ""
        elif kind == "sign":
            continue
        elif key and depth == 1:
            current[key] = token
            key = ""
        else:
            key = token
        if depth < 0:
            raise DataError(
                f"{path}, line {line} closes a brace that was not opened.",
                kind="broken label map",
                path=path,
                line=line,
            )
    if depth or not items:
        raise DataError(
            f"{path} is no label map: {'a brace is open' if depth else 'no item'}.",
            kind="broken label map",
            path=path,
        )
    return items


def _tokens(text: str, path: str | os.PathLike[str]) -> list[tuple[int, str, str]]:
    tokens, position, line = [], 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise DataError(
                f"{path}, line {line} is not understood ({text[position : position + 20]!r}).",
                kind="broken label map",
                path=path,
                line=line,
            )
        kind, token = str(match.lastgroup), match.group()
        if kind == "text":
            body = token[1:-1]
            token = re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), body)
        if kind != "space":
            tokens.append((line, kind, token))
        line += match.group().count("\n")
        position = match.end()
    return tokens


def _item(fields: dict[str, str], location: str) -> tuple[int, str]:
    name = fields.get("display_name") or fields.get("name")
    try:
        number = int(fields["id"])
    except (KeyError, ValueError):
        raise DataError(
            f"The item that ends in {location} has no id; give it one.", kind="broken label map"
        ) from None
    if not name or number < 1:
        raise DataError(
            f"The item that ends in {location} needs a name and an id from 1 on.",
            kind="broken label map",
        )
    return number, name


def write_label_map(path: str | os.PathLike[str], names: dict[int, str]) -> None:
    """Write class names by id."""
    parts = []
    for number, name in names.items():
        text = name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        parts.append(f"item {{\n  id: {number}\n  name: '{text}'\n}}\n")
    write_whole(path, "".join(parts))
