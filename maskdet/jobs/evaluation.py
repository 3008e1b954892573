"""Trained weights or an exported file on a data set: figures, and the report that shows them."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.image_sets import read_image_list, read_image_sets
from maskdet.data.own_parts import load_parts
from maskdet.data.requirements import check_names
from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.jobs.exported import is_exported
from maskdet.jobs.run_folder import RunFolder
from maskdet.jobs.training_data import whole_set
from maskdet.json_text import json_text
from maskdet.models.evaluating import MIN_SCORE, usable_part
from maskdet.models.reporting import evaluated, write_report
from maskdet.models.weight_files import read_facts
from maskdet.progress import progress_bar
from maskdet.runtime import model_file
from maskdet.runtime.opening import open_file
from maskdet.tasks.task import Task


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation gave.

    Attributes:
        evaluation: the task's; it has ``table()`` and ``to_dict()``.
        figures: the main ones by name, 0..1.
        photos: how many were looked at.
        seconds: they took.
        report: where the report lies; None where none was asked for.
    """

    evaluation: Any
    figures: dict[str, float]
    photos: int
    seconds: float
    report: Path | None


def evaluate_and_report(
    model: Any,
    dataset: Dataset,
    report: Path | None = None,
    metrics: Path | None = None,
    log_dir: Path | None = None,
    title: str | None = None,
) -> Evaluated:
    """Score a model on a data set; photos that cannot be read are named and left out.

    Args:
        model: in inference mode, with a lowest score of MIN_SCORE.
        report: where the report is written; None: nowhere.
        metrics: where the figures are written as JSON; None: nowhere.
        log_dir: of the training, for the report's curves.
        title: of the report.

    Raises:
        UsageError: if there is no photo to look at.
        ConfigError: if the set has other classes, or is for another task.
    """
    task = model.family.task
    _check_kind(dataset, task, "This network")
    check_names(dataset, model.class_names, "scored on", in_order=False)
    usable = _usable(dataset, task)
    results, evaluation, seconds = evaluated(model, usable)
    figures = task.figures(evaluation)
    if metrics is not None:
        write_whole(metrics, json_text({**evaluation.to_dict(), "figures": figures}))
    if report is not None:
        write_report(
            report, model, usable, results, evaluation, log_dir, seconds=seconds, title=title
        )
    return Evaluated(evaluation, figures, len(results), seconds, report)


def evaluate_file(path: str | os.PathLike[str], dataset: Dataset) -> Evaluated:
    """Score an exported .tflite file on a data set, in the interpreter that a Pi has.

    Raises:
        WeightsError: if it is no file that the runtime reads.
        UsageError: if there is no photo to look at, or the set is for another task.
        ConfigError: if the set has other classes.
    """
    predictor = open_file(path, min_confidence=MIN_SCORE)
    task = predictor.task
    _check_kind(dataset, task, os.fspath(path))
    check_names(dataset, predictor.class_names, "scored on", in_order=False)
    usable = _usable(dataset, task)
    begun, results = time.perf_counter(), []
    for image_id in progress_bar(list(usable.image_ids), "detecting"):
        results.append(predictor.predict(usable.load_image(image_id)))
    seconds = time.perf_counter() - begun
    evaluation = task.score(usable, results)
    return Evaluated(evaluation, task.figures(evaluation), len(results), seconds, None)


def _usable(dataset: Dataset, task: Task) -> Dataset:
    usable = usable_part(dataset, task)
    if not len(usable.image_ids):
        raise UsageError(
            "There is no photo to evaluate; give a set whose photos can be read (maskdet check "
            "says what is wrong with them)."
        )
    return usable


def _check_kind(dataset: Dataset, task: Task, what: str) -> None:
    """Raises UsageError for objects and a classifier, or classes of whole photos and a detector."""
    if dataset.gives_labels != (task.name == "classification"):
        has = "a class for each photo" if dataset.gives_labels else "objects"
        raise UsageError(
            f"{what} is for {task.name}, but the set has {has}; give a set or weights that fit."
        )


@dataclass(frozen=True)
class Asked:
    """Photos to evaluate on.

    Attributes:
        dataset: the photos.
        name: of the part in words, such as "part 'test'".
        data: path of the whole set.
    """

    dataset: Dataset
    name: str
    data: str


def known_classes(weights: str | os.PathLike[str]) -> Sequence[str]:
    """Names of the classes that weights or an exported file know; () where they do not say.

    Raises:
        WeightsError: if an exported file cannot be read.
    """
    if is_exported(weights):
        return model_file.read_facts(weights, model_file.read_content(weights)).class_names[1:]
    return tuple(read_facts(weights).get("class_names", ()))[1:]


def photos_to_evaluate(
    data: str | None,
    run: RunFolder | None,
    part: str | None = None,
    classes: Sequence[str] = (),
) -> Asked:
    """The photos that figures are to be of, if possible not those that were trained on.

    Args:
        data: path of a data set; by default that of the training.
        run: the training's folder, where the weights are of one.
        part: "train", "val", "test" or a file that lists photos; by default the part that was not
            trained on, or all.
        classes: that the weights know; a set may have some of them alone.

    Raises:
        UsageError: if no data set is named, or the set has no such part.
        DataError: if it cannot be read.
    """
    asked = _photos_of(data, run, part, {})
    own = {str(name) for name in asked.dataset.class_names[1:]}
    if own < set(classes):
        asked = _photos_of(data, run, part, {"classes": list(classes)})
    return asked


def _photos_of(
    data: str | None, run: RunFolder | None, part: str | None, loading: Mapping[str, Any]
) -> Asked:
    options = run.options() if run is not None else {}
    data = data or options.get("test") or options.get("data")
    if data is None:
        raise UsageError("Say which photos: maskdet evaluate WEIGHTS DATA.")
    if part is not None and os.path.isfile(part):
        listed = read_image_list(whole_set(data, **loading), part)
        return Asked(listed, f"the list {part}", data)
    if part is None and os.path.abspath(data) == options.get("test"):
        return Asked(whole_set(data, **loading), "the test set of the training", data)
    if run is not None and os.path.abspath(data) == options.get("data"):
        parts = _parts_of(run, data, options, loading)
        rest = "all photos, also those that it has learned"
    else:
        parts, rest = load_parts(data, on_error="skip", **loading), "all photos"
    if part is None:
        if not parts:
            return Asked(whole_set(data, **loading), rest, data)
        part = "test" if "test" in parts else "val"
    if part not in parts:
        known = ", ".join(parts) or "none"
        raise UsageError(
            f"{data} has no part {part!r} (it has {known}); leave out --part, or give a file that "
            "lists photos, one a line."
        )
    return Asked(parts[part], f"part {part!r}", data)


def _parts_of(
    run: RunFolder, data: str, options: Mapping[str, Any], loading: Mapping[str, Any]
) -> dict[str, Dataset]:
    """The parts of a set as its training had them; {} where it learned all."""
    if run.lists.is_dir():
        return read_image_sets(whole_set(data, **loading), run.lists)
    if "test" in options or options.get("held_out") == 0:
        return {}
    return load_parts(data, on_error="skip", **loading)
