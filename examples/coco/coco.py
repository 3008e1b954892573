"""Trains and evaluates on COCO, or on any set in COCO's format.

    python examples/coco/coco.py evaluate --dataset DIR --weights FILE.h5
    python examples/coco/coco.py train --dataset DIR --train-subset train2017

DIR holds annotations/instances_<subset>.json and the photos in <subset>/, as COCO is unpacked; or
one instances.json with the photos in images/; or --dataset is the JSON file itself.
See README.md beside this file.
"""

import argparse
import contextlib
import io
import json
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as mask_tools
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskdet import Augmentation, Config, Dataset, Detections, MaskRCNN, MobileConfig
from maskdet.errors import DataError, MaskdetError
from maskdet.files import write_whole
from maskdet.geometry import decode_rle, mask_from_polygons
from maskdet.training.checkpoints import read_sidecar

Array = NDArray[Any]

PUBLISHED = ("pretrained", "coco", "imagenet")
CLASS_HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]


# ---- data ---------------------------------------------------------------------------------------
def find_files(source: str | Path, subset: str | None) -> tuple[Path, list[Path]]:
    """The annotation file and the folders in which its photos may lie."""
    path = Path(source)
    if path.is_file():
        return path, [path.parent / "images", path.parent, path.parent.parent / path.stem]
    names = [f"annotations/instances_{subset}.json", f"{subset}.json"] if subset else []
    names += ["instances.json", "annotations.json"]
    for name in names:
        if (path / name).is_file():
            folders = [path / subset] if subset else []
            return path / name, [*folders, path / "images", path]
    raise DataError(f"{path} has none of {', '.join(names)}; give the JSON file as --dataset.")


def object_mask(segmentation: Any, shape: tuple[int, int]) -> Array:
    """COCO's outline of one object as bool (H, W): polygons, or run lengths of either form."""
    if isinstance(segmentation, list):
        parts = [np.array(part, dtype=np.float64).reshape(-1, 2) for part in segmentation]
        return mask_from_polygons([part[:, ::-1] for part in parts if len(part) > 2], shape)
    if isinstance(segmentation["counts"], list):
        mask = decode_rle(segmentation)
    else:
        with warnings.catch_warnings():
            # pycocotools' compiled part uses an old signature of numpy's __array__.
            warnings.simplefilter("ignore", DeprecationWarning)
            mask = mask_tools.decode(segmentation).astype(bool)
    if mask.shape != tuple(shape):
        raise DataError(f"Run lengths of {mask.shape} pixels do not fit a photo of {shape}.")
    return mask


