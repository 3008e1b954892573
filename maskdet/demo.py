"""The main job from start to end on the embedded data set, as a user's script would do it."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from maskdet.config import Config, MobileConfig
from maskdet.data.dataset import Dataset
from maskdet.data.scenes import write_scenes
from maskdet.data.split import split
from maskdet.errors import UsageError
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import Evaluation, evaluate_detections
from maskdet.images import read_image, write_image
from maskdet.models.mask_rcnn import MaskRCNN
from maskdet.training.checkpoints import read_sidecar

DEFAULT_IMAGES = 270
DEFAULT_EPOCHS = (3, 7)
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif"}


class ScenesConfig(MobileConfig):
    """The light network for the embedded scenes."""

    NAME = "scenes"
    IMAGE_MIN_DIM = 256
    IMAGE_MAX_DIM = 256
    RPN_ANCHOR_SCALES = (32, 56, 96, 160)
    TRAIN_ROIS_PER_IMAGE = 32
    AUGMENTATION = "light"
    # All layers train at a tenth of it, the backbone like the rest.
    LEARNING_RATE = 0.003
    BACKBONE_RATE = 1.0


def run_demo(
    out: str | os.PathLike[str],
    images: int = DEFAULT_IMAGES,
    epochs: tuple[int, int] = DEFAULT_EPOCHS,
    seed: int = 0,
) -> Evaluation:
    """Write a VOC data set, train in two stages, evaluate on held-out images, leave pictures.

    Args:
        out: folder for everything.
        images: size of the data set; a sixth of it is held out.
        epochs: of the heads, and of all layers after that.
        seed: of the data set, its split and the training.
    """
    started = time.perf_counter()
    folder = Path(out)
    side = ScenesConfig.IMAGE_MAX_DIM
    write_scenes(folder / "dataset", images, size=(side, side), seed=seed)
    dataset = Dataset.load(folder / "dataset")
    parts = split(dataset, {"train": 5 / 6, "test": 1 / 6}, seed=seed)
    train_set, test_set = parts["train"], parts["test"]
    classes = ", ".join(dataset.class_names[1:])
    print(
        f"{len(train_set.image_ids)} images to train on, {len(test_set.image_ids)} held out; "
        f"classes: {classes}"
    )

    config = ScenesConfig()
    config.NUM_CLASSES, config.SEED = dataset.num_classes, seed
    model = MaskRCNN(mode="training", config=config, model_dir=folder / "logs")
    model.load_weights("imagenet")
    heads = model.train(train_set, test_set, config.LEARNING_RATE, epochs=epochs[0], layers="heads")
    everything = model.train(
        train_set, test_set, config.LEARNING_RATE / 10, epochs=sum(epochs), layers="all"
    )
    trained = time.perf_counter()
    weights = folder / "scenes.h5"
    model.save_weights(weights)

    config.DETECTION_MIN_CONFIDENCE = 0.05
    detector = MaskRCNN(mode="inference", config=config, model_dir=folder / "logs")
    detector.load_weights(weights)
    ids = list(test_set.image_ids)
    stream = detector.detections(test_set.load_image(i) for i in ids)
    found = list(tqdm(stream, "detecting", len(ids), unit="image"))
    evaluation = evaluate_detections(test_set, found)
    history = {name: heads[name] + everything[name] for name in heads}
    settings = {"seed": seed, "images": images, "epochs": list(epochs)}
    paths = write_results(folder, test_set, found, evaluation, history, settings)

    print(f"\n{evaluation.table()}")
    minutes = (time.perf_counter() - started) / 60
    print(f"{minutes:.1f} minutes, {(trained - started) / 60:.1f} of them data and training\n")
    for name, path in {"data set": folder / "dataset", "weights": weights, **paths}.items():
        print(f"{name + ':':22} {path}")
    return evaluation


def trained_model(weights: str | os.PathLike[str], min_score: float | None = None) -> MaskRCNN:
    """A model for inference from a weight file and the JSON beside it.

    Args:
        min_score: lowest score of a detection; by default the training's.

    Raises:
        UsageError: if the weights lack the JSON.
    """
    facts = read_sidecar(weights)
    if "config" not in facts:
        raise UsageError(
            f"{os.fspath(weights)}.json is missing or damaged; copy it along with the weights, "
            "it holds the Config and the class names."
        )
    config = Config.from_dict(facts["config"])
    if min_score is not None:
        config.DETECTION_MIN_CONFIDENCE = min_score
    model = MaskRCNN(mode="inference", config=config, model_dir="logs")
    model.load_weights(weights)
    return model


def detect_photos(
    weights: str | os.PathLike[str],
    photos: Sequence[str],
    out: str | os.PathLike[str],
    min_score: float = 0.5,
) -> list[Path]:
    """Draw what trained weights find in photos; prints a line a photo.

    Raises:
        UsageError: if there are no photos, or the weights lack the JSON beside them.
    """
    model = trained_model(weights, min_score)
    paths = [path for name in photos for path in _photos_of(Path(name))]
    if not paths:
        raise UsageError(f"There are no photos in {', '.join(photos)}.")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    found = model.detections(read_image(path) for path in paths)
    for path, detections in zip(paths, found, strict=True):
        drawn.append(folder / f"{path.stem}.jpg")
        write_image(drawn[-1], detections.draw(read_image(path)))
        objects = ", ".join(
            f"{name} {score:.2f}"
            for name, score in zip(detections.names, detections.scores, strict=True)
        )
        print(f"{path}: {objects or 'nothing'} -> {drawn[-1]}")
    return drawn


def _photos_of(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
    return [path]
