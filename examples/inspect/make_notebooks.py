"""Turns the inspections into notebooks: `# %%` cells become cells of an .ipynb beside them.

Run:  python examples/inspect/make_notebooks.py [--check]
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MARK = "# %%"


def cells_of(script: str) -> list[dict[str, Any]]:
    """The cells of a percent-script, as nbformat 4 has them.

    What stands before the first mark is a cell of its own, unless it is blank.
    """
    parts: list[tuple[str, list[str]]] = [("code", [])]
    for line in script.splitlines():
        if line == MARK or line.startswith(MARK + " "):
            parts.append(("markdown" if "[markdown]" in line else "code", []))
        else:
            parts[-1][1].append(line)
    cells: list[dict[str, Any]] = []
    for kind, lines in parts:
        if kind == "markdown":
            lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        text = "\n".join(lines).strip("\n")
        if not text:
            continue
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": {}}
        if kind == "code":
            cell.update(execution_count=None, outputs=[])
        cells.append({**cell, "source": text.splitlines(keepends=True)})
    return cells


def notebook(script: str) -> str:
    """A percent-script as the text of an .ipynb file."""
    content = {
        "cells": cells_of(script),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a notebook is out of date"
    )
    args = parser.parse_args()
    stale = 0
    for script in sorted(HERE.glob("inspect_*.py")):
        target = script.with_suffix(".ipynb")
        text = notebook(script.read_text(encoding="utf-8"))
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if args.check:
            print(f"{target.name} is out of date; run {Path(__file__).name}")
        else:
            target.write_text(text, encoding="utf-8")
            print(target)
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
