"""From a folder of photos and annotations to trained weights and a report."""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.image_sets import read_image_sets, write_image_sets
from maskdet.data.opening import open_dataset
from maskdet.data.own_parts import load_parts
from maskdet.data.split import split
from maskdet.errors import UsageError
from maskdet.jobs.choice import CONFIGS, ConfigChoice, choose
from maskdet.jobs.evaluation import Evaluated, evaluate_and_report
from maskdet.jobs.run_folder import RunFolder
from maskdet.models.families import family_class
from maskdet.models.opening import open_model, set_settings
from maskdet.progress import span
from maskdet.training.recipes import DEFAULT_RECIPE, recipe_stages

#: Photos with something to learn that a training needs at least: some must be left for figures.
LEAST_PHOTOS = 8
#: Share of the photos that is held out for the figures where the set has no parts of its own.
HELD_OUT = 0.2
# Evaluations in a training, for the curve in the report.
_EVALUATIONS = 8


@dataclass(frozen=True)
class TrainingOptions:
    """What a user may say of a training; None: what fits is taken.

    Attributes:
        data: folder or file of the data set.
        test: data set for the figures; by default its own part, else some held-out photos.
        held_out: share of the photos that is held out.
        config: of :data:`maskdet.jobs.choice.CONFIGS`.
        recipe: of the Config's RECIPES.
        weights: what training starts from: "pretrained", "coco", "imagenet", "none" or a file.
        seed: of the split and the training.
        settings: of the Config, by name.
    """

    data: str
    test: str | None = None
    held_out: float | None = None
    config: str | None = None
    recipe: str | None = None
    weights: str | None = None
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """What was said, for comparing with an earlier call; the data set by its whole path."""
        said = {name: value for name, value in asdict(self).items() if value not in (None, {})}
        for name in ("data", "test"):
            if name in said:
                said[name] = os.path.abspath(said[name])
        return said


@dataclass(frozen=True)
class TrainingResult:
    """What a training has left.

    Attributes:
        folder: with everything.
        choice: the Config and why.
        photos: by part.
        evaluated: figures on the held-out photos; None where there were none.
        minutes: of this call.
    """

    folder: RunFolder
    choice: ConfigChoice
    photos: dict[str, int]
    evaluated: Evaluated | None
    minutes: float


def default_folder(data: str) -> Path:
    """Where a training goes if nobody says: ``trained/<name of the set>``."""
    return Path("trained") / (_name(data) or "mine")


