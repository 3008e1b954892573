"""What the camera's converter says of a network: its memory, and the pixels that it will get."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from maskdet.errors import UsageError
from maskdet.pixels import Pixels

REPORTS, PARAMETERS = "*_MemoryReport.json", "dnnParams.xml"
_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}
# Grey levels that the camera may be off at either end: a backbone's own 0 lies between two levels.
_LEVELS_OFF = 1.5


@dataclass(frozen=True)
class MemoryReport:
    """How much of the sensor's memory a network takes, in bytes.

    Attributes:
        model: its weights.
        runtime: what it computes with.
        used: all of it.
        available: in the sensor.
        fits: whether the converter says that it fits.
        text: the report as the converter wrote it.
    """

    model: int
    runtime: int
    used: int
    available: int
    fits: bool
    text: str

    def sentence(self) -> str:
        """The figures, for people."""
        model, runtime, used, available = (
            f"{size / 2**20:.2f}" for size in (self.model, self.runtime, self.used, self.available)
        )
        fits = "fits into" if self.fits else "does not fit into"
        return (
            f"The network {fits} the AI Camera: weights {model} MB and runtime {runtime} MB make "
            f"{used} of {available} MB."
        )


def read_memory_report(folder: Path) -> MemoryReport | None:
    """The report in the folder that the converter wrote; None where there is none.

    Raises:
        UsageError: if it is not as the converter in imx500_environment.txt writes it.
    """
    paths = sorted(folder.glob(REPORTS))
    return parse_memory_report(paths[0].read_text(encoding="utf-8")) if paths else None


def parse_memory_report(text: str) -> MemoryReport:
    """A report from its text; see :func:`read_memory_report`."""
    try:
        report = json.loads(text)["Memory Report"]
        return MemoryReport(
            model=_bytes(report["Model Memory Physical Size"]),
            runtime=_bytes(report["Runtime Memory Physical Size"]),
            used=_bytes(report["Memory Usage"]),
            available=_bytes(report["Total Memory Available On Chip"]),
            fits=report["Fit In Chip"] is True,
            text=text,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"The converter's memory report cannot be read ({error!r}); install the versions in "
            "maskdet/exporters/imx500_environment.txt."
        ) from error


def _bytes(size: str) -> int:
    """Of "2.06MB" or "0B"."""
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?B)", size)
    if match is None:
        raise ValueError(f"{size!r} is no size")
    return round(float(match[1]) * _UNITS[match[2]])


def input_values(parameters: str) -> tuple[float, float]:
    """What the network gets in the sensor for a black and for a white pixel.

    Args:
        parameters: text of dnnParams.xml.

    Raises:
        UsageError: if it has not one input of bytes.
    """
    try:
        (tensor,) = ElementTree.fromstring(parameters).iter("inputTensor")
        facts: dict[str, Any] = tensor.attrib
        scale, shift = float(facts["scale"]), float(facts["shift"])
        # The sensor's pixels are bytes, or bytes less 128 where the network takes negative numbers.
        black = {"signed": -128, "unsigned": 0}[facts["format"]]
        if int(facts["bitsPerElement"]) != 8:
            raise ValueError(f"{facts['bitsPerElement']} bits a value")
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise UsageError(
            f"{PARAMETERS} of the converter cannot be read ({error!r}); install the versions in "
            "maskdet/exporters/imx500_environment.txt."
        ) from error
    return (black - shift) * scale, (black + 255 - shift) * scale


def check_input(parameters: str, pixels: Pixels) -> None:
    """Raises UsageError where the sensor's pixels would reach the network in another scale than it
    was trained with: calibration photos without dark or bright pixels make that.

    Args:
        parameters: text of dnnParams.xml.
        pixels: as the network wants them, one scale for all channels.
    """
    values = input_values(parameters)
    wanted = [(level - pixels.mean[0]) / pixels.std for level in (0, 255)]
    off = max(abs(a - b) for a, b in zip(values, wanted, strict=True)) * pixels.std
    if off > _LEVELS_OFF:
        raise UsageError(
            f"The camera would give the network {values[0]:.3g} to {values[1]:.3g}, but it was "
            f"trained on {wanted[0]:.3g} to {wanted[1]:.3g}; give calibration photos with black "
            "and white in them."
        )