class CocoDataset(Dataset):
    """Photos with the objects of a COCO file; crowds have negative class ids."""

    def load_coco(
        self,
        source: str | Path,
        subset: str | None = None,
        class_ids: Iterable[int] | None = None,
    ) -> COCO:
        """Add classes and photos.

        Args:
            source: the folder of a set, or an annotation file.
            subset: "val2017" and the like, for a folder that holds several.
            class_ids: COCO's category ids; then only they, and photos that show one of them.

        Returns:
            pycocotools' object of the file, for the evaluation.
        """
        path, folders = find_files(source, subset)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                coco = COCO(str(path))
            wanted = sorted(coco.getCatIds() if class_ids is None else set(class_ids))
            names = {item["id"]: item["name"] for item in coco.loadCats(wanted)}
        except (ValueError, KeyError, AssertionError) as error:
            raise DataError(f"{path} is no COCO annotation file ({error!r}).") from error
        for class_id in wanted:
            self.add_class("coco", class_id, names[class_id])
        image_ids = coco.getImgIds()
        if class_ids is not None:
            image_ids = set().union(*(coco.getImgIds(catIds=[i]) for i in wanted))
        for image_id in sorted(image_ids):
            info = coco.imgs[image_id]
            places = [folder / info["file_name"] for folder in folders]
            self.add_image(
                "coco",
                image_id,
                str(next((place for place in places if place.is_file()), places[0])),
                height=int(info["height"]),
                width=int(info["width"]),
                annotations=coco.loadAnns(coco.getAnnIds(imgIds=[image_id], catIds=wanted)),
            )
        return coco

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool (H, W, N) and class ids, those of crowds negative.

        Outlines so small that they go round no pixel's middle are left out.
        """
        info = self.image_info[image_id]
        shape = (info["height"], info["width"])
        masks, class_ids = [], []
        for entry in info["annotations"]:
            mask = object_mask(entry["segmentation"], shape)
            if mask.any():
                class_id = self.map_source_class_id(f"coco.{entry['category_id']}")
                class_ids.append(-class_id if entry.get("iscrowd") else class_id)
                masks.append(mask)
        stacked = np.stack(masks, axis=-1) if masks else np.zeros((*shape, 0), dtype=bool)
        return stacked, np.array(class_ids, dtype=np.int32)

    def image_reference(self, image_id: int) -> str:
        """The photo's page in COCO's explorer."""
        return f"https://cocodataset.org/#explore?id={self.image_info[image_id]['id']}"


# ---- network ------------------------------------------------------------------------------------
class CocoConfig(Config):
    """The network of the paper, ResNet-101 at 1024 pixels."""

    NAME = "coco"
    NUM_CLASSES = 1 + 80
    IMAGES_PER_GPU = 1


class LightCocoConfig(MobileConfig):
    """The light network, for which a CPU is enough."""

    NAME = "coco_light"
    NUM_CLASSES = 1 + 80
    DETECTION_MAX_INSTANCES = 100
    POST_NMS_ROIS_INFERENCE = 200


NETWORKS = {"resnet101": CocoConfig, "light": LightCocoConfig}


# ---- evaluation ---------------------------------------------------------------------------------
def build_coco_results(
    dataset: Dataset, image_ids: Sequence[int], detections: Iterable[Detections]
) -> list[dict[str, Any]]:
    """Detections as COCO's list of results, ready for JSON.

    Args:
        dataset: a CocoDataset.
        image_ids: positions in it.
        detections: one for each of them; an iterator will do.

    Returns:
        A dict an object: image_id, category_id (COCO's own), bbox (x, y, width, height), score,
        and segmentation as compressed run lengths.
    """
    categories: Mapping[int, int] = {
        i: c["id"] for i, c in enumerate(dataset.class_info) if c["source"] == "coco"
    }
    results = []
    for image_id, found in zip(image_ids, detections, strict=True):
        for entry in found.to_coco(dataset.image_info[image_id]["id"], categories):
            if "segmentation" in entry:
                runs = mask_tools.frPyObjects(entry["segmentation"], *found.image_shape)
                entry["segmentation"] = {"size": runs["size"], "counts": runs["counts"].decode()}
            results.append(entry)
    return results


def coco_scores(
    coco: COCO, results: list[dict[str, Any]], source_ids: Sequence[int], kind: str, classes: Any
) -> Array:
    """pycocotools' twelve figures of results on some photos, printed as it prints them.

    Args:
        coco: the ground truth.
        results: see :func:`build_coco_results`.
        source_ids: COCO's ids of the photos that were looked at.
        kind: "bbox" or "segm".
        classes: COCO's ids of the categories that count.
    """
    # With a box beside it, pycocotools would take a mask's area from the box.
    other = "bbox" if kind == "segm" else "segmentation"
    own = [{k: v for k, v in entry.items() if k != other} for entry in results]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with contextlib.redirect_stdout(io.StringIO()):
            if own:
                found = coco.loadRes(own)
            else:
                found = COCO()
                found.dataset = {**coco.dataset, "annotations": []}
                found.createIndex()
            evaluation = COCOeval(coco, found, kind)
            evaluation.params.imgIds = list(source_ids)
            evaluation.params.catIds = list(classes)
            evaluation.evaluate()
            evaluation.accumulate()
        evaluation.summarize()
    return np.array(evaluation.stats)


def evaluate(args: argparse.Namespace) -> None:
    """Detect in the photos of a subset and print COCO's figures of boxes and masks."""
    dataset = CocoDataset()
    coco = dataset.load_coco(args.dataset, args.subset, args.class_ids)
    dataset.prepare()
    config = NETWORKS[args.network]()
    config.NUM_CLASSES = dataset.num_classes
    config.DETECTION_MIN_CONFIDENCE = args.min_score
    model = MaskRCNN(mode="inference", config=config, model_dir=args.logs)
    model.load_weights(args.weights, by_name=True)
    if not model.class_names:  # a file from elsewhere does not say them
        model.class_names = tuple(dataset.class_names)
    image_ids = [int(i) for i in dataset.image_ids[: args.limit]]
    started = time.perf_counter()
    stream = model.detections(dataset.load_image(i) for i in image_ids)
    results = build_coco_results(dataset, image_ids, stream)
    seconds = (time.perf_counter() - started) / max(1, len(image_ids))
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "results.json", json.dumps(results))
    print(f"{len(results)} objects in {len(image_ids)} photos, {seconds:.2f} s a photo")
    source_ids = [dataset.image_info[i]["id"] for i in image_ids]
    classes = [info["id"] for info in dataset.class_info[1:]]
    for kind, words in (("bbox", "Boxes"), ("segm", "Masks")):
        print(f"\n{words}")
        coco_scores(coco, results, source_ids, kind, classes)
    print(f"\nresults: {folder / 'results.json'}")


