"""How long each stage of a network takes and what it computes: rows, their table, their JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from maskdet.errors import UsageError
from maskdet.json_text import json_text

#: Rounds that a profile takes by default.
ROUNDS = 7
#: What lies before the network, and behind it.
PLACE, DECODE, PASTE = "place", "decode", "paste"
#: The whole way, among the calls that are timed.
WHOLE = "whole"


@dataclass(frozen=True)
class ProfileStage:
    """A part of inference that is timed on its own.

    Attributes:
        name: as tables show it.
        layers: regular expression (re.search) of the names of the layers that it begins with or
            consists of; what follows them without a name of its own belongs to it too. Empty in
            the first stage, which has all that lies before the second.
        geometry: whether it moves boxes and cuts maps out, and learns nothing.
    """

    name: str
    layers: str = ""
    geometry: bool = False


def assigned_stages(
    stages: Sequence[ProfileStage], names: Sequence[str], makers: Sequence[Sequence[int]]
) -> list[int]:
    """The stage of each step of a graph, as a position in ``stages``.

    A step is in the stage whose pattern its name fits, but never before a step whose result it
    needs: so a graph can be cut between any two stages.

    Args:
        stages: in the order in which they run.
        names: of the steps, in an order in which they can run.
        makers: for each step those before it whose results it takes.
    """
    patterns = [re.compile(stage.layers) for stage in stages[1:]]
    found: list[int] = []
    for name, needed in zip(names, makers, strict=True):
        own = next((i for i, p in enumerate(patterns, start=1) if p.search(name)), 0)
        found.append(max([own, *(found[step] for step in needed)]))
    return found


@dataclass(frozen=True)
class Work:
    """What a stage computes and moves.

    Attributes:
        flops: two for each multiply-add of convolutions and dense layers; the rest is not counted.
        weight_bytes: of its weights, each once.
        activation_bytes: what its layers read and write beside them.
    """

    flops: int = 0
    weight_bytes: int = 0
    activation_bytes: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.flops + other.flops,
            self.weight_bytes + other.weight_bytes,
            self.activation_bytes + other.activation_bytes,
        )

    @property
    def bytes(self) -> int:
        """All that is moved."""
        return self.weight_bytes + self.activation_bytes


@dataclass(frozen=True)
class ProfileRow:
    """One stage's time and work.

    Attributes:
        stage: its name.
        milliseconds: median.
        work: None outside of the network.
        geometry: see ``ProfileStage``.
    """

    stage: str
    milliseconds: float
    work: Work | None = None
    geometry: bool = False

    @property
    def gflops_per_second(self) -> float | None:
        """10^9 operations a second; None where none are counted, or no time was measured."""
        return self._rate(self.work.flops) if self.work else None

    @property
    def gigabytes_per_second(self) -> float | None:
        """10^9 bytes a second; None outside of the network."""
        return self._rate(self.work.bytes) if self.work else None

    def _rate(self, amount: int) -> float | None:
        return amount / self.milliseconds / 1e6 if amount and self.milliseconds > 0 else None


@dataclass(frozen=True)
class Profile:
    """Where the time of one photo goes; ``print`` shows it as a table.

    Attributes:
        subject: what was measured.
        rows: in the order in which they run: place, the network's stages, decode, paste.
        whole: median milliseconds from a photo to its result, measured on its own.
        rounds: that each median is of.
        objects: in the result; None where results are no lists.
    """

    subject: str
    rows: tuple[ProfileRow, ...]
    whole: float
    rounds: int
    objects: int | None = None

    @property
    def summed(self) -> float:
        """Milliseconds of all rows together; near ``whole`` where the machine was quiet."""
        return sum(row.milliseconds for row in self.rows)

    @property
    def work(self) -> Work:
        """All that the network computes and moves."""
        return sum((row.work for row in self.rows if row.work), Work())

    @property
    def share_around(self) -> float:
        """Share of the rows' time that is not the network's."""
        return self._share(row for row in self.rows if row.work is None)

    @property
    def share_of_geometry(self) -> float:
        """Share of the rows' time in those of the network's stages that are geometry."""
        return self._share(row for row in self.rows if row.geometry)

    def _share(self, rows: Any) -> float:
        return sum(row.milliseconds for row in rows) / max(self.summed, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        rows = [
            {
                **asdict(row),
                "gflops_per_second": row.gflops_per_second,
                "gigabytes_per_second": row.gigabytes_per_second,
            }
            for row in self.rows
        ]
        return {
            "subject": self.subject,
            "rounds": self.rounds,
            "objects": self.objects,
            "rows": rows,
            "summed": self.summed,
            "whole": self.whole,
            "share_around": self.share_around,
            "share_of_geometry": self.share_of_geometry,
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json_text(self.to_dict())

    def __str__(self) -> str:
        return "\n".join([self._title(), *_table(self), *self._remarks()])

    def _title(self) -> str:
        objects = "" if self.objects is None else f", {self.objects} objects in the photo"
        return f"{self.subject}{objects}; medians of {self.rounds} rounds, all taking turns"

    def _remarks(self) -> list[str]:
        geometry = [row.stage for row in self.rows if row.geometry]
        inside = (
            f"; geometry inside it ({', '.join(geometry)}): {self.share_of_geometry:.1%}"
            if geometry
            else ""
        )
        around = ", ".join(row.stage for row in self.rows if row.work is None)
        return [
            f"Around the network ({around}): {self.share_around:.1%}{inside}.",
            "FLOP: two a multiply-add of convolutions and dense layers. MB: weights, and what "
            "layers read and write.",
        ]


def _table(profile: Profile) -> list[str]:
    """The lines of a profile's table."""
    large = profile.work.flops >= 1e10
    unit, letter = (1e9, "G") if large else (1e6, "M")
    lines = [("stage", "ms", "share", f"{letter}FLOP", "MB", "GFLOP/s", "GB/s")]
    for row in (*profile.rows, _total(profile)):
        flops = None if row.work is None else row.work.flops / unit
        moved = None if row.work is None else row.work.bytes / 1e6
        lines.append(
            (
                row.stage,
                f"{row.milliseconds:.2f}",
                f"{row.milliseconds / max(profile.whole, 1e-9):.1%}",
                _figure(flops, 2 if large else 1),
                _figure(moved, 1),
                _figure(row.gflops_per_second, 1),
                _figure(row.gigabytes_per_second, 1),
            )
        )
    lines.append(("whole, on its own", f"{profile.whole:.2f}", "100.0%", "", "", "", ""))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [_aligned(line, widths) for line in lines]


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = line
    figures = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *figures]).rstrip()


def _total(profile: Profile) -> ProfileRow:
    return ProfileRow("sum", profile.summed, profile.work)


def _figure(value: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" if value else ""


def rows_of(
    stages: Sequence[tuple[ProfileStage, Work]], times: Mapping[str, float]
) -> tuple[ProfileRow, ...]:
    """Rows in the order in which they run.

    Args:
        stages: the network's, in order, with their work.
        times: milliseconds by the stages' names, by PLACE and DECODE, and by PASTE where there is
            something to paste.
    """
    network = [
        ProfileRow(stage.name, times[stage.name], work, stage.geometry) for stage, work in stages
    ]
    behind = [ProfileRow(name, times[name]) for name in (DECODE, PASTE) if name in times]
    return (ProfileRow(PLACE, times[PLACE]), *network, *behind)


def check_rounds(rounds: int) -> int:
    """The number itself.

    Raises:
        UsageError: if it is below 1.
    """
    if rounds < 1:
        raise UsageError(f"{rounds} rounds give no median; give 1 or more.")
    return rounds
