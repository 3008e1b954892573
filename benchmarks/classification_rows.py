"""What benchmarks/classification.py measures: trainings and files of classifiers, as rows."""

import dataclasses
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from accuracy_rows import setting_of
from accuracy_sets import chosen
from ai_edge_litert.interpreter import Interpreter
from lite_rows import as_file, copy_weights
from trained import opened

from maskdet import Classifier, ClassifierConfig, Dataset, open_model
from maskdet.backbones.registry import get_backbone
from maskdet.data.split import split
from maskdet.errors import UsageError
from maskdet.exporters.photos import calibration_images
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.source import Source
from maskdet.runtime import Classifier as FileClassifier
from maskdet.training.recipes import recipe_stages

ROUNDS, QUICK_ROUNDS = 101, 9
QUICK_PHOTOS = 16


@dataclasses.dataclass(frozen=True)
class Parts:
    """What is trained and tested on.

    Attributes:
        train, test: data sets.
        set: name of the set.
        split: "val", or the fold.
    """

    train: Dataset
    test: Dataset
    set: str
    split: str


def parts_of(folder, fold, quick):
    """The set's train/ and val/, or a fold (K, N) of train/ against the rest of it."""
    if not (folder / "train").is_dir():
        raise UsageError(f"There is no folder {folder / 'train'}; give --data the set's folder.")
    train = opened(folder / "train")
    if fold is None:
        parts = Parts(train, opened(folder / "val"), folder.name, "val")
    else:
        number, folds = fold
        shares = {str(k): 1 / folds for k in range(1, folds + 1)}
        held_out = split(train, shares, seed=0, group="similar")[str(number)]
        ids = {str(info["id"]) for info in held_out.image_info}
        rest = chosen(train, lambda image_id: image_id not in ids)
        parts = Parts(rest, held_out, folder.name, f"fold {number}/{folds}")
    if quick:
        few = {name: _some(getattr(parts, name)) for name in ("train", "test")}
        parts = dataclasses.replace(parts, **few)
    return parts


def _some(dataset):
    count = min(QUICK_PHOTOS, dataset.num_images)
    return dataset.subset(np.linspace(0, dataset.num_images - 1, count).astype(int).tolist())


def config_of(parts, seed, args):
    config = ClassifierConfig()
    config.NUM_CLASSES, config.SEED = parts.train.num_classes, seed
    config.EVALUATION_PICTURES, config.STATES_KEPT, config.CHECKPOINTS_KEPT = False, 0, 1
    for text in args.s:
        name, value = setting_of(text)
        if not hasattr(config, name):
            raise UsageError(f"-s {text}: {name} is no setting of ClassifierConfig.")
        setattr(config, name, value)
    return config


def recipe_row(parts, seed, augmentation, args):
    """A training by a recipe, as users call it."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        model = started(config_of(parts, seed, args), folder)
        model.train(parts.train, recipe=args.recipe, augmentation=augmentation)
        times = clock.minutes()
        weights = (args.keep or Path(folder)) / f"{parts.set}_{seed}.h5"
        weights.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(weights)
        scores = scores_of(weights, parts)
    words = {"layers": args.recipe, "augmentation": augmentation or model.config.AUGMENTATION}
    yield common_columns(parts, seed, args, model.config) | words | scores | times


def stage_rows(parts, seed, augmentation, args):
    """The recipe's first stage, then for each of the words one stage more from its weights."""
    config = config_of(parts, seed, args)
    first, *_, last = recipe_stages(config, args.recipe, parts.train.num_images)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "heads.h5"
        clock = Clock()
        model = started(config, folder)
        train = {"augmentation": augmentation}
        model.train(parts.train, None, first.learning_rate, first.epochs, first.layers, **train)
        times = clock.minutes()
        model.save_weights(weights)
        row = common_columns(parts, seed, args, config)
        row["augmentation"] = augmentation or config.AUGMENTATION
        for word in args.layers:
            spent = times
            if word != "heads":
                clock = Clock()
                model = Classifier("training", config, f"{folder}/{word}")
                model.load_weights(weights)
                model.train(parts.train, None, last.learning_rate, last.epochs, word, **train)
                spent = {name: value + times[name] for name, value in clock.minutes().items()}
            path = Path(folder) / "now.h5"
            model.save_weights(path)
            layers = word if word == "heads" else f"heads, {word}"
            yield row | {"layers": layers} | scores_of(path, parts) | spent
            keras.utils.clear_session()


