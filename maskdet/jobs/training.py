"""From a folder of photos and annotations to trained weights and a report."""

import os
import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.errors import MaskdetWarning, UsageError, WeightsError
from maskdet.family import BEST_PRETRAINED, PRETRAINED
from maskdet.jobs.choice import CONFIGS, ConfigChoice, choose
from maskdet.jobs.evaluation import Evaluated, evaluate_and_report
from maskdet.jobs.run_folder import RunFolder
from maskdet.jobs.training_data import training_data
from maskdet.models.evaluating import MIN_SCORE
from maskdet.models.families import family_class
from maskdet.models.opening import open_model, set_settings
from maskdet.models.weight_files import read_facts
from maskdet.pretrained.assign import misfits
from maskdet.progress import span
from maskdet.training.loaders import augmentation_of
from maskdet.training.recipes import DEFAULT_RECIPE, recipe_stages

# Evaluations in a training, for the curve in the report.
_EVALUATIONS = 8
#: What a training may start from beside a file.
STARTS = (BEST_PRETRAINED, *PRETRAINED, "none")


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
    return Path("trained") / _name(data)


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
        UsageError: if ``out`` is taken, there is nothing to go on with, or photos are too few;
            nothing was written then.
        DataError: if the set cannot be read.
        ConfigError: for settings that do not fit each other.
        WeightsError: if the weights to start from are missing, damaged or of another network.
    """
    begun = time.perf_counter()
    folder = RunFolder(out if out is not None else default_folder(options.data))
    if resume:
        options = _resumed(folder, options)
    else:
        folder.check_free(overwrite)
    data = training_data(
        options.data,
        options.test,
        options.held_out,
        options.seed or 0,
        folder.lists if resume else None,
    )
    say(data.sentence)
    parts = data.parts
    choice = choose(parts["train"], options.config)
    _settle(choice, options, parts)
    _say_choice(choice, options, say)
    model = _started(choice, options, folder, resume, say)
    if not resume:
        folder.begin(options.said(), data.divided)
    _train(model, options, parts, say)
    model.save_weights(folder.weights)
    held_out = parts.get("test", parts.get("val"))
    evaluated = None if held_out is None else _evaluated(folder, held_out, options, model)
    if evaluated is not None:
        say(f"\n{evaluated.evaluation.table()}")
    minutes = (time.perf_counter() - begun) / 60
    photos = {name: len(part.image_ids) for name, part in parts.items()}
    return TrainingResult(folder, choice, photos, evaluated, minutes)


def _resumed(folder: RunFolder, options: TrainingOptions) -> TrainingOptions:
    known = folder.resumed(options.said())
    try:
        # The paths as they are written now: they are shown, and mean the same.
        return replace(
            TrainingOptions(**known), data=options.data, test=options.test or known.get("test")
        )
    except TypeError:
        raise UsageError(
            f"{folder.run} has options that this version does not know; begin anew with "
            "--overwrite."
        ) from None


# ---- settings ----------------------------------------------------------------------------------
def _settle(choice: ConfigChoice, options: TrainingOptions, parts: Mapping[str, Dataset]) -> None:
    """The Config's settings: for all such trainings, then what the user has said."""
    config = choice.config
    config.NAME = _name(options.data)
    config.SEED = options.seed or 0
    config.ON_ERROR = "skip"
    config.CHECKPOINTS_KEPT, config.STATES_KEPT = 3, 2
    set_settings(config, options.settings)
    config.validate()
    augmentation_of(config)
    epochs = _epochs(config, options, parts)
    if "val" in parts and "EVALUATE_EVERY" not in options.settings:
        config.EVALUATE_EVERY = max(1, epochs // _EVALUATIONS)


def _epochs(config: Any, options: TrainingOptions, parts: Mapping[str, Dataset]) -> int:
    """Epochs of the whole training."""
    photos = len(parts["train"].image_ids)
    stages = recipe_stages(config, options.recipe or DEFAULT_RECIPE, photos)
    return sum(stage.epochs for stage in stages)


def _say_choice(choice: ConfigChoice, options: TrainingOptions, say: Callable[[str], None]) -> None:
    config = choice.config
    why = "as you said" if options.config else f"since {choice.reason}; --config takes another"
    say(f"Network: {CONFIGS[choice.name][1]} ({type(config).__name__}), {why}.")
    for change in choice.changes:
        say(f"  {change}")
    if options.settings:
        said = ", ".join(f"{name}={value}" for name, value in options.settings.items())
        say(f"  {said}, as you said")


def _name(data: str) -> str:
    """A data set's name, fit for files."""
    path = Path(os.path.abspath(data))
    name = path.stem if path.is_file() else path.name
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "mine"


# ---- training ----------------------------------------------------------------------------------
def _started(
    choice: ConfigChoice,
    options: TrainingOptions,
    folder: RunFolder,
    resume: bool,
    say: Callable[[str], None],
) -> Any:
    """The model that is trained, with the weights from which it goes on or starts."""
    model = family_class(choice.config.family_name)("training", choice.config, folder.logs)
    if resume:
        try:
            model.load_weights(model.find_last())
            return model
        except FileNotFoundError:
            say("No epoch of it was finished, so it begins anew.")
    weights = options.weights or BEST_PRETRAINED
    if weights in (BEST_PRETRAINED, *PRETRAINED):
        model.load_weights(weights)
    elif weights != "none":
        _load_file(model, weights)
    return model


def _load_file(model: Any, weights: str) -> None:
    """Start from weights of somebody's; layers that know other classes begin anew."""
    if not os.path.exists(weights):
        raise WeightsError(
            f"There are no weights {weights}; give a file, a training's folder, or one of "
            f"{', '.join(STARTS)}."
        )
    others = read_facts(weights).get("config", {}).get("NUM_CLASSES") != model.config.NUM_CLASSES
    exclude = misfits(model.keras_model, weights) if others and weights.endswith(".h5") else []
    if exclude:
        warnings.warn(
            f"{weights} is for other classes, so these layers begin anew: {', '.join(exclude)}.",
            MaskdetWarning,
            stacklevel=2,
        )
    model.load_weights(weights, exclude=exclude)
    # A start, not a continuation, and whatever its classes are called, they are this set's now.
    model.resumption = None
    model.set_log_dir()
    model.trained = model.trained.with_facts(class_names=(), steps=None, stage=None)


def _train(
    model: Any,
    options: TrainingOptions,
    parts: Mapping[str, Dataset],
    say: Callable[[str], None],
) -> None:
    if model.epoch >= _epochs(model.config, options, parts):
        say(f"All {model.epoch} epochs are done already.")
        return
    begun = time.perf_counter()
    recipe = options.recipe or DEFAULT_RECIPE
    model.train(parts["train"], parts.get("val"), recipe=recipe)
    say(f"Trained in {span(time.perf_counter() - begun)}.")


def _evaluated(
    folder: RunFolder, dataset: Dataset, options: TrainingOptions, model: Any
) -> Evaluated:
    """Figures and report of the weights in the folder."""
    return evaluate_and_report(
        open_model(folder.weights, min_score=MIN_SCORE),
        dataset,
        report=folder.report,
        metrics=folder.metrics,
        log_dir=Path(model.log_dir),
        title=_name(options.data),
    )
