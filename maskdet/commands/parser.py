"""The parser of the command line: near misses are named, and help shows worked examples."""

import argparse
import difflib
import re
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

    _words: Sequence[str] = ()

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            part = getattr(known, "parser", self)
            part.error(part._not_known(unknown))
        return known

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._words = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def _not_known(self, unknown: Sequence[str]) -> str:
        near = ""
        for word in unknown:
            near = near or _near(word.partition("=")[0], _options(self))
        return f"{unknown[0]} is not known here{near}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = [str(choice) for choice in action.choices or ()]
        if action.choices is None or value in action.choices:
            return
        is_command = isinstance(action, argparse._SubParsersAction)
        kind = "command" if is_command else "choice"
        near = _near(str(value), choices)
        raise argparse.ArgumentError(
            None if is_command else action,
            f"there is no {kind} {str(value)!r}{near or '; use ' + ', '.join(choices)}",
        )

    def format_help(self) -> str:
        # The description is filled here: the examples below must stay as they are.
        usual = self.description
        self.description = textwrap.fill(usual or "", _width())
        try:
            return super().format_help()
        finally:
            self.description = usual

    def error(self, message: str) -> NoReturn:
        # A misspelt option is worth more than what is required, which it may have been.
        options, words = _options(self), [word.partition("=")[0] for word in self._words]
        unknown = [word for word in words if word.startswith("--") and word not in options]
        if unknown and "required" in message:
            message = self._not_known(unknown)
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
        epilog=f"{_shown(_FIRST_STEPS)}\n\n{textwrap.fill(_END, _width())}",
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
        super().__init__(prog, max_help_position=min(28, _width() // 3), width=_width())

    def _format_usage(self, *arguments: Any) -> str:
        text = super()._format_usage(*arguments)
        if all(len(line) <= self._width for line in text.splitlines()):
            return text
        # The usual way indents by the program's name; what is in brackets stays together.
        line = re.sub(r"\[[^]]*", lambda part: part[0].replace(" ", "\0"), " ".join(text.split()))
        lines = textwrap.wrap(line, self._width, subsequent_indent=" " * 7, break_on_hyphens=False)
        return "\n".join(lines).replace("\0", " ") + "\n\n"

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Any:
        names = "{" + ",".join(map(str, action.choices or ())) + "}"
        if action.metavar is not None or len(names) <= self._width // 2:
            return super()._metavar_formatter(action, default_metavar)
        return lambda count: (default_metavar,) * count

    def _expand_help(self, action: argparse.Action) -> str:
        # Where there is no room for choices beside an option, they stand in its help.
        text, names = super()._expand_help(action), list(map(str, action.choices or ()))
        usual = self._metavar_formatter(action, "")(1)[0]
        return f"{text}; one of {', '.join(names)}" if names and not usual else text


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100) - 1


def _shown(examples: Sequence[tuple[str, str]]) -> str:
    lines = ["examples:"]
    for line, meaning in examples:
        lines += [f"  {line}", *_indented(meaning)]
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    indent = " " * 6
    return textwrap.wrap(text, _width(), initial_indent=indent, subsequent_indent=indent)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _near(word: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
