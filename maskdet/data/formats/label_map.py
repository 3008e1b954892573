"""label_map.pbtxt of the TF Object Detection API: class ids and names in protobuf's text form."""

import os

from maskdet.data.formats.text_file import read_text
from maskdet.data.formats.text_proto import Message, parse_text_proto
from maskdet.errors import DataError
from maskdet.files import write_whole


def read_label_map(path: str | os.PathLike[str]) -> dict[int, str]:
    """Class names by id, in the file's order; ``display_name`` counts where there is one.

    Raises:
        DataError: if the file cannot be read or is no label map; names the line.
    """
    items: dict[int, str] = {}
    for field in parse_text_proto(read_text(path), path).fields:
        if not isinstance(field.value, Message):
            continue
        number, name = _item(field.value, path, field.line)
        if items.setdefault(number, name) != name:
            raise _broken(
                path,
                field.line,
                f"gives the id {number} to {name!r}, which is {items[number]!r} already; give "
                "each class its own id",
            )
    if not items:
        raise DataError(f"{path} is no label map: no item.", kind="broken label map", path=path)
    return items


def classes_by_id(names: dict[int, str]) -> list[str]:
    """The classes of a label map in the order of their ids, each once."""
    return list(dict.fromkeys(names[number] for number in sorted(names)))


def _item(message: Message, path: str | os.PathLike[str], line: int) -> tuple[int, str]:
    fields = {field.name: field.value for field in message.fields}
    name = fields.get("display_name") or fields.get("name")
    try:
        number = int(str(fields["id"]))
    except (KeyError, ValueError):
        raise _broken(path, line, "begins an item that has no id; give it one") from None
    if not name or isinstance(name, Message) or number < 1:
        raise _broken(path, line, "begins an item that needs a name and an id from 1 on")
    return number, str(name)


def _broken(path: str | os.PathLike[str], line: int, claim: str) -> DataError:
    return DataError(f"{path}, line {line} {claim}.", kind="broken label map", path=path, line=line)


def write_label_map(path: str | os.PathLike[str], names: dict[int, str]) -> None:
    """Write class names by id."""
    parts = []
    for number, name in names.items():
        text = name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        parts.append(f"item {{\n  id: {number}\n  name: '{text}'\n}}\n")
    write_whole(path, "".join(parts))
