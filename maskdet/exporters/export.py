"""Export from beginning to end: build, quantise, verify, write, and one table that says it all."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from maskdet.config import Config
from maskdet.data.dataset import Dataset
from maskdet.data.scenes import make_scene
from maskdet.errors import UsageError
from maskdet.exporters import onnx, saved_model, tflite, verify
from maskdet.exporters.contract import (
    ExportOptions,
    facts_json,
)
from maskdet.exporters.flatbuffer import operator_names, read_model
from maskdet.exporters.quantize import NO_IMAGES
from maskdet.family import Family
from maskdet.runtime.model_file import FACTS, LABELS

Array = NDArray[Any]
#: Images that every export is compared on.
COMPARED = 5


@dataclass(frozen=True)
class Trained:
    """What an export starts from: a family, its inference network with trained weights, and facts.

    Attributes:
        class_names: the background first.
        has_masks: whether the network's masks mean anything.
    """

    family: Family
    network: keras.Model
    config: Config
    class_names: Sequence[str]
    has_masks: bool


@dataclass(frozen=True)
class ExportReport:
    """What was written and how it compares with its network.

    Attributes:
        path: the file.
        size: in bytes.
        operators: of the file, one a step.
        comparison: None where verifying was not wanted.
        rows: of the printed table.
    """

    path: Path
    size: int
    operators: tuple[str, ...]
    comparison: verify.Comparison | None
    rows: tuple[verify.Row, ...]

    def table(self) -> str:
        """file / size / latency / AP, a line for the network and one for the file."""
        return verify.table(self.rows)


def export_tflite(
    trained: Trained,
    path: str | os.PathLike[str],
    options: ExportOptions,
    calibration: Dataset | Iterable[Array] | None = None,
    most_images: int = 100,
    dataset: Dataset | None = None,
    check: bool = True,
    progress: bool = True,
) -> ExportReport:
    """Write a .tflite file that agrees with its network, or nothing.

    Args:
        calibration: for int8, photos to measure values with.
        most_images: of them that are used.
        dataset: to compare AP on.
        check: compare file and network on a few photos (and AP, with ``dataset``).

    Raises:
        UsageError: if it cannot be converted or written, or differs beyond the limits.
    """
    # Found out before minutes of work, not after them.
    tflite.check_place(path)
    if options.precision == "int8" and not _any_images(calibration):
        raise UsageError(NO_IMAGES)
    lite = tflite.lite_network(
        trained.family, trained.network, trained.config, trained.has_masks, options
    )
    images = None
    if options.precision == "int8" and calibration is not None:
        images = tflite.calibration_images(calibration, most_images, progress)
    content = tflite.tflite_bytes(
        lite, trained.family, trained.config, trained.class_names, options, images
    )
    comparison, rows = None, []
    if check:
        photos = list(islice(_photos(dataset, calibration), COMPARED))
        run_file = verify.tflite_runner(content)
        comparison = verify.compare(lite, run_file, trained.config, photos)
        verify.check(comparison, options, path)
        rows = _rows(trained, lite, content, options, photos[0], dataset, Path(path), progress)
        verify.check_scores(rows, options, path)
    tflite.write_file(path, content)
    operators = tuple(operator_names(read_model(content)))
    return ExportReport(Path(path), len(content), operators, comparison, tuple(rows))


def _any_images(source: Dataset | Iterable[Array] | None) -> bool:
    if isinstance(source, Dataset):
        return len(source.image_ids) > 0
    return source is not None and (not isinstance(source, list | tuple) or len(source) > 0)


def _photos(*sources: Dataset | Iterable[Array] | None) -> Iterable[Array]:
    """Photos of the first source that has any; else made-up scenes."""
    for source in sources:
        if isinstance(source, Dataset) and len(source.image_ids):
            return (source.load_image(i) for i in source.image_ids)
        if isinstance(source, list | tuple) and len(source):
            return source
    draws = np.random.default_rng(7)
    return (make_scene((480, 640), draws).image for _ in range(COMPARED))


def _rows(
    trained: Trained,
    lite: keras.Model,
    content: bytes,
    options: ExportOptions,
    photo: Array,
    dataset: Dataset | None,
    path: Path,
    progress: bool,
) -> list[verify.Row]:
    """The network's line and the file's."""
    inputs = list(lite.input)
    sample = next(tflite.calibration_samples([photo], trained.config, inputs, True))
    keras_scores, file_scores = {}, {}
    if dataset is not None:
        names = trained.class_names
        runs = verify.keras_detections(lite, trained.config, names, options), _in_runtime(content)
        results = []
        for run, what in zip(runs, ("scoring the network", "scoring the file"), strict=True):
            ids = tqdm(list(dataset.image_ids), what, disable=not progress, unit="photo")
            found = [run(dataset.load_image(i)) for i in ids]
            results.append(verify.average_precision(dataset, found))
        keras_scores, file_scores = results
    return [
        verify.Row(
            "the network in Keras, all threads",
            0,
            verify.keras_latency(lite, trained.config, sample),
            keras_scores,
        ),
        verify.Row(
            f"{path.name}, {options.precision}, {options.profile}",
            len(content),
            verify.latency(content, list(sample.values())),
            file_scores,
        ),
    ]


def _in_runtime(content: bytes) -> Any:
    """The runtime's own detect() of a file that is not written yet."""
    from maskdet.runtime.detector import Detector

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.tflite"
        place.write_bytes(content)
        return Detector(place, min_confidence=0.0).detect