def started(config, folder):
    model = Classifier("training", config, folder)
    model.load_weights("imagenet")
    return model


def scores_of(weights, parts):
    evaluation = open_model(weights).evaluate(parts.test, progress=False)
    wrong = evaluation.images - int(np.diag(evaluation.confusion).sum())
    return {
        "accuracy": evaluation.accuracy,
        "wrong": wrong,
        "images": evaluation.images,
        "calibration": evaluation.calibration_error,
        "log loss": float(-np.log(np.maximum(evaluation.true_scores, 1e-7)).mean()),
    }


def common_columns(parts, seed, args, config):
    return {
        "set": parts.set,
        "split": parts.split,
        "seed": seed,
        "backbone": str(config.BACKBONE),
        "side": int(config.IMAGE_MAX_DIM),
        "settings": " ".join(args.s),
        "photos": parts.train.num_images,
    }


class Clock:
    """Minutes by the wall and of the processor since it was made."""

    def __init__(self):
        self.begun = time.perf_counter(), time.process_time()

    def minutes(self):
        wall, cpu = self.begun
        return {
            "minutes": round((time.perf_counter() - wall) / 60, 2),
            "cpu_minutes": round((time.process_time() - cpu) / 60, 2),
        }


# ---- one photo ---------------------------------------------------------------------------------
def latency_rows(parts, quick):
    """A photo through the runtime beside the backbone's own file, float32 and int8."""
    config = ClassifierConfig()
    config.NUM_CLASSES = parts.train.num_classes
    photos = list(calibration_images(parts.train, 8 if quick else 100, False))
    photo = parts.test.load_image(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = Classifier("inference", config, folder)
        model.load_weights("imagenet")
        side = int(config.IMAGE_MAX_DIM)
        image = keras.Input(batch_shape=(1, side, side, 3), name="image")
        alone = keras.Model({"image": image}, {"c5": get_backbone(config.BACKBONE).build(image)[4]})
        copy_weights(alone, model.network)
        for precision in ("int8",) if quick else ("float32", "int8"):
            path = Path(folder) / f"{precision}.tflite"
            calibration = photos if precision == "int8" else None
            model.export(path, precision, calibration=calibration, verify=False, progress=False)
            request = ExportRequest.of(model.family.task, precision, None, True, None, 0.05)
            backbone = as_file(alone, Source(model.trained, request), photos[:8])
            times = turns(
                FileClassifier(path, threads=1), photo, backbone, QUICK_ROUNDS if quick else ROUNDS
            )
            sizes = {"file": precision, "photo": "x".join(map(str, photo.shape[:2]))}
            rows.append(sizes | {"MB": path.stat().st_size / 1e6} | times)
    return rows


def turns(runner, photo, backbone, rounds):
    """Medians in milliseconds: photo to labels, and the backbone's file, taking turns."""
    interpreter = Interpreter(model_content=backbone, num_threads=1)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    placement, _ = runner._placed(photo.shape[:2])
    interpreter.set_tensor(detail["index"], runner._fed(photo, placement).astype(detail["dtype"]))
    whole, part = [], []
    for _ in range(rounds + 3):
        for call, times in ((lambda: runner.classify(photo), whole), (interpreter.invoke, part)):
            begun = time.perf_counter()
            call()
            times.append(1e3 * (time.perf_counter() - begun))
    medians = statistics.median(whole[3:]), statistics.median(part[3:])
    ratios = [one / other for one, other in zip(whole[3:], part[3:], strict=True)]
    return {
        "end to end ms": medians[0],
        "backbone ms": medians[1],
        "ratio": medians[0] / medians[1],
        "median of ratios": statistics.median(ratios),
        "least end to end ms": min(whole[3:]),
        "least backbone ms": min(part[3:]),
    }
