"""A whole training as a pipeline.config says: data, start, training, evaluation, weights."""

import copy
import math
import os
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.formats.label_map import classes_by_id, read_label_map
from maskdet.data.formats.tfrecord import read_files
from maskdet.errors import ConfigError, UsageError, WeightsError
from maskdet.evaluation.report import Evaluation
from maskdet.models.evaluating import MIN_SCORE
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.pipeline import Pipeline, take_pipeline
from maskdet.models.ssd.pipeline_paths import Reader
from maskdet.models.ssd.ssd import SSD
from maskdet.models.weight_files import read_facts
from maskdet.training.layers import weighted_layers

#: What the weights at the end of a training are called, in its log folder.
WEIGHTS_FILE = "trained.h5"
# Epochs that num_steps becomes at most: each leaves a checkpoint.
_MOST_EPOCHS = 100
_CLASS_LAYERS = "_class_logits"


def train_pipeline(
    path: str | os.PathLike[str],
    model_dir: str | os.PathLike[str] = "logs",
    epochs: int | None = None,
) -> Evaluation | None:
    """Train as a file says, and say what is done.

    Args:
        path: of the pipeline.config.
        model_dir: where log folders go; the weights at the end are in the training's own.
        epochs: passes over the training set, in place of ``num_steps``.

    Returns:
        The scores on the evaluation set; None where the file names none.

    Raises:
        ConfigError: for what is wrong with the file; names field and line.
        DataError: for records or a label map that cannot be used.
        UsageError: for ``epochs`` below 1, and what ``train`` raises.
    """
    if epochs is not None and epochs < 1:
        raise UsageError(f"epochs is {epochs}; give 1 or more.")
    config = SsdConfig()
    pipeline = config.pipeline = take_pipeline(path, config)
    print(pipeline.report, end="\n\n")
    train_set, val_set = load_sets(pipeline)
    fit_classes(config, train_set)
    model = SSD("training", config, model_dir)
    start(model, pipeline, train_set)
    _train(model, pipeline, train_set, val_set, epochs)
    weights = Path(model.log_dir) / WEIGHTS_FILE
    model.save_weights(weights)
    evaluation = _evaluate(config, weights, val_set)
    print(f"weights: {weights}")
    print(f"To see what they find: python -m maskdet detect {weights} FOLDER_OF_PHOTOS")
    return evaluation


# ---- data --------------------------------------------------------------------------------------
def load_sets(pipeline: Pipeline) -> tuple[Dataset, Dataset | None]:
    """The training and the evaluation set; all of their files are looked for first.

    Raises:
        ConfigError: for a file that is missing or not said, and for a label map with more classes
            than the model.
    """
    if pipeline.train is None:
        raise ConfigError(f"{pipeline.path} has no train_input_reader; add it.")
    readers = [reader for reader in (pipeline.train, pipeline.evaluation) if reader is not None]
    files = [_files(reader, pipeline) for reader in readers]
    sets = [_read(path, records, pipeline) for path, records in files]
    for reader, dataset in zip(readers, sets, strict=True):
        count = len(dataset.image_ids)
        print(f"{reader.name}: {count} {'photo' if count == 1 else 'photos'}")
    return sets[0], sets[1] if len(sets) > 1 else None


def _files(reader: Reader, pipeline: Pipeline) -> tuple[Path, list[Path]]:
    """The label map and the records of a reader."""
    for name, value in (
        ("label_map_path", reader.label_map),
        ("tf_record_input_reader.input_path", reader.records),
    ):
        if not value:
            raise ConfigError(
                f"{pipeline.path}, line {reader.line}: {reader.name} has no {name}; add it."
            )
    assert reader.label_map is not None
    records = [file for named in reader.records for file in named.files()]
    return reader.label_map.files()[0], records


def _read(path: Path, records: list[Path], pipeline: Pipeline) -> Dataset:
    """Records with the classes of the label map at ``path``, in the order of their ids."""
    names = read_label_map(path)
    classes, line = pipeline.classes
    if max(names) > classes:
        raise ConfigError(
            f"{pipeline.path}, line {line}: model.ssd.num_classes is {classes}, but {path} has the "
            f"id {max(names)} ({names[max(names)]}); set num_classes: {max(names)}."
        )
    return read_files(records, names, classes_by_id(names))


