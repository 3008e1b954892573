"""The main job from start to end on the embedded data set, as a user's script would do it."""

import os
import time
from pathlib import Path

from maskdet.data.dataset import Dataset
from maskdet.data.scenes import write_scenes
from maskdet.data.split import split
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import Evaluation, evaluate_detections
from maskdet.models.mask_rcnn.mask_rcnn import MaskRCNN
from maskdet.models.mask_rcnn.scenes_config import ScenesConfig
from maskdet.models.reporting import write_report
from maskdet.progress import progress_bar

DEFAULT_IMAGES = 270


def _train(
    model: MaskRCNN, train_set: Dataset, test_set: Dataset, epochs: tuple[int, int] | None
) -> dict[str, list[float]]:
    """Losses by name over all epochs."""
    if epochs is None:
        return model.train(train_set, test_set)
    rate = model.config.LEARNING_RATE
    heads = model.train(train_set, test_set, rate, epochs[0], "heads")
    everything = model.train(train_set, test_set, rate / 2, sum(epochs), "all")
    return {name: heads[name] + everything[name] for name in heads}


def run_demo(
    out: str | os.PathLike[str],
    images: int = DEFAULT_IMAGES,
    epochs: tuple[int, int] | None = None,
    seed: int = 0,
    boxes_alone: bool = False,
) -> Evaluation:
    """Write a VOC data set, train in two stages, evaluate on held-out images, leave pictures.

    Args:
        out: folder for everything.
        images: size of the data set; a sixth of it is held out.
        epochs: of the heads, and of all layers after that; None: by the Config's recipe.
        seed: of the data set, its split and the training.
        boxes_alone: learn masks from boxes, as from a folder of LabelImg's files; outlines score
            them in the end.
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
    if boxes_alone:
        print("Masks are learned from the boxes alone; the outlines only score them in the end.")

    config = ScenesConfig()
    config.NUM_CLASSES, config.SEED = dataset.num_classes, seed
    if boxes_alone:
        config.MASK_SUPERVISION = "boxes"
    model = MaskRCNN(mode="training", config=config, model_dir=folder / "logs")
    model.load_weights("pretrained")
    history = _train(model, train_set, test_set, epochs)
    trained = time.perf_counter()
    weights = folder / "scenes.h5"
    model.save_weights(weights)

    config.DETECTION_MIN_CONFIDENCE = 0.001
    detector = MaskRCNN(mode="inference", config=config, model_dir=folder / "logs")
    detector.load_weights(weights)
    ids = list(test_set.image_ids)
    stream = detector.detections(test_set.load_image(i) for i in ids)
    detections = list(progress_bar(stream, "detecting", len(ids)))
    evaluation = evaluate_detections(test_set, detections)
    settings = {
        "seed": seed,
        "images": images,
        "epochs": list(epochs or ["recipe"]),
        "masks from": "boxes" if boxes_alone else "outlines",
    }
    paths = write_results(folder, test_set, detections, evaluation, history, settings)
    paths["report"] = folder / "report.html"
    write_report(
        paths["report"], detector, test_set, detections, evaluation, model.log_dir, title="The demo"
    )

    print(f"\n{evaluation.table()}")
    minutes = (time.perf_counter() - started) / 60
    print(f"{minutes:.1f} minutes, {(trained - started) / 60:.1f} of them data and training\n")
    for name, path in {"data set": folder / "dataset", "weights": weights, **paths}.items():
        print(f"{name + ':':22} {path}")
    return evaluation
