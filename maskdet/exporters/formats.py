"""Which writer makes what: by a path's ending, or as somebody says."""

import os
from collections.abc import Sequence
from pathlib import Path

from maskdet.errors import UsageError
from maskdet.exporters.imx500 import IMX500Writer
from maskdet.exporters.onnx import ONNXWriter
from maskdet.exporters.page import PageWriter
from maskdet.exporters.saved_model import SavedModelWriter
from maskdet.exporters.tflite import TFLiteWriter
from maskdet.exporters.writer import Writer

#: What ``format`` may be, and the ending of its files; a folder has none.
ENDINGS = {
    "tflite": ".tflite",
    "onnx": ".onnx",
    "saved_model": "",
    "page": "",
    "imx500": ".imx.zip",
}
#: Of a folder whose format nobody said.
FOLDER_FORMAT = "page"


def format_of(path: str | os.PathLike[str], format: str | None = None) -> str:
    """The format of a path: what was said, else what its ending says; a folder is a page.

    Raises:
        UsageError: for an unknown format or ending, or a path that does not fit its format.
    """
    ending = Path(path).suffix.lower()
    said = next((n for n, own in ENDINGS.items() if own and _ends(path, own)), None)
    if format is None:
        if said:
            return said
        if not ending:
            return FOLDER_FORMAT
        raise UsageError(
            f"No exporter writes {ending}; use .tflite, .onnx, .imx.zip for the AI Camera, or a "
            'folder\'s name: for a page in the browser, or with format="saved_model" for a '
            "SavedModel."
        )
    if format not in ENDINGS:
        raise UsageError(f"format is {format!r}; use one of {', '.join(ENDINGS)}.")
    own = ENDINGS[format]
    if said != (format if own else None):
        wanted = f"end the name in {own}" if own else "name a folder"
        raise UsageError(f"{os.fspath(path)} does not fit format {format!r}; {wanted}.")
    return format


def _ends(path: str | os.PathLike[str], ending: str) -> bool:
    return Path(path).name.lower().endswith(ending)


def writer_of(
    path: str | os.PathLike[str],
    format: str | None = None,
    samples: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
) -> Writer:
    """The writer of a path's format.

    Args:
        format: one of ENDINGS; None goes by the path's ending.
        samples: photos to try, for a page.

    Raises:
        UsageError: for another ending, or samples for what is no page.
    """
    name = format_of(path, format)
    if name == "page":
        return PageWriter(samples)
    if samples:
        raise UsageError(f"Only a page has samples; leave them out for {os.fspath(path)}.")
    writers: dict[str, Writer] = {
        "tflite": TFLiteWriter(),
        "onnx": ONNXWriter(),
        "imx500": IMX500Writer(),
        "saved_model": SavedModelWriter(),
    }
    return writers[name]
