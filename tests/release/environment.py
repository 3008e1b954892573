"""Environments and commands of a release check: each command's output is kept as a file."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path("maskdet/page/built")
# What would let an environment see this checkout, or hide what a fresh one would print.
_HIDDEN = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "PYTHONWARNINGS")


class Fault(Exception):
    """Why this checkout cannot be released: one sentence that says what to do."""


@dataclass(frozen=True)
class Runner:
    """Runs commands and keeps what they print.

    Attributes:
        logs: folder; a command's output is ``NAME.log`` in it.
    """

    logs: Path

    def run(self, name: str, command: list[str | Path], folder: Path, **variables: str) -> str:
        """Output of a command, stdout and stderr together.

        Args:
            name: of the log.
            command: program and arguments.
            folder: where it runs.
            variables: of the environment, besides the usual ones.

        Raises:
            Fault: if it ends with another status than 0, with its last line.
        """
        usual = {key: value for key, value in os.environ.items() if key not in _HIDDEN}
        log = self.logs / f"{name}.log"
        with log.open("wb") as file:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**usual, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
            )
        text = log.read_text(encoding="utf-8", errors="replace")
        if done.returncode:
            last = next((line for line in reversed(text.splitlines()) if line.strip()), "nothing")
            raise Fault(
                f"'{name}' ended with status {done.returncode} and said last: {last.strip()}; read "
                f"{log} and mend it."
            )
        return text

    def environment(self, folder: Path, *packages: str) -> Path:
        """The Python of a new virtual environment with the newest pip and these packages."""
        self.run(f"venv_{folder.name}", [sys.executable, "-m", "venv", folder], folder.parent)
        python = folder / "bin" / "python"
        wanted = ["pip", *packages]
        command: list[str | Path] = [python, "-m", "pip", "install", "--upgrade", *wanted]
        self.run(f"pip_{folder.name}", command, folder)
        return python


def copy_checkout(target: Path) -> list[str]:
    """Copy what a commit of this checkout would hold, and the page's programs if they are built.

    A folder of its own: setuptools takes into a wheel what an earlier build has left in ``build/``.

    Returns:
        The copied paths, from the root, without the page's programs.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    # Without what is deleted but not committed yet, and a link to programs built elsewhere.
    names = [n for n in listed.split("\0") if (ROOT / n).is_file()]
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    if (ROOT / BUILT).is_dir():
        shutil.copytree(ROOT / BUILT, target / BUILT)
    return names
