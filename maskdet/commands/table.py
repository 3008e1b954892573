"""The table of commands, in the order in which a user meets them."""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any, Protocol


class Command(Protocol):
    """What a module of a command has. It loads nothing heavy before ``run``.

    Attributes:
        TEXT: what the command does, a sentence without its point.
        EXAMPLES: commands and what each does, for ``--help``.
    """

    TEXT: str
    EXAMPLES: Sequence[tuple[str, str]]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say which arguments there are."""
        ...

    def run(self, args: argparse.Namespace) -> Any:
        """Do it: print for people; give an :class:`maskdet.commands.answers.Answer` or None."""
        ...


#: A new command is a new module and a line here.
COMMANDS = (
    "demo",
    "new",
    "check",
    "preview",
    "split",
    "convert",
    "train",
    "evaluate",
    "detect",
    "label",
    "export",
    "serve",
    "doctor",
    "completion",
)


def command(name: str) -> Any:
    """The module of a command."""
    return importlib.import_module(f"maskdet.commands.{name}")
