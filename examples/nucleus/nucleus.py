"""Finds the nuclei of cells in microscope pictures, and writes a table of run lengths.

Data: the layout of the Data Science Bowl 2018, a folder for each picture:
<id>/images/<id>.png and, for training, <id>/masks/*.png with one nucleus each.

    python examples/nucleus/nucleus.py train --dataset DIR --subset stage1_train
    python examples/nucleus/nucleus.py submit --dataset DIR --subset stage1_test \\
        --weights nucleus_output/nucleus.h5

See README.md beside this file.
"""

import argparse
import csv
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet import Augmentation, Dataset, LiteConfig, MaskRCNN
from maskdet.data.split import split
from maskdet.errors import DataError, MaskdetError
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import evaluate_detections
from maskdet.files import write_whole
from maskdet.images import read_image, write_image
from maskdet.training.checkpoints import read_sidecar

Array = NDArray[Any]

CLASS_HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]


# ---- data ---------------------------------------------------------------------------------------
class NucleusDataset(Dataset):
    """A folder for each picture, a file for each nucleus."""

    def load_nucleus(self, dataset_dir: str | Path, subset: str | None = None) -> None:
        """Add the pictures of ``dataset_dir``/``subset``, or of ``dataset_dir`` itself."""
        self.add_class("nucleus", 1, "nucleus")
        folder = Path(dataset_dir) / subset if subset else Path(dataset_dir)
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder}; check --dataset and --subset.")
        for one in sorted(path for path in folder.iterdir() if path.is_dir()):
            picture = one / "images" / f"{one.name}.png"
            if picture.is_file():
                self.add_image("nucleus", one.name, str(picture), masks=str(one / "masks"))
        if not self.image_info:
            subsets = [path.name for path in sorted(folder.iterdir()) if path.is_dir()][:4]
            hint = f" (it holds {', '.join(subsets)}: name one as --subset)" if subsets else ""
            raise DataError(f"{folder} holds no <id>/images/<id>.png{hint}.")

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool (H, W, N), one a file in order of their names, and N times class 1."""
        info = self.image_info[image_id]
        folder, shape = Path(info["masks"]), self.image_shape(image_id)
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder}, so {info['id']} has no nuclei to learn.")
        paths = sorted(folder.glob("*.png"))
        masks = np.zeros((*shape, len(paths)), dtype=bool)
        for i, path in enumerate(paths):
            plane = read_image(path)[..., 0] > 127
            if plane.shape != shape:
                raise DataError(
                    f"{path} has {plane.shape} pixels, its picture {shape}; make them one size."
                )
            masks[..., i] = plane
        return masks, np.ones(len(paths), dtype=np.int32)

    def image_reference(self, image_id: int) -> str:
        return str(self.image_info[image_id]["id"])


# ---- network ------------------------------------------------------------------------------------
class NucleusConfig(LiteConfig):
    """The light network for many small objects: crops of enlarged pictures, a finer pyramid."""

    NAME = "nucleus"
    NUM_CLASSES = 2
    # Training sees random parts of 256 x 256 of the pictures at twice their size; detection all.
    IMAGE_RESIZE_MODE = "crop"
    IMAGE_MIN_DIM = 256
    IMAGE_MAX_DIM = 256
    IMAGE_MIN_SCALE = 2.0
    BACKBONE_STRIDES = [4, 8, 16, 32, 64]
    RPN_ANCHOR_SCALES = (12, 24, 48, 96, 160)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 192
    PRE_NMS_LIMIT = 2000
    POST_NMS_ROIS_TRAINING = 400
    POST_NMS_ROIS_INFERENCE = 600
    TRAIN_ROIS_PER_IMAGE = 96
    MAX_GT_INSTANCES = 100
    DETECTION_MAX_INSTANCES = 300
    DETECTION_NMS_THRESHOLD = 0.3
    IMAGES_PER_GPU = 4


# Under a microscope there is no up and down.
AUGMENTATION = Augmentation.preset("light").replace(flip=0.5, flip_vertical=0.5)


def start_from(model: MaskRCNN, weights: str) -> None:
    """Load "imagenet", "last", nothing ("none") or a file; of another set all but the classes."""
    if weights == "imagenet":
        model.load_weights("imagenet")
    elif weights != "none":
        path = model.find_last() if weights == "last" else weights
        same = read_sidecar(path).get("config", {}).get("NAME") == model.config.NAME
        model.load_weights(path, by_name=True, exclude=None if same else CLASS_HEADS)


def train(args: argparse.Namespace) -> None:
    """Train on a part of the pictures, evaluate on the rest, write the weights."""
    dataset = NucleusDataset()
    dataset.load_nucleus(args.dataset, args.subset)
    dataset.prepare()
    shares = {"train": 1 - args.held_out, "test": args.held_out}
    parts = split(dataset, shares, seed=args.seed)
    train_set, test_set = parts["train"], parts["test"]
    print(f"{train_set.num_images} pictures to train on, {test_set.num_images} held out")
    config = NucleusConfig()
    config.SEED, config.STEPS_PER_EPOCH = args.seed, args.steps
    model = MaskRCNN(mode="training", config=config, model_dir=args.logs)
    start_from(model, args.weights)
    started, first, rate = time.perf_counter(), model.epoch, config.LEARNING_RATE
    heads, everything = args.epochs
    stages = [("heads", rate, heads), ("all", rate / 2, heads + everything)]
    for layers, stage_rate, last in stages:
        if first + last > model.epoch:
            model.train(
                train_set, test_set, stage_rate, first + last, layers, augmentation=AUGMENTATION
            )
    weights = Path(args.output) / "nucleus.h5"
    weights.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(weights)
    print(f"{(time.perf_counter() - started) / 60:.1f} minutes; weights: {weights}")

    args.weights = weights
    found = list(detector(args, 0.05).detections(map(test_set.load_image, test_set.image_ids)))
    evaluation = evaluate_detections(test_set, found)
    write_results(args.output, test_set, found, evaluation)
    print(f"{evaluation.table()}\npictures: {args.output}")


def detector(args: argparse.Namespace, least_score: float) -> MaskRCNN:
    config = NucleusConfig()
    config.IMAGES_PER_GPU = 1
    config.DETECTION_MIN_CONFIDENCE = least_score
    model = MaskRCNN(mode="inference", config=config, model_dir=args.logs)
    model.load_weights(model.find_last() if args.weights == "last" else args.weights)
    return model


# ---- run lengths --------------------------------------------------------------------------------
def rle_encode(mask: Array) -> str:
    """A mask bool (H, W) as "start length start length ...".

    Pixels are counted from 1, down the first column, then down the second, and so on.
    """
    column_by_column = np.concatenate([[0], mask.astype(np.int8).T.ravel(), [0]])
    # Where a run begins the difference is 1, one pixel after its end it is -1.
    change = np.diff(column_by_column)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return " ".join(f"{a + 1} {b - a}" for a, b in zip(starts, ends, strict=True))


def rle_decode(text: str, shape: tuple[int, int]) -> Array:
    """Inverse of :func:`rle_encode`: bool (H, W) of ``shape``."""
    numbers = np.array(text.split(), dtype=np.int64)
    if len(numbers) % 2:
        raise DataError("Run lengths must come in pairs of start and length; the text is cut off.")
    pixels = np.zeros(shape[0] * shape[1], dtype=bool)
    for start, length in numbers.reshape(-1, 2):
        pixels[start - 1 : start - 1 + length] = True
    return pixels.reshape(shape, order="F")


def without_overlaps(masks: Array, scores: Sequence[float] | Array) -> list[Array]:
    """Masks (H, W, N), best score first, each without the pixels of better ones; none is empty."""
    taken = np.zeros(masks.shape[:2], dtype=bool)
    kept = []
    for i in np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable"):
        own = masks[..., i].astype(bool) & ~taken
        taken |= own
        if own.any():
            kept.append(own)
    return kept


def submission_rows(
    image_id: str, masks: Array, scores: Sequence[float] | Array
) -> list[tuple[str, str]]:
    """(image id, run lengths) for each nucleus; one row with no run where there is none."""
    rows = [(image_id, rle_encode(mask)) for mask in without_overlaps(masks, scores)]
    return rows or [(image_id, "")]


def submit(args: argparse.Namespace) -> None:
    """Detect in every picture of a subset; write submission.csv and, if asked, pictures."""
    dataset = NucleusDataset()
    dataset.load_nucleus(args.dataset, args.subset)
    dataset.prepare()
    model = detector(args, args.min_score)
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["ImageId", "EncodedPixels"])
    nuclei = 0
    for image_id in dataset.image_ids:
        image, name = dataset.load_image(image_id), dataset.image_info[image_id]["id"]
        [found] = model.detections([image])
        nuclei += len(found)
        writer.writerows(submission_rows(name, found.masks, found.scores))
        if args.pictures:
            write_image(folder / f"{name}.png", found.draw(image))
    target = folder / "submission.csv"
    write_whole(target, table.getvalue())
    print(f"{nuclei} nuclei in {dataset.num_images} pictures; {target}")


# ---- command line -------------------------------------------------------------------------------
def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--dataset", required=True, help="folder with the subsets")
    common.add_argument("--subset", help="its folder to take, e.g. stage1_train; none: DIR itself")
    common.add_argument("--logs", default="logs", help="folder of checkpoints (default: logs)")
    common.add_argument("--output", default="nucleus_output", help="folder for results")

    one = commands.add_parser("train", parents=[common], help=train.__doc__)
    one.add_argument(
        "--weights",
        default="imagenet",
        help="'imagenet' (default), 'none', 'last' or a .h5 file to start from",
    )
    one.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        default=[4, 16],
        metavar=("HEADS", "ALL"),
        help="epochs of the two stages (default: 4 16)",
    )
    one.add_argument("--steps", type=int, help="batches an epoch (default: all pictures once)")
    one.add_argument(
        "--held-out", type=float, default=0.1, help="share for the evaluation (default: 0.1)"
    )
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=train)

    two = commands.add_parser("submit", parents=[common], help=submit.__doc__)
    two.add_argument("--weights", required=True, help="a trained .h5 file, or 'last'")
    two.add_argument(
        "--min-score", type=float, default=0.5, help="lowest score of a nucleus (default: 0.5)"
    )
    two.add_argument("--pictures", action="store_true", help="also draw what was found")
    two.set_defaults(run=submit)
    args = parser.parse_args(arguments)
    if args.command == "train" and (min(args.epochs) < 0 or not any(args.epochs)):
        parser.error("--epochs needs two numbers, one of them 1 or more")
    if args.command == "train" and not 0 < args.held_out < 1:
        parser.error("--held-out must lie between 0 and 1")
    return args


def main() -> None:
    args = parse_arguments()
    try:
        args.run(args)
    except (MaskdetError, FileNotFoundError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")


if __name__ == "__main__":
    main()
