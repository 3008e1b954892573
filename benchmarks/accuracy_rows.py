"""What benchmarks/accuracy.py measures: a training with its settings, and its scores as a row."""

import ast
import importlib
import inspect
import json
import tempfile
import time
from pathlib import Path

import keras
from trained import loaded

from maskdet.errors import UsageError
from maskdet.models.families import family_class

#: Average precision looks at the whole course from the surest detection down.
MIN_SCORE = 0.001
CONFIG_MODULES = (
    "maskdet.config",
    "maskdet.models.mask_rcnn.scenes_config",
    "maskdet.models.ssd.config",
    "maskdet.models.yolox.config",
)


def config_of(name, dataset, seed, side=None, settings=()):
    """A Config for a set.

    Args:
        name: of a class of ``CONFIG_MODULES``.
        side: of the network's square input; anchors keep their share of it. None: the Config's.
        settings: texts "NAME=VALUE", which have the last word.

    Raises:
        UsageError: for a name or a setting that is not known.
    """
    modules = [importlib.import_module(module) for module in CONFIG_MODULES]
    kind = next((getattr(m, name) for m in modules if isinstance(getattr(m, name, 0), type)), None)
    if kind is None:
        raise UsageError(f"There is no Config {name!r} in {' or '.join(CONFIG_MODULES)}.")
    config = kind()
    config.NAME, config.NUM_CLASSES, config.SEED = "accuracy", dataset.num_classes, seed
    if side is not None:
        scales = getattr(config, "RPN_ANCHOR_SCALES", ())
        if not isinstance(scales, str):  # those that are fitted to a set fit themselves
            share = side / config.IMAGE_MAX_DIM
            config.RPN_ANCHOR_SCALES = tuple(share * scale for scale in scales)
        config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = side
    for text in settings:
        setting, value = setting_of(text)
        if not hasattr(config, setting):
            raise UsageError(f"-s {text}: {setting} is no setting of {name}.")
        setattr(config, setting, value)
    return config


def setting_of(text):
    """("NAME", value) of a text "NAME=VALUE"; a value that is no number, list, ... is a word."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def trained_minutes(model, train_set, validation, args):
    """Train as the command line asks; minutes of it, compiling the steps included."""
    begun = time.perf_counter()
    if args.epochs is None:
        if "recipe" not in inspect.signature(model.train).parameters:
            raise UsageError("train() of this maskdet knows no recipes; give --epochs HEADS ALL.")
        model.train(train_set, validation, recipe=args.recipe)
    else:
        rates = args.rates or (model.config.LEARNING_RATE, model.config.LEARNING_RATE / 2)
        done = model.epoch
        for epochs, rate, layers in zip(args.epochs, rates, ("heads", "all"), strict=True):
            if epochs:
                done += epochs
                model.train(train_set, validation, rate, done, layers)
    return (time.perf_counter() - begun) / 60


def row_of(parts, seed, args, kept=None):
    """Train on a set's parts with a seed and score: the row's own columns.

    Args:
        parts: an ``accuracy_sets.Parts``.
        args: of the command line: config, side, s, weights, recipe, epochs, rates.
        kept: where the trained weights are to stay; None: nowhere.
    """
    keras.utils.clear_session()
    config = config_of(args.config, parts.train, seed, args.side, args.s)
    with tempfile.TemporaryDirectory() as folder:
        kind = family_class(config.family_name)
        model = kind(mode="training", config=config, model_dir=f"{folder}/logs")
        if args.weights != "none":
            model.load_weights(args.weights)
        minutes = trained_minutes(model, parts.train, parts.validation, args)
        weights = kept or Path(folder) / "trained.h5"
        weights.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(weights)
        evaluation = loaded(weights, DETECTION_MIN_CONFIDENCE=MIN_SCORE).evaluate(
            parts.test, progress=False
        )
    return {
        "seed": seed,
        "config": args.config,
        "backbone": str(config.BACKBONE),
        "weights": args.weights,
        "recipe": recipe_words(args),
        "side": int(config.IMAGE_MAX_DIM),
        "settings": " ".join(args.s),
        "photos": parts.train.num_images,
        "minutes": round(minutes, 2),
        **scores_of(evaluation),
    }


def recipe_words(args):
    """A recipe's name, or the epochs and rates that stand for one."""
    if args.epochs is None:
        return args.recipe
    rates = f" at {args.rates[0]:g}, {args.rates[1]:g}" if args.rates else ""
    return f"{args.epochs[0]} + {args.epochs[1]} epochs{rates}"


def scores_of(evaluation):
    """Columns of an evaluation; what there are several of as JSON."""
    kinds = {"box": evaluation.box, "mask": evaluation.mask}
    columns = {"tutorial AP": float(evaluation.matterport_ap)}
    for kind, result in kinds.items():
        columns[f"{kind} AP50"] = "" if result is None else float(result.ap50)
        columns[f"{kind} AP"] = "" if result is None else float(result.ap)
    for kind, result in kinds.items():
        classes = {} if result is None else result.per_class_ap50
        columns[f"{kind} AP50 by class"] = as_json(classes)
    errors = evaluation.errors
    columns["errors"] = as_json({kind: errors.total(kind) for kind in errors.counts})
    columns["AP50 gains"] = as_json(errors.gains)
    return columns


def as_json(numbers):
    """A dict of numbers on one line; "" for an empty one."""
    short = {k: round(v, 4) if isinstance(v, float) else v for k, v in numbers.items()}
    return json.dumps(short) if short else ""