# ---- training -----------------------------------------------------------------------------------
def start_from(model: MaskRCNN, weights: str) -> None:
    """Load published weights, "last", nothing ("none") or a file; of another set all but the
    classes."""
    if weights in PUBLISHED:
        model.load_weights(weights)
    elif weights != "none":
        path = model.find_last() if weights == "last" else weights
        same = read_sidecar(path).get("config", {}).get("NAME") == model.config.NAME
        model.load_weights(path, by_name=True, exclude=None if same else CLASS_HEADS)


def train(args: argparse.Namespace) -> None:
    """Train the heads, then from stage 4 up, then everything at a lower rate."""
    train_set, val_set = CocoDataset(), CocoDataset()
    train_set.load_coco(args.dataset, args.train_subset, args.class_ids)
    val_set.load_coco(args.dataset, args.subset, args.class_ids)
    train_set.prepare()
    val_set.prepare()
    print(f"{train_set.num_images} photos to train on, {val_set.num_images} to look at meanwhile")
    config = NETWORKS[args.network]()
    config.NUM_CLASSES, config.SEED = train_set.num_classes, args.seed
    config.STEPS_PER_EPOCH, config.VALIDATION_STEPS = args.steps, args.validation_steps
    model = MaskRCNN(mode="training", config=config, model_dir=args.logs)
    start_from(model, args.weights)
    rate = config.LEARNING_RATE
    stages = zip(("heads", "4+", "all"), (rate, rate, rate / 10), args.epochs, strict=True)
    flips = Augmentation(flip=0.5) if args.network == "resnet101" else None
    for layers, stage_rate, last in stages:
        if last > model.epoch:
            model.train(train_set, val_set, stage_rate, last, layers, augmentation=flips)
    weights = Path(args.output) / f"{config.NAME}.h5"
    weights.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(weights)
    print(f"weights: {weights}")


# ---- command line -------------------------------------------------------------------------------
def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--dataset", required=True, help="folder of the set, or its JSON file")
    common.add_argument("--subset", help="what to evaluate on, e.g. val2017")
    common.add_argument(
        "--class-ids", type=int, nargs="+", help="only these of COCO's category ids"
    )
    common.add_argument("--network", choices=sorted(NETWORKS), default="light")
    common.add_argument("--logs", default="logs", help="folder of checkpoints (default: logs)")
    common.add_argument("--output", default="coco_output", help="folder for results")

    one = commands.add_parser("train", parents=[common], help=train.__doc__)
    one.add_argument("--train-subset", help="what to train on, e.g. train2017")
    one.add_argument(
        "--weights",
        default="imagenet",
        help="'imagenet' (default), 'coco', 'pretrained', 'none', 'last' or a .h5 file to start "
        "from",
    )
    one.add_argument(
        "--epochs",
        type=int,
        nargs=3,
        default=[40, 120, 160],
        metavar=("HEADS", "UPPER", "ALL"),
        help="the epoch at which each stage ends (default: 40 120 160)",
    )
    one.add_argument("--steps", type=int, default=1000, help="batches an epoch (default: 1000)")
    one.add_argument("--validation-steps", type=int, default=50, help="(default: 50)")
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=train)

    two = commands.add_parser("evaluate", parents=[common], help=evaluate.__doc__)
    two.add_argument("--weights", required=True, help="a .h5 file")
    two.add_argument("--limit", type=int, help="only so many photos, the first ones")
    two.add_argument(
        "--min-score", type=float, default=0.05, help="lowest score of an object (default: 0.05)"
    )
    two.set_defaults(run=evaluate)
    args = parser.parse_args(arguments)
    if args.command == "train" and args.epochs != sorted(args.epochs):
        parser.error("--epochs are totals, so they must not go down")
    return args


def main() -> None:
    args = parse_arguments()
    try:
        args.run(args)
    except (MaskdetError, FileNotFoundError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")


if __name__ == "__main__":
    main()
