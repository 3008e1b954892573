"""What a page of the documentation tells its reader to run, read off its Markdown."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "examples/raspberry_pi/README.md",
]
# Their steps are the cells of their notebooks, which tests/docs/test_course.py runs.
COURSE_PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "course").glob("*.md")
)

_FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(?P<text>python -m maskdet[^`]*|maskdet [a-z][^`]*)`")


@dataclass(frozen=True)
class Step:
    """A statement of Python or a line for a shell, where it stands, and its text.

    Attributes:
        page: path from the repository's root.
        line: in that page, from 1.
        language: "python" or "shell".
        text: as it stands in the page; of a command, without its remark.
    """

    page: str
    line: int
    language: str
    text: str


def steps_of(page: str, text: str | None = None) -> list[Step]:
    """Everything that a page shows as code, from top to bottom.

    Python blocks are given statement by statement, blocks without a language line by line, and of
    the code within sentences what begins with ``python -m maskdet`` or ``maskdet``. Blocks of
    "text" are there to be read.

    Args:
        page: path from the repository's root.
        text: its content, if not that of the file.

    Raises:
        ValueError: for a block in another language; SyntaxError: for Python that is none.
    """
    content = (ROOT / page).read_text(encoding="utf-8") if text is None else text
    steps: list[Step] = []
    for block in _FENCE.finditer(content):
        line = content.count("\n", 0, block.start()) + 2
        language = block["language"].strip()
        if language == "python":
            steps += _statements(page, line, block["text"])
        elif not language:
            steps += _commands(page, line, block["text"])
        elif language not in ("{toctree}", "{eval-rst}", "text"):  # Sphinx builds these
            raise ValueError(f"{page}, line {line - 1}: what is a block of {language!r}?")
    prose = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), content)
    for span in _INLINE.finditer(prose):
        line = prose.count("\n", 0, span.start()) + 1
        steps.append(Step(page, line, "shell", " ".join(span["text"].split())))
    return sorted(steps, key=lambda step: step.line)


def _statements(page: str, line: int, text: str) -> Iterator[Step]:
    # Empty lines in front, so that a traceback names the page's own line.
    for node in ast.parse("\n" * (line - 1) + text, filename=page).body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        lines = text.splitlines()[first - line : (node.end_lineno or first) - line + 1]
        yield Step(page, first, "python", "\n".join(lines))


def _commands(page: str, line: int, text: str) -> Iterator[Step]:
    for number, command in enumerate(text.splitlines(), start=line):
        command = re.split(r"\s+#\s", command)[0].strip()
        if command:
            yield Step(page, number, "shell", command)
