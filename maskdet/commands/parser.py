"""The parser of the command line: near misses are named, and help shows worked examples."""

import argparse
import difflib
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from maskdet.commands.answers import MISTAKE
from maskdet.commands.table import COMMANDS, command
from maskdet.version import __version__

_DESCRIPTION = "Photos and annotations in, a trained detector with masks out."
_FIRST_STEPS = (
    ("maskdet check my_photos", "is my set of photos and LabelImg files sound?"),
    ("maskdet train my_photos", "train on it; weights and a report in trained/my_photos"),
    ("maskdet detect trained/my_photos new_photos", "find its things in new photos"),
    ("maskdet export trained/my_photos mine.tflite", "a file for the Raspberry Pi"),
)
_END = "`maskdet COMMAND --help` shows examples of each."


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one sentence and name what was probably meant."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            near = ""
            options = _options(getattr(known, "parser", self))
            for word in unknown:
                near = near or _near(word.partition("=")[0], options)
            self.error(f"{unknown[0]} is not known here{near}")
        return known

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = [str(choice) for choice in action.choices or ()]
        if action.choices is None or value in action.choices:
            return
        kind = "command" if isinstance(action, argparse._SubParsersAction) else "choice"
        near = _near(str(value), choices)
        raise argparse.ArgumentError(
            action, f"there is no {kind} {str(value)!r}{near or '; use ' + ', '.join(choices)}"
        )

    def format_help(self) -> str:
        # The description is filled here: the examples below must stay as they are.
        usual, width = self.description, min(shutil.get_terminal_size().columns, 100) - 1
        self.description = textwrap.fill(usual or "", width)
        try:
            return super().format_help()
        finally:
            self.description = usual

    def error(self, message: str) -> NoReturn:
        print(f"maskdet: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(MISTAKE)


def build_parser(prog: str | None = None) -> Parser:
    """The parser of all commands.

    Args:
        prog: how the user has called it; None: as this process was.
    """
    parser = Parser(
        prog=prog or called_as(),
        description=_DESCRIPTION,
        epilog=f"{_shown(_FIRST_STEPS)}\n\n{_END}",
        formatter_class=_Format,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"maskdet {__version__}")
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", dest="name", title="commands", parser_class=Parser
    )
    for name in COMMANDS:
        module = command(name)
        text = module.TEXT
        part = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=_shown(module.EXAMPLES),
            formatter_class=_Format,
            allow_abbrev=False,
        )
        part.add_argument(
            "--json", action="store_true", help="print the result as JSON, all else on stderr"
        )
        module.add_arguments(part)
        part.set_defaults(command=module, parser=part)
    return parser


def called_as() -> str:
    """The program's name as its user has typed it."""
    return "maskdet" if Path(sys.argv[0]).stem == "maskdet" else "python -m maskdet"


class _Format(argparse.RawDescriptionHelpFormatter):
    """Help that fits narrow terminals and leaves examples as they are."""

    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size().columns
        super().__init__(prog, max_help_position=min(28, columns // 3), width=min(columns, 100) - 1)


def _shown(examples: Sequence[tuple[str, str]]) -> str:
    lines = ["examples:"]
    for line, meaning in examples:
        lines += [f"  {line}", f"      {meaning}"]
    return "\n".join(lines)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _near(word: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
