"""A command that does what a test wants, in this process or in one of its own."""

import os
import sys
import types
from pathlib import Path

import pytest

from maskdet.commands import parser
from maskdet.commands.main import main

ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = """
import sys, types
from maskdet.commands import parser
from maskdet.commands.main import main

def run(args):
    from maskdet.commands.answers import Answer
{body}

module = types.ModuleType("maskdet.commands.tried")
module.TEXT, module.EXAMPLES = "do it", ()
module.add_arguments, module.run = lambda parser: None, run
sys.modules[module.__name__] = module
parser.COMMANDS = ("tried",)
sys.exit(main())
"""


@pytest.fixture
def tried(monkeypatch):
    """Calls ``main`` with a command ``tried`` that runs a function of the arguments."""

    def call(run, *arguments, **attributes):
        module = types.ModuleType("maskdet.commands.tried")
        module.TEXT, module.EXAMPLES = "do it", (("maskdet tried", "it is done"),)
        module.add_arguments, module.run = lambda parser: None, run
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(parser, "COMMANDS", ("tried",))
        return main(["tried", *arguments])

    return call


@pytest.fixture
def script(tmp_path):
    """The path of a program with such a command, whose ``run`` has the given lines."""

    def write(*lines):
        path = tmp_path / "tried.py"
        path.write_text(_SCRIPT.format(body="\n".join(f"    {line}" for line in lines)))
        return path

    return write


@pytest.fixture
def environment():
    """Of a process that imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
