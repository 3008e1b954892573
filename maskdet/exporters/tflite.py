"""One .tflite file: built-in operations, labels, metadata and our facts inside."""

import contextlib
import io
import os
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters import flatbuffer
from maskdet.exporters.contract import NUMBERED_LABELS
from maskdet.exporters.convert import convert
from maskdet.exporters.copies import concatenate_tiles
from maskdet.exporters.latency import median_milliseconds
from maskdet.exporters.metadata import NAME as METADATA_NAME
from maskdet.exporters.metadata import metadata
from maskdet.exporters.operators import check_operators
from maskdet.exporters.pairs import pair_pixels
from maskdet.exporters.quantize import NO_IMAGES, activation_statistics, quantize
from maskdet.exporters.request import PRECISIONS, ExportRequest
from maskdet.exporters.source import Source, class_labels
from maskdet.exporters.writer import Made, check_path, write_file
from maskdet.quiet import held_chatter
from maskdet.runtime.model_file import FACTS, LABELS

Array = NDArray[Any]
#: A file that is smaller than this share of its weights has lost some.
LEAST_SHARE = 0.9


class TFLiteWriter:
    """See :class:`maskdet.exporters.writer.Writer`."""

    kind = "TFLite"
    precisions = PRECISIONS

    def check_path(self, path: Path) -> None:
        check_path(path)

    @contextlib.contextmanager
    def making(self, source: Source, path: Path, photos: Iterable[Array] | None) -> Iterator[Made]:
        content = tflite_bytes(source, photos)
        yield made_of(content, partial(write_file, path, content))


def made_of(content: bytes, commit: Callable[[], None]) -> Made:
    """A .tflite file's content that ``commit`` puts in its place."""
    return Made(
        size=len(content),
        operators=tuple(flatbuffer.operator_names(flatbuffer.read_model(content))),
        run=file_runner(content),
        result=runtime_results(content),
        commit=commit,
        latency=partial(latency, content),
    )


def tflite_bytes(source: Source, calibration: Iterable[Array] | None = None) -> bytes:
    """The content of a .tflite file.

    Args:
        calibration: for int8, images uint8 (H, W, 3) of any size.

    Raises:
        UsageError: if an operation is not built in, int8 has no images, or the file lost weights.
    """
    request = source.request
    int8 = request.precision == "int8"
    if int8 and calibration is None:
        raise UsageError(NO_IMAGES)
    inputs, outputs = source.inputs, source.outputs
    levels = source.pixels.grey_levels()
    family = source.trained.family
    float_layers = family.float_layers
    # Bytes go straight into the first quantised layer where one scale fits all channels.
    from_bytes = not (int8 and levels)
    content = convert(source, from_bytes, request.precision == "float16")
    if not from_bytes and flatbuffer.reader_matches(
        flatbuffer.read_model(content), 0, float_layers
    ):
        from_bytes, content = True, convert(source, True)
    content = rearranged(content)
    if int8:
        samples = source.samples(calibration or (), from_bytes)
        seen = activation_statistics(content, samples, threads=os.cpu_count() or 1)
        fixed = {}
        if levels and not from_bytes:
            scale, zero = levels
            fixed[inputs[0]] = (-zero * scale, (255 - zero) * scale)
        content = quantize(content, seen, float_layers, fixed, family.dynamic_layers)
    model = flatbuffer.read_model(content)
    flatbuffer.name_ends(model, inputs, [output.name for output in outputs])
    is_float = False
    if int8 and levels and not from_bytes:
        is_float = not flatbuffer.feed_bytes(model, 0, *levels)
    check_operators(model)
    flatbuffer.shorten(model)
    channels = int(source.lite.input[inputs[0]].shape[3])
    name = str(source.trained.config.NAME or "maskdet")
    facts = metadata(name, source.task.description, inputs, outputs, channels, is_float)
    flatbuffer.add_metadata(model, {METADATA_NAME: facts})
    content = flatbuffer.pack_model(model)
    _check_size(content, source.lite, request)
    return with_zip(content, class_labels(source.trained), source.facts)


def rearranged(content: bytes) -> bytes:
    """A float file whose operations are said so that they run faster; its results are the same."""
    model = flatbuffer.read_model(content)
    check_operators(model)
    changes = [change(model) for change in (pair_pixels, concatenate_tiles)]
    return flatbuffer.pack_model(model) if any(changes) else content


def with_zip(content: bytes, labels: Sequence[str], facts: str) -> bytes:
    """The file with a zip behind it: labels first, as old clients read the first entry.

    Args:
        labels: class names without the background.
        facts: JSON for the runtime.
    """
    names = [plain_text(name) for name in labels]
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(LABELS), "".join(f"{name}\n" for name in names))
        numbered = "".join(f"{number} {name}\n" for number, name in enumerate(names))
        archive.writestr(_entry(NUMBERED_LABELS), numbered)
        archive.writestr(_entry(FACTS), facts)
    return file.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed date, so that the same model gives the same bytes.
    return zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))


def plain_text(name: str) -> str:
    """A class name in ASCII, on one line: old clients decode nothing else."""
    letters = unicodedata.normalize("NFKD", name).replace("\u00df", "ss")
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    return " ".join(plain.encode("ascii", "replace").decode().split()) or "unnamed"


def _check_size(content: bytes, lite: keras.Model, request: ExportRequest) -> None:
    bytes_each = {"float32": 4, "float16": 2, "int8": 1}[request.precision]
    # Of batch norms (vectors) two numbers in four disappear into the layers before them.
    weights = sum(int(np.prod(v.shape)) for v in lite.weights if len(v.shape) > 1) * bytes_each
    if len(content) < LEAST_SHARE * weights:
        raise UsageError(
            f"The exported file has {len(content)} bytes for weights of {weights}; some were lost "
            "on the way. Report this with your versions of TensorFlow and Keras."
        )


# ---- running a file that is not written yet ----------------------------------------------------
def _interpreter(content: bytes, threads: int = 1) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with held_chatter():
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


def _feed(interpreter: Any, sample: dict[str, Array]) -> None:
    for detail, value in zip(interpreter.get_input_details(), sample.values(), strict=True):
        interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))


def file_runner(content: bytes) -> Any:
    """A .tflite as a function from its inputs by name to its outputs, on one thread."""
    interpreter = _interpreter(content)

    def run(sample: dict[str, Array]) -> list[Array]:
        _feed(interpreter, sample)
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]

    return run


def runtime_results(content: bytes) -> Any:
    """The runtime's own function from an image to the task's result."""
    from maskdet.runtime.opening import open_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        return open_file(path, min_confidence=0.0).predict


def latency(content: bytes, sample: dict[str, Array], rounds: int = 15) -> float:
    """Median milliseconds of one run on one thread."""
    interpreter = _interpreter(content)
    _feed(interpreter, sample)
    return median_milliseconds(interpreter.invoke, rounds)
