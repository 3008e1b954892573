"""What an export says when it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskdet.exporters.verify import Comparison


@dataclass(frozen=True)
class Row:
    """A line of the table that an export prints; ``scores`` are the task's figures by name."""

    name: str
    size: int
    milliseconds: float
    scores: Mapping[str, float]

    def text(self, width: int, figures: Sequence[str]) -> str:
        numbers = [
            f"{self.scores[key]:10.3f}" if key in self.scores else f"{'':>10}" for key in figures
        ]
        size = f"{self.size / 1e6:8.2f} MB" if self.size else f"{'':>11}"
        taken = f"{self.milliseconds:9.1f} ms" if self.milliseconds > 0 else f"{'':>12}"
        return f"{self.name:{width}}{size}{taken}{''.join(numbers)}"


def table(rows: Sequence[Row]) -> str:
    """file / size / latency / figures, a line a row."""
    width = max(len(row.name) for row in rows) + 2
    figures = list(dict.fromkeys(key for row in rows for key in row.scores))
    head = "".join(f"{key:>10}" for key in figures)
    lines = [f"{'file':{width}}{'size':>11}{'one thread':>12}{head}".rstrip()]
    return "\n".join([*lines, *(row.text(width, figures).rstrip() for row in rows)])


@dataclass(frozen=True)
class ExportReport:
    """What was written and how it compares with its network.

    Attributes:
        path: the file.
        size: in bytes.
        operators: of the file, one a step.
        comparison: None where verifying was not wanted.
        rows: of the printed table.
        remark: what else is to be said; None for nothing.
        notes: of the file, sentences.
    """

    path: Path
    size: int
    operators: tuple[str, ...]
    comparison: Comparison | None
    rows: tuple[Row, ...]
    remark: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether network and file were compared on something, and agreed."""
        return self.comparison is not None and self.comparison.compared

    def table(self) -> str:
        """file / size / latency / figures, a line for the network and one for the file."""
        return table(self.rows)
