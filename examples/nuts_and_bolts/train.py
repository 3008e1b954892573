"""Tells nuts from bolts: a single-shot detector for a Raspberry Pi, from photos to an int8 file.

Data: a folder of your own photos with LabelImg files, or one with parts train, valid and test, such
      as the public set "NutsAndBolts" (kletech-university, version 2, CC BY 4.0) in YOLO's form.
Run:  python examples/nuts_and_bolts/train.py --dataset PATH
See README.md beside this file.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

from maskdet import SSD, Dataset, SsdConfig, open_model
from maskdet.data.split import split
from maskdet.errors import DataError, MaskdetError, UsageError, WeightsError
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import evaluate_detections
from maskdet.models.ssd.anchor_sizes import fit_anchor_sizes

SHAPE_OF_FOLDERS = (
    "give --dataset a folder of photos with LabelImg's .xml files beside them, of which a part is "
    "taken for the test; or one with folders train, valid and test of photos and .xml files; or a "
    "YOLO set with data.yaml, train/images, train/labels and so on. To see maskdet work without "
    "any photos of yours, run 'python -m maskdet demo'."
)
#: Parts and what folders of them are called.
PARTS = {"train": ("train",), "val": ("valid", "val"), "test": ("test",)}
SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
# Average precision looks at the whole course from the surest detection down.
LEAST_SCORE = 0.001


class NutsAndBoltsConfig(SsdConfig):
    NAME = "nuts_and_bolts"
    NUM_CLASSES = 3  # background, bolt, nut
    # A nut is a twelfth of a photo wide: at 300 pixels it would be one cell and a half.
    IMAGE_MIN_DIM = 416
    IMAGE_MAX_DIM = 416
    # The finest map has all shapes of anchors; their sizes are fitted to the photos in main().
    ANCHOR_REDUCED = False
    # COCO has nothing like them, so the trunk has more to learn than usual.
    BACKBONE_RATE = 0.5


class QuickConfig(NutsAndBoltsConfig):
    """To see within a minute that everything runs; it learns next to nothing."""

    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RECIPES = {"long": (("heads", 1.0, 100), ("all", 0.5, 100))}


def main():
    args = parse_arguments()
    parts = open_parts(args.dataset, args.seed)
    if args.quick:
        parts = {
            name: part.subset(range(min(16, len(part.image_ids)))) for name, part in parts.items()
        }
    print(", ".join(f"{name}: {len(part.image_ids)} photos" for name, part in parts.items()))

    config = QuickConfig() if args.quick else NutsAndBoltsConfig()
    config.NUM_CLASSES = parts["train"].num_classes
    config.SEED = args.seed
    config.ANCHOR_SIZES = fit_anchor_sizes(parts["train"], config)
    print("anchors from {:g} to {:g} of a photo's side".format(*config.ANCHOR_SIZES))
    model = SSD("training", config, args.logs)
    start(model)
    started = time.perf_counter()
    history = model.train(parts["train"], parts["val"], recipe="long")
    minutes = (time.perf_counter() - started) / 60
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    weights = out / "nuts_and_bolts.h5"
    model.save_weights(weights)

    report(args, weights, parts["test"], history, minutes)
    export(args, weights, parts)


def open_parts(folder, seed=0):
    """Data sets by part: the folder's own parts, else the whole set dealt out by SHARES.

    Objects and photos that cannot be used are left out; `python -m maskdet check` lists them.
    """
    folder = Path(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if (folder / "data.yaml").is_file():
            return {name: Dataset.load(folder, split=name, on_error="skip") for name in PARTS}
        if (folder / "train").is_dir():
            return own_folders(folder)
        return split(Dataset.load(folder, on_error="skip"), SHARES, seed=seed, group="similar")


def own_folders(folder):
    """The sets of the folders train, valid and test, with the classes of the first."""
    parts, classes = {}, None
    for name, choices in PARTS.items():
        own = next((folder / choice for choice in choices if (folder / choice).is_dir()), None)
        if own is None:
            raise DataError(f"{folder} has a folder train, but none called {choices[0]}.")
        parts[name] = Dataset.load(own, classes=classes, on_error="skip")
        classes = classes or list(parts[name].class_names)[1:]
    return parts


def start(model):
    """Begin with what the published detector learned on COCO, where its weights are at hand."""
    try:
        loaded = model.load_weights("coco").loaded
    except WeightsError as error:
        print(f"Starts from random weights, which takes many more photos and epochs: {error}")
    else:
        print(f"Starts from COCO weights: {len(loaded)} layers")


def report(args, weights, test_set, history, minutes):
    """Detect on the test photos, print the scores, draw a sheet and curves."""
    model = open_model(weights, min_score=LEAST_SCORE)
    detections = list(model.detections(test_set.load_image(i) for i in test_set.image_ids))
    evaluation = evaluate_detections(test_set, detections)
    settings = {"seed": args.seed, "training minutes": round(minutes, 1)}
    paths = write_results(args.out, test_set, detections, evaluation, history, settings)
    print(f"\n{evaluation.table()}")
    print(f"{len(detections)} test photos, {minutes:.1f} minutes of training, seed {args.seed}")
    print(f"COCO AP50: {evaluation.box.ap50:.3f}    COCO AP: {evaluation.box.ap:.3f}")
    print(f"weights: {weights}")
    for name, path in paths.items():
        print(f"{name}: {path}")


def export(args, weights, parts):
    """Write the int8 file for the Pi, unless it would not find what the network finds."""
    file = weights.with_suffix(".tflite")
    try:
        open_model(weights).export(
            file,
            profile="detect",
            calibration=parts["train"],
            dataset=parts["test"],
            verify=not args.quick,
        )
    except UsageError as error:
        print(f"No int8 file: {error}")
        return
    print(f"int8 file: {file} (on the Pi: python -m maskdet.runtime {file.name} camera --serve)")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", help="folder of the set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--logs", default="logs", help="folder for checkpoints (default: logs)")
    parser.add_argument("--out", default="nuts_and_bolts_output", help="folder for results")
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