def export_other(
    trained: Trained,
    path: str | os.PathLike[str],
    options: ExportOptions,
    check: bool,
    kind: str,
) -> ExportReport:
    """Write ONNX or a SavedModel that agrees with its network, or nothing.

    Raises:
        UsageError: for another precision than float32, if it cannot be converted or written, or
            differs beyond the limit.
    """
    if options.precision != "float32":
        raise UsageError(f"{kind} is written in float32 only; use .tflite for {options.precision}.")
    tflite.check_place(path, folder=kind == "SavedModel")
    config, names = trained.config, trained.class_names
    lite = tflite.lite_network(trained.family, trained.network, config, trained.has_masks, options)
    facts = facts_json(config, names, "masks" in lite.output, options)
    labels = "".join(f"{name}\n" for name in names[1:])
    comparisons: list[verify.Comparison] = []

    def compare(run: Any) -> None:
        if check:
            photos = islice(_photos(), COMPARED)
            comparisons.append(verify.compare(lite, run, config, photos))
            verify.check(comparisons[0], options, path)

    if kind == "ONNX":
        content = onnx.onnx_bytes(lite, config, facts, labels)
        compare(partial(onnx.run, content))
        tflite.write_file(path, content)
        size = len(content)
    else:
        extras = {FACTS: facts, LABELS: labels}
        saved_model.save(
            lite, config, path, extras, lambda place: compare(partial(saved_model.run, place))
        )
        size = sum(f.stat().st_size for f in Path(path).rglob("*") if f.is_file())
    comparison = comparisons[0] if comparisons else None
    row = verify.Row(f"{Path(path).name}, {kind}", size, float("nan"), {})
    return ExportReport(Path(path), size, (), comparison, (row,))


def export_file(
    trained: Trained,
    path: str | os.PathLike[str],
    options: ExportOptions,
    calibration: Dataset | Iterable[Array] | None = None,
    most_images: int = 100,
    dataset: Dataset | None = None,
    check: bool = True,
    progress: bool = True,
) -> ExportReport:
    """:func:`export_tflite`, or the exporter that the path's ending names.

    Raises:
        UsageError: for another ending.
    """
    ending = Path(path).suffix.lower()
    if ending == ".tflite":
        return export_tflite(
            trained, path, options, calibration, most_images, dataset, check, progress
        )
    if ending in (".onnx", ""):
        kind = "ONNX" if ending else "SavedModel"
        return export_other(trained, path, options, check, kind)
    raise UsageError(
        f"No exporter writes {ending}; use .tflite, .onnx, or a folder's name for a SavedModel."
    )
