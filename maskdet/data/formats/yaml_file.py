"""YAML files of YOLO sets, every scalar as text: a class may be called ``no`` or ``007``."""

import os
from collections.abc import Hashable
from typing import Any

import yaml

from maskdet.data.formats.text_file import read_text
from maskdet.errors import DataError


class _TextLoader(yaml.BaseLoader):
    """Knows text, lists and maps alone: nothing in a file can make or run anything else."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuses a key that stands twice with two values: one of them would be lost."""
        content = super().construct_mapping(node, deep=True)
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if content[key] != self.construct_object(value_node, deep=True):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {str(key)[:60]!r} stands twice", key_node.start_mark
                )
        return content


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Top-level keys with text, or lists or maps of text, however deep; empty for an empty file.

    Raises:
        DataError: if the file cannot be read or is no YAML of keys; names the line.
    """
    text = read_text(path)
    try:
        content = yaml.load(text, Loader=_TextLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        reason = getattr(error, "problem", None) or " ".join(str(error).split())
        raise DataError(
            f"{path}{'' if line is None else f', line {line}'} is not valid YAML ({reason}); "
            "repair it.",
            kind="broken YAML",
            path=path,
            line=line,
        ) from None
    except (RecursionError, ValueError) as error:
        raise DataError(
            f"{path} is not usable YAML ({error}); repair it.", kind="broken YAML", path=path
        ) from None
    if content is None or content == "":
        return {}
    if not isinstance(content, dict):
        raise DataError(
            f"{path} holds no keys; write key: value.", kind="broken YAML", path=path, line=1
        )
    return content


def quoted(text: str) -> str:
    """Text as a scalar on one line that :func:`read_yaml` and any YAML library read back."""
    plain = " ".join(text.splitlines())
    scalar: str = yaml.safe_dump(plain, default_style="'", allow_unicode=True, width=1 << 30)
    return scalar.removesuffix("\n")
