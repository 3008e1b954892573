"""Tells camouflage clothes from ordinary ones: a classifier by transfer learning, from folders of
photos to an int8 file.

Data: a folder of your own with the folders camouflage_clothes/ and normal_clothes/ of photos.
Run:  python examples/camouflage/train.py --dataset PATH
See README.md beside this file.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from maskdet import Classifier, ClassifierConfig, Dataset, open_model
from maskdet.data.split import split
from maskdet.errors import MaskdetError, UsageError

SHAPE_OF_FOLDERS = (
    "give --dataset a folder with one folder of photos a class, such as camouflage_clothes/ and "
    "normal_clothes/, of which a part is taken for the test; or one with train/, val/ and test/, "
    "each holding such folders. No such set comes with maskdet: take photos yourself, or collect "
    "freely licensed ones (a search for images that lists licences, or a photo archive, by words "
    "such as 'camouflage jacket' and 'jacket'); a hundred a class is a good beginning, of other "
    "people and places in each part."
)
#: Parts and what folders of them are called.
PARTS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}
SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
QUICK_PHOTOS = 16


class CamouflageConfig(ClassifierConfig):
    NAME = "camouflage"


class QuickConfig(CamouflageConfig):
    """To see within a minute that everything runs; it learns little."""

    IMAGE_MIN_DIM = 72
    IMAGE_MAX_DIM = 64
    RECIPES = {"default": (("heads", 1.0, 200),)}


def main():
    args = parse_arguments()
    parts = open_parts(Path(args.dataset), args.seed)
    if args.quick:
        parts = {name: few(part) for name, part in parts.items()}
    print(", ".join(f"{name}: {len(part.image_ids)} photos" for name, part in parts.items()))

    config = QuickConfig() if args.quick else CamouflageConfig()
    config.NUM_CLASSES = parts["train"].num_classes
    config.SEED = args.seed
    model = Classifier("training", config, args.logs)
    model.load_weights("imagenet")
    started = time.perf_counter()
    model.train(parts["train"], parts["val"])
    minutes = (time.perf_counter() - started) / 60
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    weights = out / "camouflage.h5"
    model.save_weights(weights)

    model = open_model(weights)
    report(args, model, parts["test"], minutes)
    export(args, model, parts)


def open_parts(folder, seed=0):
    """Data sets by part: the folder's own parts, else the whole set dealt out by SHARES.

    Photos that cannot be read are left out, each with a warning.
    """
    if not (folder / "train").is_dir():
        return split(Dataset.load(folder, on_error="skip"), SHARES, seed=seed, group="similar")
    parts = {}
    for name, choices in PARTS.items():
        own = next((choice for choice in choices if (folder / choice).is_dir()), None)
        if own is None:
            raise UsageError(f"{folder} has a folder train, but none called {choices[0]}.")
        parts[name] = Dataset.load(folder, split=own, on_error="skip")
    return parts


def few(dataset):
    """Sixteen of a set's photos, spread over its classes."""
    count = len(dataset.image_ids)
    step = max(1, count // QUICK_PHOTOS)
    return dataset.subset(range(0, count, step)[:QUICK_PHOTOS])


def report(args, model, test_set, minutes):
    """Score the test photos; write the scores, the worst photos and a look into the network."""
    out = Path(args.out)
    evaluation = model.evaluate(test_set, progress=False)
    print(f"\n{evaluation.table()}\n")
    print(f"{evaluation.images} test photos, {minutes:.1f} minutes of training, seed {args.seed}")
    print(f"accuracy: {evaluation.accuracy:.3f}")
    metrics = evaluation.to_dict() | {"seed": args.seed, "training minutes": round(minutes, 1)}
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    evaluation.draw_worst(test_set, out / "worst.png")
    model.inspect(test_set.load_image(evaluation.worst(1)[0]), out / "inside.png")
    for name in ("metrics.json", "worst.png", "inside.png"):
        print(f"{name}: {out / name}")


def export(args, model, parts):
    """Write the int8 file, unless it would not say what the network says."""
    file = Path(args.out) / "camouflage.tflite"
    try:
        model.export(file, calibration=parts["train"], dataset=parts["test"], verify=not args.quick)
    except UsageError as error:
        print(f"No int8 file: {error}")
        return
    print(f"int8 file: {file} (one photo: python -m maskdet.runtime {file.name} PHOTO)")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", help="folder of the set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--logs", default="logs", help="folder for checkpoints (default: logs)")
    parser.add_argument("--out", default="camouflage_output", help="folder for results")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a minute with 16 photos of each part, to see that everything runs",
    )
    args = parser.parse_args()
    if args.dataset is None:
        parser.error(SHAPE_OF_FOLDERS)
    if not Path(args.dataset).is_dir():
        parser.error(f"there is no folder {args.dataset}; {SHAPE_OF_FOLDERS}")
    return args


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"train.py: {error}")
