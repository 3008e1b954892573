"""Finds kangaroos: the classic tutorial, on two CPU cores.

Data: the kangaroo set (experiencor/kangaroo: 164 photos with VOC XML, no licence stated).
Run:  python examples/kangaroo/train.py --dataset PATH
See README.md beside this file for time and results.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from maskdet import Dataset, MaskRCNN, MobileConfig
from maskdet.data.formats.voc import read_objects
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import evaluate_detections

PUBLISHED = ("pretrained", "coco", "imagenet")
NO_DATASET = (
    "give --dataset the folder of the kangaroo set. It is the GitHub repository "
    "experiencor/kangaroo: fetch it with 'git clone https://github.com/experiencor/kangaroo'. "
    "To see maskdet work without any download, run 'python -m maskdet demo'."
)


class KangarooDataset(Dataset):
    """Photos in images/, LabelImg files in annots/, as the tutorial splits them."""

    def load_dataset(self, dataset_dir, is_train=True, held_out=None):
        """Add the training photos (ids below 150) or the test photos (from 150 on).

        held_out: None for the tutorial's split; otherwise the training photos are split once more
        to choose settings without a look at the test photos: every fifth is held out.
        """
        self.add_class("dataset", 1, "kangaroo")
        images = Path(dataset_dir) / "images"
        number = 0
        for path in sorted(images.glob("*.jpg")):
            if path.stem == "00090":  # truncated
                continue
            of_training = int(path.stem) < 150
            if held_out is None:
                wanted = of_training == is_train
            else:
                number += 1
                wanted = of_training and (number % 5 == 0) == held_out
            if wanted:
                annotation = Path(dataset_dir) / "annots" / f"{path.stem}.xml"
                self.add_image("dataset", path.stem, str(path), annotation=str(annotation))

    def load_boxes(self, image_id):
        """Boxes y1, x1, y2, x2 and class ids. The set has no masks, so none are made up."""
        objects = read_objects(self.image_info[image_id]["annotation"])
        boxes = np.array([item.box for item in objects], dtype=np.float32).reshape(-1, 4)
        return boxes, np.ones(len(boxes), dtype=np.int32)

    def image_reference(self, image_id):
        return self.image_info[image_id]["path"]


class KangarooConfig(MobileConfig):
    NAME = "kangaroo_cfg"
    NUM_CLASSES = 2


class PredictionConfig(KangarooConfig):
    # Average precision looks at the whole course from the surest detection down.
    DETECTION_MIN_CONFIDENCE = 0.001


def main():
    args = parse_arguments()
    held_out = args.validate
    train_set = KangarooDataset()
    train_set.load_dataset(args.dataset, is_train=True, held_out=False if held_out else None)
    train_set.prepare()
    test_set = KangarooDataset()
    test_set.load_dataset(args.dataset, is_train=False, held_out=True if held_out else None)
    test_set.prepare()
    print(f"{len(train_set.image_ids)} photos to train on, {len(test_set.image_ids)} to test on")

    config = KangarooConfig()
    config.SEED = args.seed
    model = MaskRCNN(mode="training", model_dir=args.logs, config=config)
    if args.weights in PUBLISHED:
        model.load_weights(args.weights)
    else:
        model.load_weights(
            args.weights,
            by_name=True,
            exclude=["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"],
        )
    started = time.perf_counter()
    if args.epochs is None:
        history = model.train(train_set, recipe=args.recipe)
    else:
        history = train_in_two_stages(model, train_set, args.epochs)
    minutes = (time.perf_counter() - started) / 60
    weights = Path(args.out) / "kangaroo.h5"
    weights.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(weights)
    report(args, weights, test_set, history, minutes)


def train_in_two_stages(model, train_set, epochs):
    """The tutorial's way: the heads first, then everything; gives the losses of both."""
    heads, everything = epochs
    rate = model.config.LEARNING_RATE
    first = model.train(train_set, None, learning_rate=rate, epochs=heads, layers="heads")
    second = model.train(
        train_set, None, learning_rate=rate / 2, epochs=heads + everything, layers="all"
    )
    return {name: first[name] + second[name] for name in first}


def report(args, weights, test_set, history, minutes):
    """Detect on the test photos with a fresh model, print both figures, draw pictures."""
    model = MaskRCNN(mode="inference", model_dir=args.logs, config=PredictionConfig())
    model.load_weights(weights)
    images = [test_set.load_image(i) for i in test_set.image_ids]
    found = list(model.detections(images))
    evaluation = evaluate_detections(test_set, found)
    settings = {
        "seed": args.seed,
        "recipe": args.epochs or args.recipe,
        "training minutes": round(minutes, 1),
    }
    paths = write_results(args.out, test_set, found, evaluation, history, settings)
    where = "held-out training" if args.validate else "test"
    print(f"\n{len(images)} {where} photos, {minutes:.1f} minutes of training, seed {args.seed}")
    print(f"tutorial's figure (mean over photos of AP at IoU 0.5): {evaluation.matterport_ap:.3f}")
    print(f"COCO AP50: {evaluation.box.ap50:.3f}    COCO AP: {evaluation.box.ap:.3f}")
    print(f"weights: {weights}")
    for name, path in paths.items():
        print(f"{name}: {path}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", help="folder with images/ and annots/")
    parser.add_argument(
        "--weights",
        default="pretrained",
        help="'pretrained' (default: COCO's where they are to be had, else ImageNet's), 'coco', "
        "'imagenet' or a .h5 file to start from",
    )
    parser.add_argument(
        "--recipe", default="default", help="of train(): default or quick (default: %(default)s)"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        metavar=("HEADS", "ALL"),
        help="epochs of two stages in place of a recipe",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--logs", default="logs", help="folder for checkpoints (default: logs)")
    parser.add_argument("--out", default="kangaroo_output", help="folder for results")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="hold out every fifth training photo and test on these: to choose settings",
    )
    args = parser.parse_args()
    if args.dataset is None:
        parser.error(NO_DATASET)
    if not (Path(args.dataset) / "annots").is_dir():
        parser.error(f"{args.dataset} has no folder annots/ with LabelImg files; {NO_DATASET}")
    return args


if __name__ == "__main__":
    sys.exit(main())
