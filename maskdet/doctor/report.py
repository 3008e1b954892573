"""All diagnoses together, for people and for programs."""

import shutil
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from maskdet.doctor.backend import (
    ask_backend,
    backend_diagnoses,
    choice_diagnoses,
    chosen_backend,
    nvidia_cards,
)
from maskdet.doctor.diagnosis import TOPICS, Diagnosis, Severity, missing
from maskdet.doctor.litert import ask_interpreter, interpreter_diagnoses
from maskdet.doctor.machine import allowed_cores, machine_diagnoses, usable_cores
from maskdet.doctor.packages import RUNNING, TRAINING, package_diagnoses, role_here
from maskdet.doctor.weights import weight_diagnoses

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
class Examination:
    """What was found.

    Attributes:
        role: what the installation is for, see :func:`maskdet.doctor.packages.role_here`.
        diagnoses: all of them.
    """

    role: str
    diagnoses: Sequence[Diagnosis]

    @property
    def ready(self) -> bool:
        """Whether all is there that the installation is for."""
        return not missing(self.diagnoses)

    def text(self, width: int | None = None) -> str:
        """For people.

        Args:
            width: of lines, in columns; None: the terminal's, 100 at most.
        """
        columns = width or min(shutil.get_terminal_size().columns, 100)
        lines = []
        for topic in TOPICS:
            diagnoses = [diagnosis for diagnosis in self.diagnoses if diagnosis.topic == topic]
            if diagnoses:
                lines += ["", _TITLES[topic]]
                lines += [line for diagnosis in diagnoses for line in _lines(diagnosis, columns)]
        return "\n".join([*lines[1:], "", *textwrap.wrap(self.verdict(), columns)])

    def verdict(self) -> str:
        """What it comes to, in a sentence."""
        count = len(missing(self.diagnoses))
        if not count:
            return f"All is here for {_ENDS[self.role]}."
        things = "1 thing is" if count == 1 else f"{count} things are"
        return f"{things} MISSING for {_ENDS[self.role]}; the lines above say what mends it."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        diagnoses = [diagnosis.to_dict() for diagnosis in self.diagnoses]
        return {"ready": self.ready, "role": self.role, "diagnoses": diagnoses}


def examine() -> Examination:
    """Look at machine and installation; takes as long as the backend takes to load."""
    role, choice = role_here(), chosen_backend()
    with ThreadPoolExecutor() as pool:
        backend, interpreter = pool.submit(ask_backend), pool.submit(ask_interpreter)
        cards = pool.submit(nvidia_cards)
        diagnoses = machine_diagnoses() + package_diagnoses(role, choice.name)
        diagnoses += weight_diagnoses() + page_diagnoses()
        if backend_answer := backend.result():
            diagnoses += choice_diagnoses(choice) + backend_diagnoses(
                backend_answer, choice, cards.result(), usable_cores(), allowed_cores()
            )
        if interpreter_answer := interpreter.result():
            diagnoses += interpreter_diagnoses(interpreter_answer, role == RUNNING)
    return Examination(role, diagnoses)


def page_diagnoses() -> list[Diagnosis]:
    """Whether ``maskdet export WEIGHTS page/`` has what it puts together."""
    try:
        from maskdet.page.folder import missing_programs
    except ImportError:  # without numpy or Pillow, which stands among the packages
        return []
    lacking = missing_programs()
    if not lacking:
        return [Diagnosis("page", "programs", "the page's programs are built")]
    text = f"the page's programs are not built ({', '.join(lacking)}; needed for export to a page)"
    remedy = "make web (in a checkout, with Node.js 20 or newer; a wheel brings them)"
    return [Diagnosis("page", "programs", text, Severity.OPTIONAL, remedy)]


def _lines(diagnosis: Diagnosis, columns: int) -> list[str]:
    mark = (
        f"  {_MARKS[diagnosis.severity]:<8}" if columns >= 60 else f"{_MARKS[diagnosis.severity]} "
    )
    indent = " " * len(mark)
    lines = textwrap.wrap(
        diagnosis.text,
        columns,
        initial_indent=mark,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    if diagnosis.remedy:
        # Commands stay on one line, to be copied.
        lines.append(f"{indent}> {diagnosis.remedy}")
    return lines
