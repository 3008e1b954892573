"""What a check found: as objects, as text for the terminal, as JSON."""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from maskdet.data.check.contents import MARKS
from maskdet.data.check.finding import SEVERITIES, Finding
from maskdet.data.dataset import Dataset
from maskdet.files import write_whole

# Findings of one kind that the text names; the rest are counted.
SHOWN = 5


@dataclass
class CheckReport:
    """What :func:`maskdet.data.check.check` gives.

    Attributes:
        name: the data set's path or source.
        counts: images, objects, objects by class and by size, images without objects,
            crowds and objects marked difficult, truncated or occluded, where there are any, ...
        findings: errors first.
        dataset: what could be read; None if nothing.
        repaired: with ``fix=True`` a data set without what could be mended.
    """

    name: str
    counts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    dataset: Dataset | None = None
    repaired: Dataset | None = None

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def of_kind(self, kind: str) -> list[Finding]:
        """Findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    def text(self) -> str:
        """Everything for the terminal: counts, then findings, a few examples of each kind."""
        lines = [f"{self.name}"]
        for name, value in self.counts.items():
            if isinstance(value, dict):
                inner = ", ".join(f"{key} {count}" for key, count in value.items())
                lines.append(f"  {name}: {inner or 'none'}")
            else:
                remark = f" ({MARKS[name]})" if name in MARKS else ""
                lines.append(f"  {name}: {value}{remark}")
        kinds = Counter((f.severity, f.kind) for f in self.findings)
        for severity in SEVERITIES:
            for (level, kind), count in kinds.items():
                if level != severity:
                    continue
                lines.append(f"{severity}: {kind} ({count})")
                examples = self.of_kind(kind)
                lines += [f"    {finding.message}" for finding in examples[:SHOWN]]
                if count > SHOWN:
                    lines.append(f"    ... and {count - SHOWN} more")
        if not self.findings:
            lines.append("nothing to complain about")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Name, counts and findings as plain values."""
        return {
            "name": self.name,
            "sound": self.sound,
            "counts": self.counts,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def draw(self, path: str | os.PathLike[str], config: Any = None) -> None:
        """Draw the set on one page: classes, box sizes, odd photos; anchors too, given a Config."""
        # Drawing needs reports; reports do without it until somebody asks for the page.
        from maskdet.data.check.picture import draw_report

        draw_report(self, path, config)

    def save_json(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_dict`, whole."""
        write_whole(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False))
