"""All findings together, for people and for programs."""

import shutil
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from maskdet.doctor.backend import (
    ask_backend,
    backend_findings,
    choice_findings,
    chosen_backend,
    nvidia_cards,
)
from maskdet.doctor.findings import TOPICS, Finding, Severity, missing
from maskdet.doctor.litert import ask_interpreter, interpreter_findings
from maskdet.doctor.machine import allowed_cores, machine_findings, usable_cores
from maskdet.doctor.packages import RUNNING, TRAINING, package_findings, role_here
from maskdet.doctor.weights import weight_findings

_TITLES = {
    "machine": "This machine",
    "packages": "Packages",
    "backend": "Keras' backend",
    "LiteRT": "Exported files",
    "weights": "Published weights",
    "page": "Pages for the browser",
}
_MARKS = {Severity.OK: "ok", Severity.OPTIONAL: "-", Severity.MISSING: "MISSING"}
_ENDS = {
    TRAINING: "training and detecting",
    RUNNING: "running exported files (training needs pip install 'maskdet[train]')",
}


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        role: what the installation is for, see :func:`maskdet.doctor.packages.role_here`.
        findings: all of them.
    """

    role: str
    findings: Sequence[Finding]

    @property
    def ready(self) -> bool:
        """Whether all is there that the installation is for."""
        return not missing(self.findings)

    def text(self, width: int | None = None) -> str:
        """For people.

        Args:
            width: of lines, in columns; None: the terminal's, 100 at most.
        """
        columns = width or min(shutil.get_terminal_size().columns, 100)
        lines = []
        for topic in TOPICS:
            findings = [finding for finding in self.findings if finding.topic == topic]
            if findings:
                lines += ["", _TITLES[topic]]
                lines += [line for finding in findings for line in _lines(finding, columns)]
        return "\n".join([*lines[1:], "", *textwrap.wrap(self.verdict(), columns)])

    def verdict(self) -> str:
        """What it comes to, in a sentence."""
        count = len(missing(self.findings))
        if not count:
            return f"All is here for {_ENDS[self.role]}."
        things = "1 thing is" if count == 1 else f"{count} things are"
        return f"{things} MISSING for {_ENDS[self.role]}; the lines above say what mends it."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        findings = [finding.to_dict() for finding in self.findings]
        return {"ready": self.ready, "role": self.role, "findings": findings}


def examine() -> Report:
    """Look at machine and installation; takes as long as the backend takes to load."""
    role, choice = role_here(), chosen_backend()
    with ThreadPoolExecutor() as pool:
        backend, interpreter = pool.submit(ask_backend), pool.submit(ask_interpreter)
        cards = pool.submit(nvidia_cards)
        findings = machine_findings() + package_findings(role, choice.name)
        findings += weight_findings() + page_findings()
        if backend_answer := backend.result():
            findings += choice_findings(choice) + backend_findings(
                backend_answer, choice, cards.result(), usable_cores(), allowed_cores()
            )
        if interpreter_answer := interpreter.result():
            findings += interpreter_findings(interpreter_answer, role == RUNNING)
    return Report(role, findings)


def page_findings() -> list[Finding]:
    """Whether ``maskdet export WEIGHTS page/`` has what it puts together."""
    try:
        from maskdet.page.folder import missing_programs
    except ImportError:  # without numpy or Pillow, which stands among the packages
        return []
    lacking = missing_programs()
    if not lacking:
        return [Finding("page", "programs", "the page's programs are built")]
    text = f"the page's programs are not built ({', '.join(lacking)}; needed for export to a page)"
    remedy = "make web (in a checkout, with Node.js 20 or newer; a wheel brings them)"
    return [Finding("page", "programs", text, Severity.OPTIONAL, remedy)]


def _lines(finding: Finding, columns: int) -> list[str]:
    mark = f"  {_MARKS[finding.severity]:<8}" if columns >= 60 else f"{_MARKS[finding.severity]} "
    indent = " " * len(mark)
    lines = textwrap.wrap(
        finding.text,
        columns,
        initial_indent=mark,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    if finding.remedy:
        # Commands stay on one line, to be copied.
        lines.append(f"{indent}> {finding.remedy}")
    return lines