def train_folder(
    options: TrainingOptions,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> TrainingResult:
    """Train on a folder; leaves ``weights.h5``, ``report.html``, ``metrics.json`` and ``logs/``.

    Args:
        out: folder for all of it; by default :func:`default_folder`.
        resume: go on with the training in ``out`` where it was stopped, with its options.
        overwrite: replace the training in ``out``.
        say: told what is chosen and done.

    Raises:
        UsageError: if ``out`` is taken, there is nothing to go on with, or photos are too few.
        DataError: if the set cannot be read.
        ConfigError: for settings that do not fit each other.
    """
    begun = time.perf_counter()
    folder = RunFolder(out if out is not None else default_folder(options.data))
    if resume:
        options = TrainingOptions(**folder.resumed(options.said()))
    else:
        folder.check_free(overwrite)
    parts = _parts(options, folder if resume else None, say)
    choice = choose(parts["train"], options.config)
    _settle(choice, options, parts)
    _say_choice(choice, options, say)
    if not resume:
        folder.begin(options.said())
        if "all" in parts:
            write_image_sets(folder.lists, {n: parts[n] for n in ("train", "val") if n in parts})
    model = _trained(choice, options, parts, folder, resume, say)
    evaluated = None
    held_out = parts.get("test", parts.get("val"))
    if held_out is not None:
        evaluated = evaluate_and_report(
            open_model(folder.weights, min_score=0.001),
            held_out,
            report=folder.report,
            metrics=folder.metrics,
            log_dir=Path(model.log_dir),
            title=_name(options.data),
        )
        say(f"\n{evaluated.evaluation.table()}")
    minutes = (time.perf_counter() - begun) / 60
    photos = {name: len(part.image_ids) for name, part in parts.items() if name != "all"}
    return TrainingResult(folder, choice, photos, evaluated, minutes)


# ---- data --------------------------------------------------------------------------------------
def _parts(
    options: TrainingOptions, resumed: RunFolder | None, say: Callable[[str], None]
) -> dict[str, Dataset]:
    """What to train on ("train"), to watch ("val"), to test on ("test"), and where it was divided
    here, all of it ("all")."""
    parts = {} if options.test or options.held_out else load_parts(options.data, on_error="skip")
    if parts:
        say(f"{options.data} has parts of its own: {_counts(parts)}.")
        _check_enough(parts["train"], options.data)
        return parts
    dataset = open_dataset(options.data, on_error="skip")
    _check_enough(dataset, options.data)
    if options.test:
        names = [str(name) for name in dataset.class_names[1:]]
        test = open_dataset(options.test, on_error="skip", classes=names)
        say(f"{len(dataset.image_ids)} photos to train on, {len(test.image_ids)} to test on.")
        return {"train": dataset, "test": test}
    lists = resumed.lists if resumed is not None else None
    if lists is not None and lists.is_dir():
        parts = dict(read_image_sets(dataset, lists))
    else:
        share = HELD_OUT if options.held_out is None else options.held_out
        if not 0 <= share < 1:
            raise UsageError(
                f"--held-out is {share:g}; give a share of the photos, such as {HELD_OUT}."
            )
        if share == 0:
            say(f"{len(dataset.image_ids)} photos to train on; none held out, so no figures.")
            return {"train": dataset}
        shares = {"train": 1 - share, "val": share}
        parts = dict(split(dataset, shares, options.seed or 0, group="similar"))
    say(
        f"{options.data}: {len(dataset.image_ids)} photos, {len(parts['train'].image_ids)} of them "
        f"to train on, {len(parts['val'].image_ids)} held out for the figures (another share with "
        "--held-out, a set of its own with --test)."
    )
    return {"all": dataset, **parts}


def _counts(parts: Mapping[str, Dataset]) -> str:
    return ", ".join(f"{name} {len(part.image_ids)} photos" for name, part in parts.items())


def _check_enough(dataset: Dataset, data: str) -> None:
    """Photos with something to learn; raises UsageError where there are too few."""
    ids = [int(i) for i in dataset.image_ids]
    if not dataset.gives_labels:
        ids = [i for i in ids if len(dataset.load_boxes(i)[1])]
    if len(ids) < LEAST_PHOTOS:
        raise UsageError(
            f"{data} has {len(ids)} {'photo' if len(ids) == 1 else 'photos'} "
            f"{'with a class' if dataset.gives_labels else 'with objects'}, and a training needs "
            f"{LEAST_PHOTOS} at least, better 50 of each class; label more and come back."
        )


# ---- settings ----------------------------------------------------------------------------------
def _settle(choice: ConfigChoice, options: TrainingOptions, parts: Mapping[str, Dataset]) -> None:
    """The Config's settings: for all such trainings, then what the user has said."""
    config = choice.config
    config.NAME = _name(options.data)
    config.SEED = options.seed or 0
    config.ON_ERROR = "skip"
    config.CHECKPOINTS_KEPT, config.STATES_KEPT = 3, 2
    photos = len(parts["train"].image_ids)
    stages = recipe_stages(config, options.recipe or DEFAULT_RECIPE, photos)
    if "val" in parts:
        config.EVALUATE_EVERY = max(1, sum(stage.epochs for stage in stages) // _EVALUATIONS)
    set_settings(config, options.settings)
    config.validate()


def _say_choice(choice: ConfigChoice, options: TrainingOptions, say: Callable[[str], None]) -> None:
    config = choice.config
    why = "you said so" if options.config else choice.reasons[0]
    more = choice.reasons[0 if options.config else 1 :]
    say(
        f"Config: {type(config).__name__} ({CONFIGS[choice.name][1]}), as {why}; another with "
        "--config, any setting with -s NAME=VALUE."
    )
    for reason in more:
        say(f"  {reason}")
    if options.settings:
        say("  you: " + ", ".join(f"{name}={value}" for name, value in options.settings.items()))


def _name(data: str) -> str:
    """A data set's name, fit for files."""
    path = Path(os.path.abspath(data))
    name = path.stem if path.is_file() else path.name
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "mine"


# ---- training ----------------------------------------------------------------------------------
def _trained(
    choice: ConfigChoice,
    options: TrainingOptions,
    parts: Mapping[str, Dataset],
    folder: RunFolder,
    resume: bool,
    say: Callable[[str], None],
) -> Any:
    """The model after its training; its weights lie in the folder."""
    recipe = options.recipe or DEFAULT_RECIPE
    stages = recipe_stages(choice.config, recipe, len(parts["train"].image_ids))
    model = family_class(choice.config.family_name)("training", choice.config, folder.logs)
    if not (resume and _went_on(model)):
        _start_from(model, options.weights or "pretrained")
    if model.epoch >= sum(stage.epochs for stage in stages):
        say(f"All {model.epoch} epochs are done already.")
    else:
        begun = time.perf_counter()
        model.train(parts["train"], parts.get("val"), recipe=recipe)
        say(f"Trained in {span(time.perf_counter() - begun)}.")
    model.save_weights(folder.weights)
    return model


def _went_on(model: Any) -> bool:
    """Whether there is a checkpoint, which the model then has."""
    try:
        model.load_weights(model.find_last())
    except FileNotFoundError:
        return False
    return True


def _start_from(model: Any, weights: str) -> None:
    if weights != "none":
        model.load_weights(weights)
