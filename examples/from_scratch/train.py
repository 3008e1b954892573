"""Trains a detector from nothing: no weights of others, batches of any size, one photo included.

Data: a folder of photos in a format that maskdet reads, such as LabelImg's files, ImageNet's
      localisation set or COCO's; without one, scenes that are drawn on the spot.
Run:  python examples/from_scratch/train.py --batch 1
      python examples/from_scratch/train.py --dataset PATH --batch 8
See README.md beside this file.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from backbone import SEPARABLE

from maskdet import SSD, Dataset, SsdConfig, open_model
from maskdet.data.own_parts import load_parts
from maskdet.data.scenes import write_scenes
from maskdet.data.split import split
from maskdet.errors import MaskdetError, UsageError
from maskdet.evaluation.report import evaluate_detections
from maskdet.files import write_whole
from maskdet.models.ssd.anchor_sizes import fit_anchor_sizes

#: Photos whose gradients make a step, whatever the batch.
STEP = 8
SCENES, QUICK_SCENES, SCENES_SIDE = 300, 24, 256
SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
# Average precision looks at the whole course from the surest detection down.
LEAST_SCORE = 0.001


class FromScratchConfig(SsdConfig):
    NAME = "from_scratch"
    BACKBONE = SEPARABLE
    IMAGE_MIN_DIM = 320
    IMAGE_MAX_DIM = 320
    SEPARABLE_HEADS = True
    EXTRA_CHANNELS = (192, 128)
    # All shapes of anchors on the finest map too; their sizes are fitted to the photos.
    ANCHOR_REDUCED = False
    # The statistics of the heads' few batch norms stay as they begin, 0 and 1, while gamma and beta
    # learn: what they get has been normed by the trunk, photo by photo.
    TRAIN_BN = False
    # Nothing has been learned before, so that no part of the network goes slower than another.
    BACKBONE_RATE = 1.0
    LEARNING_RATE = 0.004
    EVALUATE_EVERY = 5
    STATES_KEPT = 2


class QuickConfig(FromScratchConfig):
    """To see within a minute that everything runs; it learns next to nothing."""

    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    EVALUATE_EVERY = 2


def batch_settings(config: SsdConfig, batch: int) -> None:
    """Batches of this many photos of which so many make a step that a step has STEP photos.

    Raises:
        UsageError: if STEP photos are no whole number of such batches.
    """
    if batch < 1 or STEP % batch:
        raise UsageError(
            f"--batch {batch} does not divide the {STEP} photos of a step; use 1, 2, 4 or 8."
        )
    config.IMAGES_PER_GPU = batch
    config.GRADIENT_ACCUMULATION = STEP // batch
    # Schedules count batches.
    config.WARMUP_STEPS = 50 * config.GRADIENT_ACCUMULATION


def open_parts(folder: str | None, out: Path, scenes: int) -> dict[str, Dataset]:
    """Sets by "train", "val" and "test": the folder's own parts, or the set dealt out by SHARES.

    Args:
        folder: None: as many scenes as ``scenes`` says are drawn into a folder of ``out``.
    """
    if folder is None:
        folder = str(out / "scenes")
        write_scenes(folder, scenes, size=(SCENES_SIDE, SCENES_SIDE))
    elif not Path(folder).exists():
        raise UsageError(f"There is no {folder}; leave --dataset out to train on drawn scenes.")
    parts = load_parts(folder, on_error="skip")
    if "val" not in parts:
        parts = split(Dataset.load(folder, on_error="skip"), SHARES, seed=0, group="similar")
    parts.setdefault("test", parts["val"])
    return parts


def train(args: argparse.Namespace) -> None:
    """From photos to weights, and AP on photos that nothing was learned from."""
    out = Path(args.out)
    config = QuickConfig() if args.quick else FromScratchConfig()
    batch_settings(config, args.batch)
    parts = open_parts(args.dataset, out, QUICK_SCENES if args.quick else SCENES)
    config.NUM_CLASSES = parts["train"].num_classes
    config.SEED = args.seed
    config.ANCHOR_SIZES = fit_anchor_sizes(parts["train"], config)
    print(
        ", ".join(f"{name}: {len(part.image_ids)} photos" for name, part in parts.items())
        + f"; {config.GRADIENT_ACCUMULATION} batches of {args.batch} a step"
    )
    model = SSD("training", config, str(out / "logs"))
    if args.resume:
        model.load_weights(args.resume)
        print(f"Goes on from {args.resume}, {model.epoch} of {args.epochs} epochs")
    started = time.perf_counter()
    model.train(parts["train"], parts["val"], config.LEARNING_RATE, args.epochs, "all")
    minutes = (time.perf_counter() - started) / 60
    weights = out / "from_scratch.h5"
    model.save_weights(weights)
    trained = open_model(weights, min_score=LEAST_SCORE)
    test = parts["test"]
    evaluation = evaluate_detections(
        test, list(trained.detections(map(test.load_image, test.image_ids)))
    )
    print(evaluation.table())
    facts = {
        "batch": args.batch,
        "log": str(model.log_dir),
        "epochs": args.epochs,
        "seed": args.seed,
        "minutes": round(minutes, 1),
        "test photos": len(test.image_ids),
        "AP50": round(evaluation.box.ap50, 4),
        "AP": round(evaluation.box.ap, 4),
    }
    write_whole(out / "result.json", json.dumps(facts, indent=1) + "\n")
    trained.inspect(test.load_image(test.image_ids[0]), out / "features.jpg")
    print(f"{weights}, {out / 'features.jpg'}; {minutes:.1f} minutes of training, seed {args.seed}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", help="folder of the set; without, scenes are drawn")
    parser.add_argument(
        "--batch", type=int, default=8, help=f"photos at once, 1 to {STEP} (default: {STEP})"
    )
    parser.add_argument("--epochs", type=int, help="the total (default: 120)")
    parser.add_argument("--resume", help="checkpoint of a training that was cut")
    parser.add_argument("--out", default="from_scratch_output", help="folder for results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a minute at 128 pixels, with few scenes and epochs, to see that everything runs",
    )
    args = parser.parse_args()
    if args.epochs is None:
        args.epochs = 2 if args.quick else 120
    train(args)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"train.py: {error}")
