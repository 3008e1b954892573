"""Class names as names of folders, and back: no two classes become one."""

import re

# What some file system forbids in a name.
_FORBIDDEN = re.compile(r"""[/\\:*?"<>|\x00-\x1f]|^\.|[. ]$""")
# A forbidden letter as it is written; each 25 behind the % stands for a % of the name itself.
_WRITTEN = re.compile(r"%(?:25)*(?:2F|5C|3A|2A|3F|22|3C|3E|7C|2E|20|[01][0-9A-F])")


def folder_of_class(name: str) -> str:
    """A folder's name for a class: letters that a file system forbids as %2F and the like."""
    shielded = _WRITTEN.sub(lambda match: "%25" + match[0][1:], name)
    return _FORBIDDEN.sub(lambda match: f"%{ord(match[0]):02X}", shielded)


def class_of_folder(folder: str) -> str:
    """Inverse of :func:`folder_of_class`; other folders' names are given back as they are."""

    def letter(match: re.Match[str]) -> str:
        code = match[0][1:]
        return f"%{code[2:]}" if code.startswith("25") else chr(int(code, 16))

    return _WRITTEN.sub(letter, folder)
