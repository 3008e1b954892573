"""What a probe finds, how much it matters and what mends it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a diagnosis matters."""

    OK = "ok"
    #: Lacks for something that not everybody does.
    OPTIONAL = "optional"
    #: Lacks for what this installation is for.
    MISSING = "missing"


@dataclass(frozen=True)
class Diagnosis:
    """One thing that a probe looked at.

    Attributes:
        topic: under which heading it stands, one of TOPICS.
        name: of the thing, for programs.
        text: what there is, without a point at its end.
        severity: how much it matters.
        remedy: a command or what else to do; "" where nothing is to be done.
        facts: figures for programs, plain values.
    """

    topic: str
    name: str
    text: str
    severity: Severity = Severity.OK
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "topic": self.topic,
            "name": self.name,
            "severity": str(self.severity),
            "text": self.text,
            "remedy": self.remedy,
            **self.facts,
        }


#: The headings, in the order in which they are shown.
TOPICS = ("machine", "packages", "backend", "LiteRT", "weights", "page")


def missing(diagnoses: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Those that keep this installation from its work."""
    return [diagnosis for diagnosis in diagnoses if diagnosis.severity is Severity.MISSING]
