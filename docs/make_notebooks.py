"""Turns percent-scripts into notebooks and pages: the inspections' and the course's.

A script has cells that begin with ``# %%``, of text where ``# %% [markdown]`` stands. Beside each
script a notebook is made, .ipynb; beside each lesson of the course a page too, .md, without the
cells marked ``# %% notebook only``.

python docs/make_notebooks.py [--check]
"""

import argparse
import ast
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskdet.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
INSPECTIONS = "examples/inspect/inspect_*.py"
LESSONS = "docs/course/lesson_*.py"
MARK = "# %%"
_NOTEBOOK_ONLY = "notebook only"


@dataclass(frozen=True)
class Cell:
    """A cell of a percent-script.

    Attributes:
        kind: "markdown" or "code".
        text: without the mark, and of text without the signs of a comment.
        on_page: whether a page has it too.
    """

    kind: str
    text: str
    on_page: bool = True


def cells_of(script: str) -> list[Cell]:
    """The cells of a percent-script; empty ones are none.

    What stands before the first mark is a cell of its own, unless it is blank.
    """
    parts: list[tuple[str, list[str]]] = [(MARK, [])]
    for line in script.splitlines():
        if line == MARK or line.startswith(MARK + " "):
            parts.append((line, []))
        else:
            parts[-1][1].append(line)
    cells = []
    for mark, lines in parts:
        kind = "markdown" if "[markdown]" in mark else "code"
        if kind == "markdown":
            lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        text = "\n".join(lines).strip("\n")
        if text:
            cells.append(Cell(kind, text, _NOTEBOOK_ONLY not in mark))
    return cells


def notebook(script: str) -> str:
    """A percent-script as the text of an .ipynb file, nbformat 4, without outputs."""
    cells: list[dict[str, Any]] = []
    for number, cell in enumerate(cells_of(script)):
        entry: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": f"cell-{number}",
            "metadata": {},
        }
        if cell.kind == "code":
            entry.update(execution_count=None, outputs=[])
        cells.append({**entry, "source": cell.text.splitlines(keepends=True)})
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def commands_in(code: str) -> list[str]:
    """The commands of a cell that does nothing but ``run("...")``; empty for any other cell."""
    commands = []
    for statement in ast.parse(code).body:
        match statement:
            case ast.Expr(ast.Call(ast.Name("run"), [ast.Constant(str() as command)], [])):
                commands.append(command)
            case _:
                return []
    return commands


def page(script: str, name: str) -> str:
    """A lesson as a page: commands as they are typed in a terminal, other code as Python.

    Args:
        name: of the lesson's files, without an ending; the page links to its notebook.
    """
    blocks = []
    for cell in cells_of(script):
        if not cell.on_page:
            continue
        if cell.kind == "markdown":
            blocks.append(cell.text)
            continue
        commands = commands_in(cell.text)
        language, text = ("", "\n".join(commands)) if commands else ("python", cell.text)
        blocks.append(f"```{language}\n{text}\n```")
    remark = (
        f"*To try it out, open this page as a notebook: [{name}.ipynb]({name}.ipynb), with "
        "[course.py](course.py) beside it.*"
    )
    title, *rest = "\n\n".join(blocks).split("\n\n", 1)
    return "\n\n".join([title, remark, *rest]) + "\n"


def made_files(root: Path = ROOT) -> dict[Path, str]:
    """The text of every file that is made, by its path."""
    files = {}
    for pattern in (INSPECTIONS, LESSONS):
        for script in sorted(root.glob(pattern)):
            text = script.read_text(encoding="utf-8")
            files[script.with_suffix(".ipynb")] = notebook(text)
            if pattern == LESSONS:
                files[script.with_suffix(".md")] = page(text, script.stem)
    return files


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is out of date"
    )
    args = parser.parse_args(arguments)
    stale = 0
    for path, text in made_files(root).items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        name = path.relative_to(root)
        if args.check:
            print(f"{name} is out of date; run python docs/make_notebooks.py")
        else:
            write_whole(path, text)
            print(name)
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
