"""Teaches a detector the things of the game and writes find_it.tflite for the robot.

Data: boards that the game draws, see board.py.
Run:  python examples/find_it/train.py --boards boards
"""

import argparse
import sys
import time
from pathlib import Path

from maskdet import YOLOX, Dataset, YoloxConfig, open_model
from maskdet.errors import MaskdetError, UsageError, WeightsError
from maskdet.evaluation.report import evaluate_detections

#: Every tenth board measures what was learned.
HELD_OUT = 10
#: What the file tells of a board at most: of a thing it may tell several kinds.
MOST_THINGS = 60
#: The file tells even what is hardly there: the robot looks from several sides.
LEAST_SCORE = 0.02


class FindItConfig(YoloxConfig):
    NAME = "find_it"
    NUM_CLASSES = 15  # background and 14 kinds
    # Boards are square. Kinds are told apart by details such as the holes of a button, and of a
    # fork below others a few pixels of its handle may be all that is in sight.
    IMAGE_MIN_DIM = 416
    IMAGE_MAX_DIM = 416
    # COCO has few of these things, and all of them look otherwise: the trunk has much to learn.
    BACKBONE_RATE = 1.0
    # Boards are of one scale, and things lie at every angle already.
    AUGMENTATION = "light"


def open_boards(folder: str) -> tuple[Dataset, Dataset]:
    """Boards to learn from and boards to measure with.

    Raises:
        UsageError: if there are no boards, or too few.
    """
    if not Path(folder, "Annotations").is_dir():
        raise UsageError(
            f"There are no boards in {folder}; make some: "
            f"python examples/find_it/board.py --out {folder}"
        )
    boards = Dataset.load(folder)
    held_out = list(range(0, len(boards.image_ids), HELD_OUT))
    rest = [row for row in range(len(boards.image_ids)) if row % HELD_OUT]
    if not rest:
        raise UsageError(f"{folder} has one board; make {HELD_OUT} or more.")
    return boards.subset(rest), boards.subset(held_out)


def start(model: YOLOX, checkpoint: str | None) -> None:
    """Go on from a checkpoint, or begin with what the published detector learned on COCO."""
    if checkpoint is not None:
        model.load_weights(checkpoint)
        print(f"Goes on from {checkpoint}")
        return
    try:
        print(f"Starts from COCO weights: {len(model.load_weights('coco').loaded)} layers")
    except WeightsError as error:
        print(f"Starts from random weights, which takes many more epochs: {error}")


def train(args: argparse.Namespace) -> None:
    """From boards to the .tflite file."""
    boards, held_out = open_boards(args.boards)
    print(f"{len(boards.image_ids)} boards, {len(held_out.image_ids)} to measure with")
    config = FindItConfig()
    config.NUM_CLASSES = boards.num_classes
    config.SEED = args.seed
    model = YOLOX("training", config, args.logs)
    start(model, args.resume)
    started = time.perf_counter()
    model.train(boards, held_out, config.LEARNING_RATE, args.epochs, "all")
    print(f"{(time.perf_counter() - started) / 60:.1f} minutes of training, seed {args.seed}")
    out = Path(args.out)
    weights = out.with_suffix(".h5")
    model.save_weights(weights)
    trained = open_model(weights, min_score=0.001)
    detections = list(trained.detections(map(held_out.load_image, held_out.image_ids)))
    print(evaluate_detections(held_out, detections).table())
    open_model(weights).export(
        out, profile="detect", dataset=held_out, count=MOST_THINGS, min_score=LEAST_SCORE
    )
    print(f"{out}: python examples/find_it/play.py --weights {out}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Teaches the robot the things of the game.")
    parser.add_argument("--boards", default="boards", help="folder of board.py (default: boards)")
    parser.add_argument("--out", default="find_it.tflite", help="file for the robot")
    parser.add_argument("--logs", default="logs", help="folder for checkpoints (default: logs)")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--resume", help="checkpoint of a training that was cut")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"train.py: {error}")
