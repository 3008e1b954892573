"""Export from beginning to end: build, make, verify, write, and one table that says it all."""

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.exporters.formats import writer_of
from maskdet.exporters.latency import median_milliseconds
from maskdet.exporters.photos import Photos, any_photos, calibration_images, compared_photos
from maskdet.exporters.quantize import NO_IMAGES
from maskdet.exporters.report import ExportReport, Row
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.source import Source
from maskdet.exporters.verify import Comparison, check, check_scores, compare
from maskdet.exporters.writer import Made, Writer
from maskdet.inference.detect import detect
from maskdet.progress import progress_bar
from maskdet.trained import Trained

Array = NDArray[Any]
#: Photos that network and file are compared on.
COMPARED = 16


def export(
    trained: Trained,
    path: str | os.PathLike[str],
    request: ExportRequest,
    calibration: Photos | None = None,
    dataset: Dataset | None = None,
    *,
    writer: Writer | None = None,
    most_images: int = 100,
    verify: bool = True,
    progress: bool = True,
) -> ExportReport:
    """Write a file that agrees with its network, or nothing; the network stays as it is.

    Args:
        trained: with an inference network.
        path: its ending says what is written.
        request: what the file is to be.
        calibration: for int8, photos to measure values with.
        dataset: to compare results on, and to score network and file.
        writer: of the file; by default the one that :func:`writer_of` gives.
        most_images: of ``calibration`` that are used.
        verify: compare network and file first.
        progress: show bars and print the table.

    Raises:
        UsageError: if it cannot be converted or written, differs beyond the limits, or there is
            nothing to compare in the photos given.
    """
    target, writer = Path(path), writer or writer_of(path)
    # Found out before minutes of work, not after them.
    if request.precision not in writer.precisions:
        raise UsageError(
            f"{writer.kind} is written in {' and '.join(writer.precisions)} only; use .tflite for "
            f"{request.precision}."
        )
    writer.check_path(target)
    if dataset is not None:
        trained.family.task.check_dataset(dataset, trained.config)
    int8 = request.precision == "int8"
    if int8 and not any_photos(calibration):
        raise UsageError(NO_IMAGES)
    source = Source(_exact(trained), request)
    photos = (
        calibration_images(calibration, most_images, progress) if int8 and calibration else None
    )
    with writer.making(source, target, photos) as made:
        comparison, rows, remark = None, [], None
        if verify:
            source = reporting(source)
            comparison, remark = _verified(
                source,
                made,
                dataset,
                calibration,
                most_images if int8 else 0,
                target,
                writer.precisions,
            )
            rows = _rows(source, made, writer, dataset, target, progress)
        made.commit()
    if remark:
        warnings.warn(remark, MaskdetWarning, stacklevel=3)
    report = ExportReport(
        target, made.size, made.operators, comparison, tuple(rows), remark, made.notes
    )
    if progress and report.rows:
        print(report.table())
    if progress and report.notes:
        print("\n".join(report.notes))
    return report


def _exact(trained: Trained) -> Trained:
    """The same for a file, which is made from float32 whatever its network computes in."""
    config = copy.deepcopy(trained.config)
    config.COMPUTE_DTYPE = "float32"
    return replace(trained, config=config)


def reporting(source: Source) -> Source:
    """The same with a copy of the network that reports all that the file reports."""
    trained, request = source.trained, source.request
    config = source.task.reporting_config(trained.config, request.count, request.min_score)
    # One by one, as the file takes them: so one graph serves comparing, scoring and timing.
    config.BATCH_SIZE = 1
    copy = Source(trained.copied(config), request)
    copy.__dict__["lite"] = source.lite  # the very twin that was converted
    return copy


def _verified(
    source: Source,
    made: Made,
    dataset: Dataset | None,
    calibration: Photos | None,
    calibrated: int,
    path: Path,
    precisions: Sequence[str],
) -> tuple[Comparison, str | None]:
    photos = compared_photos(dataset, calibration, calibrated, COMPARED)
    comparison = compare(source, made.run, made.result, photos)
    return comparison, check(comparison, source, photos, path, precisions)


def _rows(
    source: Source,
    made: Made,
    writer: Writer,
    dataset: Dataset | None,
    path: Path,
    progress: bool,
) -> list[Row]:
    """The network's line and the file's; both scored on the data set, where there is one."""
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    if dataset is not None:
        before, after = _scores(source, made.result, dataset, progress)
        check_scores(source, before, after, path, writer.precisions)
    height, width = source.trained.config.input_sides
    channels = int(source.trained.config.IMAGE_CHANNEL_COUNT)
    image = np.zeros((height, width, channels), np.uint8)
    request = source.request
    file_time = made.latency(source.sample(image)[0]) if made.latency else float("nan")
    name = f"{path.name}, {request.precision}, {request.profile}"
    return [
        Row("the network in Keras, all threads", 0, _network_latency(source, image), before),
        Row(name if made.latency else f"{path.name}, {writer.kind}", made.size, file_time, after),
    ]


def _scores(
    source: Source, result: Callable[[Array], Any], dataset: Dataset, progress: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """The task's figures of network and file on a data set."""
    task, ids = source.task, list(dataset.image_ids)

    def bar(what: str) -> Any:
        return progress_bar(ids, what, shown=progress)

    images = (dataset.load_image(i) for i in bar("scoring the network"))
    network_results = list(detect(source.trained, images))
    file_results = [result(dataset.load_image(i)) for i in bar("scoring the file")]
    before, after = (
        task.figures(task.score(dataset, results)) for results in (network_results, file_results)
    )
    return before, after


def _network_latency(source: Source, image: Array) -> float:
    """Median milliseconds of one run of the network in Keras, on all threads."""
    trained = source.trained
    placement = trained.config.placement_rule(detecting=True)(image.shape)
    inputs = trained.family.inference_inputs(image[None], [placement], trained.config)
    return median_milliseconds(lambda: trained.network.predict_on_batch(inputs), 5)
