"""Guards: the page of commands says what the commands are."""

import importlib.util

from tests.docs.pages import ROOT


def make_commands():
    """docs/make_commands.py as a module: the folder is no package."""
    path = ROOT / "docs" / "make_commands.py"
    spec = importlib.util.spec_from_file_location("make_commands", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date():
    made = make_commands()
    assert made.page() == made.PAGE.read_text(encoding="utf-8"), "run python docs/make_commands.py"


def test_every_command_is_there_with_its_examples():
    made = make_commands()
    page = made.PAGE.read_text(encoding="utf-8")
    for name in made.COMMANDS:
        assert f"## {name}\n" in page
        for line, meaning in made.command(name).EXAMPLES:
            assert f"{line}\n    {meaning}\n" in page
