"""Evaluations whose results are kept, and the report that is written of them."""

import copy
import datetime
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskdet.data.dataset import Dataset
from maskdet.data.requirements import check_names
from maskdet.errors import UsageError
from maskdet.inference.detect import detect
from maskdet.models.evaluating import MIN_SCORE, usable_part
from maskdet.models.report_facts import model_chapter, settings_chapter, versions_chapter
from maskdet.models.speed import speed_of
from maskdet.progress import progress_bar
from maskdet.report.chapters import Chapter, Text, count_of
from maskdet.report.history import history_chapter
from maskdet.report.page import render, write
from maskdet.report.photos import photo_name
from maskdet.training.logs import HISTORY_FILE, read_history

if TYPE_CHECKING:
    from maskdet.models.model import Model

# Photos that could not be read are named up to this many.
_NAMED = 20


def evaluated(
    model: "Model", dataset: Dataset, progress: bool = True, min_score: float | None = None
) -> tuple[list[Any], Any, float]:
    """Score a model on a data set and keep what it said.

    Args:
        model: in inference mode.
        dataset: to score on.
        progress: show a bar.
        min_score: lowest score of a result that takes part, where the task has one; by default the
            Config's. COCO's AP wants a very low one.

    Returns:
        The result of each image in order; the task's evaluation; the seconds that reading the
        photos and finding the results took.

    Raises:
        UsageError: in training mode, or for a set without images.
        ConfigError: if the classes do not fit the data set.
    """
    model.family.task.check_dataset(dataset, model.config)
    if not model.class_names:
        model.class_names = tuple(dataset.class_names)
    check_names(dataset, model.class_names, "scored on", in_order=False)
    ids = list(dataset.image_ids)
    images = (dataset.load_image(i) for i in ids)
    stream = _results(model, images, min_score)
    begun = time.perf_counter()
    results = list(progress_bar(stream, "detecting", len(ids), shown=progress))
    seconds = time.perf_counter() - begun
    return results, model.family.task.score(dataset, results), seconds


def _results(model: "Model", images: Iterable[Any], min_score: float | None) -> Iterator[Any]:
    if min_score is None or model.mode != "inference":
        return model.results(images)  # which says what is wrong with another mode
    config = copy.deepcopy(model.trained.config)
    model.family.task.set_min_score(config, min_score)
    return detect(model.trained.copied(config), images, model.prepare)


def report(
    model: "Model",
    path: str | os.PathLike[str],
    dataset: Dataset,
    log_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    """What :meth:`maskdet.models.model.Model.report` does."""
    model.family.task.check_dataset(dataset, model.config)
    usable = usable_part(dataset, model.family.task)
    labels = {usable.image_label(int(i)) for i in usable.image_ids}
    left_out = [
        label
        for label in map(dataset.image_label, map(int, dataset.image_ids))
        if label not in labels
    ]
    if not len(usable.image_ids):
        raise UsageError(
            f"None of the {count_of(len(left_out), 'photo')} can be used ({left_out[0]} is the "
            "first), so there is nothing to report on; python -m maskdet check says what is wrong "
            "with them."
        )
    results, evaluation, seconds = evaluated(model, usable, progress, MIN_SCORE)
    write_report(path, model, usable, results, evaluation, log_dir, seconds, left_out=left_out)
    return evaluation


def write_report(
    path: str | os.PathLike[str],
    model: "Model",
    dataset: Dataset,
    results: Sequence[Any],
    evaluation: Any,
    log_dir: str | os.PathLike[str] | None = None,
    seconds: float | None = None,
    title: str | None = None,
    left_out: Sequence[str] = (),
) -> None:
    """Write one HTML file that says how good a model is, what it gets wrong and what to do.

    The file holds everything it shows and asks for nothing from anywhere.

    Args:
        path: of the file, usually ending in .html; written whole or not at all.
        model: in inference mode.
        dataset: that was evaluated.
        results: of its images, in order, as :func:`evaluated` gives them.
        evaluation: their scores.
        log_dir: of the training, for its history; by default the model's own, if there is one.
        seconds: that reading the photos and finding the results took.
        title: of the page; by default after the Config's NAME.
        left_out: photos that could not be evaluated.

    Raises:
        UsageError: if no image was evaluated, there are more or fewer results than images, or the
            model is in training mode.
    """
    results = list(results)
    if not results or len(results) != len(dataset.image_ids):
        raise UsageError(
            f"There are {len(results)} results of {len(dataset.image_ids)} images, but a report "
            "needs one for each of some images; evaluate a set that has photos, and give all of "
            "its results."
        )
    speed = speed_of(model, _first_image(dataset))
    contents = model.family.task.report(dataset, results, evaluation)
    folder = Path(model.log_dir if log_dir is None else log_dir)
    chapters = [
        *contents.chapters[:1],
        *_left_out_chapter(left_out),
        *contents.chapters[1:],
        _training_chapter(folder, log_dir is not None),
        model_chapter(model, speed, len(results), seconds),
        settings_chapter(model.config, model.family.config_class),
        versions_chapter(),
    ]
    name = model.config.NAME or model.family.name
    today = datetime.datetime.now().astimezone()
    subtitle = f"{count_of(len(results), 'photo')}, evaluated on {today.day} {today:%B %Y}"
    title = title or f"Report on {name}"
    write(path, render(title, subtitle, contents.headlines, chapters, contents.summary))


def _first_image(dataset: Dataset) -> Any:
    """The first photo that can still be read; None where none can."""
    for image_id in map(int, dataset.image_ids):
        try:
            return dataset.load_image(image_id)
        except Exception:  # whatever a data set's own code raises: the next one does as well
            continue
    return None


def _training_chapter(folder: Path, asked_for: bool) -> Chapter:
    rows = read_history(folder / HISTORY_FILE)
    if rows:
        return history_chapter(rows)
    where = f"no {HISTORY_FILE} in {folder}" if asked_for else "no log folder of it"
    return Chapter("The training", f"How the training went is not known: there is {where}.")


def _left_out_chapter(left_out: Sequence[str]) -> list[Chapter]:
    if not left_out:
        return []
    count = count_of(len(left_out), "photo was", "photos were")
    names = ", ".join(map(photo_name, left_out[:_NAMED]))
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    text = (
        f"{count} left out, since photo or annotation cannot be used: {names}{more}. No figure "
        "here knows of them."
    )
    return [Chapter("Photos left out", "", (Text(text, strong=True),))]
