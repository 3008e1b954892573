"""The camera's tools, which live in a Python of their own: where it is, and what runs in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]
#: Names the Python with the camera's tools.
VARIABLE = "MASKDET_IMX500"
REQUIREMENTS = Path(__file__).parent / "imx500_environment.txt"
CHILD = Path(__file__).parent / "imx500_child.py"
CONVERTER = "imxconv-tf"
#: What it writes, which imx500-package takes on a Pi.
PACKAGE = "packerOut.zip"
_CONVERSION_LIMIT = 1800.0
# Lines of a log that are worth reading when something failed.
_TOLD_LINES = 3


def tools_python(environment: Mapping[str, str] = os.environ) -> Path:
    """The Python that the camera's tools are installed in.

    Raises:
        UsageError: if nobody named one, or it or Java is missing; says what to install.
    """
    named = environment.get(VARIABLE)
    if not named:
        raise UsageError(
            "Exporting for the Raspberry Pi AI Camera needs Sony's tools in a Python 3.11 of their "
            "own and Java 17; run: sudo apt install default-jre-headless; python3.11 -m venv "
            f"imx500; imx500/bin/pip install -r {REQUIREMENTS}; "
            f"export {VARIABLE}=$PWD/imx500/bin/python"
        )
    # Not resolved: a virtual environment's python is a link, and its folder says which one it is.
    python = Path(named).absolute()
    if not python.is_file():
        raise UsageError(
            f"{VARIABLE} names {named}, where there is no Python; give the path of the tools' own, "
            "such as imx500/bin/python."
        )
    if not (python.parent / CONVERTER).is_file():
        raise UsageError(
            f"{VARIABLE} names {named}, beside which there is no {CONVERTER}; run: {named} -m pip "
            f"install -r {REQUIREMENTS}"
        )
    if shutil.which("java", path=environment.get("PATH")) is None:
        raise UsageError(
            "The camera's converter needs Java, and there is no java here; run: sudo apt install "
            "default-jre-headless"
        )
    return python


def told(log: str) -> str:
    """What a log's last lines say, as part of a sentence."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # Where Java was when it gave up helps nobody here.
    lines = [line for line in lines if not line.startswith("at ")]
    return " / ".join(lines[-_TOLD_LINES:])[-600:].rstrip(".") or "it said nothing"


def convert(python: Path, folder: Path) -> tuple[Path, str]:
    """Run the camera's converter on ``quantised.keras`` in a folder.

    Args:
        python: of :func:`tools_python`.

    Returns:
        The folder that it writes, with the package and the memory report; and where there is no
        package what it said instead.

    Raises:
        UsageError: if it does not come to an end.
    """
    out = folder / "converted"
    # The input's copy for looking at costs memory that larger networks need.
    command = [str(python.parent / CONVERTER), "-i", "quantised.keras", "-o", out.name]
    try:
        done = subprocess.run(
            [*command, "--no-input-persistency"],
            cwd=folder,
            env=_environment(python),
            capture_output=True,
            text=True,
            timeout=_CONVERSION_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{CONVERTER} had not finished after {_CONVERSION_LIMIT / 60:g} minutes; take a "
            "smaller input or backbone."
        ) from None
    if done.returncode == 0 and (out / PACKAGE).is_file():
        return out, ""
    return out, done.stdout + done.stderr or f"status {done.returncode}"


def _environment(python: Path) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        # Ours, and of no use to another Python with other packages.
        if name not in ("PYTHONPATH", "PYTHONHOME", "KERAS_BACKEND", "VIRTUAL_ENV")
    }
    path = f"{python.parent}{os.pathsep}{environment.get('PATH', '')}"
    return {**environment, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}


class QuantisingProcess:
    """The process that builds, quantises and runs a network; a context that ends it.

    Args:
        python: of :func:`tools_python`.
        folder: with the files that :mod:`maskdet.exporters.imx500_child` reads.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder
        self._log = (folder / "child.log").open("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [python, "-P", CHILD, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=folder,
            env=_environment(python),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def answer(self) -> dict[str, Any]:
        """The next thing that it says.

        Raises:
            UsageError: if it ended instead; says what stands in its log.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            facts: dict[str, Any] = json.loads(line)
            return facts
        self._process.wait()
        self._log.seek(0)
        raise UsageError(
            "The network cannot be quantised for the camera; its tools say: "
            f"{told(self._log.read())}."
        )

    def run(self, image: Array) -> list[Array]:
        """Outputs of the quantised network for an image (1, H, W, C) uint8."""
        assert self._process.stdin is not None
        path = self.folder / "image.npy"
        np.save(path, image)
        print(path, file=self._process.stdin, flush=True)
        self.answer()
        with np.load(path.with_suffix(".npz")) as arrays:
            return [arrays[name] for name in arrays.files]
