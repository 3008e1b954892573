"""Writes docs/commands.md: every command with its examples and options, from the parser itself.

python docs/make_commands.py
"""

import argparse
from pathlib import Path

from maskdet.commands.parser import build_parser
from maskdet.commands.table import COMMANDS, command
from maskdet.files import write_whole

PAGE = Path(__file__).parent / "commands.md"
_HEAD = """# Commands

`maskdet` and `python -m maskdet` are the same. Every command has `--help` with its examples, and
`--json`, with which the result is the only thing on stdout and all else goes to stderr. The exit
status is 0 when it is done, 1 when the answer is no (`check` found errors, `doctor` something
missing), 2 after a mistake in the call or in the data, which one sentence on stderr describes, and
130 after Ctrl-C. Nothing that is there already is replaced without `--overwrite`.

This page is made by `docs/make_commands.py`.
"""


def page() -> str:
    """The page's text."""
    return "\n".join([_HEAD, *(_section(name) for name in COMMANDS)])


def _section(name: str) -> str:
    module = command(name)
    parser = argparse.ArgumentParser(prog=f"maskdet {name}", add_help=False)
    module.add_arguments(parser)
    text = module.TEXT
    examples = "\n".join(f"{line}\n    {meaning}" for line, meaning in module.EXAMPLES)
    lines = [f"## {name}", "", f"{text[0].upper()}{text[1:]}.", "", f"```text\n{examples}\n```", ""]
    rows = [_row(action) for action in parser._actions if action.help != argparse.SUPPRESS]
    if rows:
        lines += ["| argument | meaning |", "| --- | --- |", *rows, ""]
    return "\n".join(lines)


def _row(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else _value(action)
    if action.option_strings:
        names = ", ".join(f"`{f'{name} {value}'.strip()}`" for name in action.option_strings)
    else:
        names = f"`{value}`"
    text = " ".join((action.help or "").split()) % {
        "default": action.default,
        "prog": "maskdet",
    }
    return f"| {names} | {text} |".replace("\n", " ")


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar:
        return str(action.metavar)
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


if __name__ == "__main__":
    build_parser("maskdet")  # says it where a command's arguments do not fit together
    write_whole(PAGE, page())
    print(f"written: {PAGE}")