def fit_classes(config: Any, dataset: Dataset) -> None:
    """As many classes as the label map names: ids that nobody has need no outputs."""
    if config.NUM_CLASSES != dataset.num_classes:
        print(
            f"The label map names {dataset.num_classes - 1} classes, so NUM_CLASSES = "
            f"{dataset.num_classes}; num_classes counts ids without a name too."
        )
        config.NUM_CLASSES = dataset.num_classes


# ---- start and training ------------------------------------------------------------------------
def start(model: Any, pipeline: Pipeline, dataset: Dataset) -> None:
    """Give a model the weights of ``fine_tune_checkpoint``, else published ones, else none."""
    named = pipeline.checkpoint
    if named is not None:
        files = [file for file in named.found() if file.suffix == ".h5"]
        if files:
            _load(model, files[0], dataset)
            return
        state = "not there"
        for folder in (Path(), named.config.parent):
            if model.family.reads(folder / named.text):
                try:
                    loaded = model.load_weights(folder / named.text).loaded
                except WeightsError as error:
                    state = f"not used: {error}"
                    continue
                print(f"Starts from {folder / named.text}: {len(loaded)} layers.")
                return
        end = "" if state.endswith(".") else "."
        state = state if state.startswith("not used") else f"which is {state}"
        print(f"{named.field} (line {named.line}) is {named.text!r}, {state}{end}")
    failures = []
    for name in ("coco", "imagenet"):
        try:
            loaded = model.load_weights(name).loaded
        except WeightsError as error:
            failures.append(str(error))
        else:
            print(f"Starts from {name} weights: {len(loaded)} layers.")
            return
    print(
        f"Starts from random weights. {' '.join(failures)} From random weights small sets teach "
        "little: fetch the model that the file names (one of TensorFlow 1) and give its model.ckpt "
        "as fine_tune_checkpoint."
    )


def _load(model: Any, path: Path, dataset: Dataset) -> None:
    """All of a file's weights, but for the layers of its classes where these are others."""
    same = list(read_facts(path).get("class_names", [])) == list(dataset.class_names)
    layers = [name for name, _ in weighted_layers(model.keras_model)]
    exclude = [] if same else [name for name in layers if name.endswith(_CLASS_LAYERS)]
    loaded = model.load_weights(path, exclude=exclude).loaded
    # What the file had seen is over: this training counts from its beginning, in its own folder.
    model.resumption = None
    model.set_log_dir()
    rest = "" if same else "; those of its classes are learned anew"
    print(f"Starts from {path}: {len(loaded)} layers{rest}.")


def epochs_of(steps: int, photos: int, batch: int) -> tuple[int, int]:
    """(epochs, steps of each) that make ``steps``: an epoch is a pass over the set, or as much
    more as keeps them few."""
    one_pass = math.ceil(photos / batch)
    each = min(steps, max(one_pass, math.ceil(steps / _MOST_EPOCHS)))
    return math.ceil(steps / each), each


def course_text(steps: int, photos: int, batch: int) -> str:
    """What :func:`epochs_of` makes of ``num_steps``, for people; days of training are said to be
    such."""
    epochs, each = epochs_of(steps, photos, batch)
    passes = steps * batch // photos
    many = f" That is {passes} passes over the set; --epochs 50 makes 50 of them."
    text = f"num_steps, {steps}: epochs {epochs}, steps of each {each}."
    return f"{text}{many if passes > _MOST_EPOCHS else ''}"


def _train(
    model: Any, pipeline: Pipeline, train_set: Dataset, val_set: Dataset | None, epochs: int | None
) -> None:
    config = model.config
    augmentation = pipeline.augmentation(config.AUGMENTATION)
    if epochs is None and not pipeline.steps:
        model.train(train_set, val_set, augmentation=augmentation)
        return
    if epochs is None:
        photos = len(train_set.image_ids)
        epochs, each = epochs_of(pipeline.steps, photos, config.BATCH_SIZE)
        config.STEPS_PER_EPOCH = each
        print(course_text(pipeline.steps, photos, config.BATCH_SIZE))
    model.train(train_set, val_set, config.LEARNING_RATE, epochs, "all", augmentation)


def _evaluate(config: Any, weights: Path, dataset: Dataset | None) -> Evaluation | None:
    if dataset is None:
        print("Nothing is evaluated: the file has no eval_input_reader.")
        return None
    config = copy.deepcopy(config)
    config.DETECTION_MIN_CONFIDENCE = MIN_SCORE
    detector = SSD("inference", config, weights.parent)
    detector.load_weights(weights)
    evaluation: Evaluation = detector.evaluate(dataset)
    print(f"\n{evaluation.table()}")
    return evaluation
