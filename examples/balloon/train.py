"""Finds balloons by their outlines, and keeps the colour of a picture only in them.

Data: a folder with train/ and val/, each with photos and one JSON of outlines: as VIA writes it
(version 1 or 2) or COCO's polygons.

    python examples/balloon/train.py train --dataset DIR
    python examples/balloon/train.py evaluate --dataset DIR --weights balloon_output/balloon.h5
    python examples/balloon/train.py splash --image photo.jpg --weights balloon_output/balloon.h5

See README.md beside this file.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet import Dataset, MaskRCNN, MobileConfig
from maskdet.errors import DataError, MaskdetError
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import evaluate_detections
from maskdet.geometry import decode_rle, mask_from_polygons
from maskdet.images import read_image, write_image
from maskdet.training.checkpoints import read_sidecar

Array = NDArray[Any]

CLASS_HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]
PUBLISHED = ("pretrained", "coco", "imagenet")
USUAL_NAMES = ("via_region_data.json", "_annotations.coco.json", "instances.json")


# ---- data ---------------------------------------------------------------------------------------
def find_annotations(folder: Path) -> Path:
    """The JSON with the outlines of a folder's photos."""
    found = sorted(folder.glob("*.json"))
    for name in USUAL_NAMES:
        if folder / name in found:
            return folder / name
    if len(found) == 1:
        return found[0]
    what = f"has {len(found)} of them" if found else "has none"
    raise DataError(
        f"{folder} must hold one JSON file with outlines but {what}; name the right one "
        f"{USUAL_NAMES[0]}."
    )


def corners_of(shape: dict[str, Any], where: str) -> Array:
    """A shape that VIA wrote, as corners (K, 2) of (y, x) in pixels."""
    kind = shape.get("name")
    if kind in ("polygon", "polyline"):
        corners = np.array([shape["all_points_y"], shape["all_points_x"]], dtype=np.float64).T
    elif kind == "rect":
        y, x, height, width = (shape[key] for key in ("y", "x", "height", "width"))
        corners = np.array([[y, x], [y, x + width], [y + height, x + width], [y + height, x]])
    elif kind in ("circle", "ellipse"):
        angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        across = shape["r"] if kind == "circle" else shape["rx"]
        down = shape["r"] if kind == "circle" else shape["ry"]
        turn = shape.get("theta", 0.0)
        x, y = across * np.cos(angle), down * np.sin(angle)
        corners = np.stack(
            [
                shape["cy"] + x * np.sin(turn) + y * np.cos(turn),
                shape["cx"] + x * np.cos(turn) - y * np.sin(turn),
            ],
            axis=1,
        )
    else:
        raise DataError(f"{where}: a {kind!r} has no area; remove it or draw a polygon.")
    if len(corners) < 3:
        raise DataError(f"{where}: a polygon needs three corners but has {len(corners)}.")
    return corners


def read_via(content: dict[str, Any]) -> dict[str, list[Any]]:
    """Outlines by photo name from VIA's JSON: each object a list of polygons, here always one."""
    # A saved project keeps the photos one level deeper than an export does.
    photos = content.get("_via_img_metadata", content).values()
    objects: dict[str, list[Any]] = {}
    for photo in photos:
        regions = photo["regions"]  # a dict in version 1, a list in version 2
        regions = list(regions.values()) if isinstance(regions, dict) else regions
        name = photo["filename"]
        objects[name] = [[corners_of(r["shape_attributes"], name)] for r in regions]
    return objects


def read_coco(content: dict[str, Any]) -> dict[str, list[Any]]:
    """Outlines by photo name from COCO's JSON: each object a list of polygons, or run lengths."""
    names = {c["id"]: c["name"] for c in content.get("categories", [])}
    wanted = [i for i, name in names.items() if name == "balloon"] or list(names)
    if len(wanted) > 1:
        raise DataError(
            f"The file has the categories {', '.join(names.values())}; name one of them 'balloon'."
        )
    photos = {photo["id"]: photo["file_name"] for photo in content["images"]}
    objects: dict[str, list[Any]] = {name: [] for name in photos.values()}
    for entry in content["annotations"]:
        if wanted and entry["category_id"] not in wanted:
            continue
        outline = entry["segmentation"]
        if isinstance(outline, list):  # x, y, x, y, ... for each part
            outline = [np.array(part, dtype=np.float64).reshape(-1, 2)[:, ::-1] for part in outline]
        objects[photos[entry["image_id"]]].append(outline)
    return objects


def read_annotations(path: Path) -> dict[str, list[Any]]:
    """Outlines by photo name from either kind of JSON."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error}); export it again.") from error
    try:
        if isinstance(content, dict) and {"images", "annotations"} <= set(content):
            return read_coco(content)
        return read_via(content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"{path} is neither VIA's JSON nor COCO's with polygons ({error!r}); export it again."
        ) from error


class BalloonDataset(Dataset):
    """Photos with outlines, each turned into a mask when it is asked for."""

    def load_balloon(self, dataset_dir: str | Path, subset: str) -> None:
        """Add the photos of a subset, "train" or "val"; photos without balloons too."""
        self.add_class("balloon", 1, "balloon")
        folder = Path(dataset_dir) / subset
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder}; --dataset needs train/ and val/ in it.")
        missing = 0
        for name, objects in read_annotations(find_annotations(folder)).items():
            path = next((p for p in (folder / name, folder / "images" / name) if p.exists()), None)
            if path is None:
                missing += 1
            else:
                self.add_image("balloon", name, str(path), objects=objects)
        if missing:
            print(f"{missing} photos named in the JSON of {folder} are not there and are left out")

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool (H, W, N), one a balloon, and N times class 1."""
        info = self.image_info[image_id]
        shape = self.image_shape(image_id)
        masks = np.zeros((*shape, len(info["objects"])), dtype=bool)
        for i, outline in enumerate(info["objects"]):
            is_runs = isinstance(outline, dict)
            masks[..., i] = decode_rle(outline) if is_runs else mask_from_polygons(outline, shape)
        return masks, np.ones(masks.shape[2], dtype=np.int32)

    def image_reference(self, image_id: int) -> str:
        return str(self.image_info[image_id]["path"])


# ---- network ------------------------------------------------------------------------------------
class BalloonConfig(MobileConfig):
    """The light network for one class."""

    NAME = "balloon"
    NUM_CLASSES = 2
    DETECTION_MIN_CONFIDENCE = 0.7


def start_from(model: MaskRCNN, weights: str) -> None:
    """Load published weights, "last", nothing ("none") or a file; of another set all but the
    classes."""
    if weights in PUBLISHED:
        model.load_weights(weights)
    elif weights != "none":
        path = model.find_last() if weights == "last" else weights
        same = read_sidecar(path).get("config", {}).get("NAME") == model.config.NAME
        model.load_weights(path, by_name=True, exclude=None if same else CLASS_HEADS)


def detector(args: argparse.Namespace, least_score: float | None = None) -> MaskRCNN:
    """A model for finding balloons with the weights that were asked for."""
    config = BalloonConfig()
    config.IMAGES_PER_GPU = 1
    if least_score is not None:
        config.DETECTION_MIN_CONFIDENCE = least_score
    model = MaskRCNN(mode="inference", config=config, model_dir=args.logs)
    model.load_weights(model.find_last() if args.weights == "last" else args.weights)
    return model


def loaded(dataset_dir: str, subset: str) -> BalloonDataset:
    dataset = BalloonDataset()
    dataset.load_balloon(dataset_dir, subset)
    dataset.prepare()
    return dataset


# ---- the three commands -------------------------------------------------------------------------
def train(args: argparse.Namespace) -> None:
    """Train the heads, then everything; write the weights."""
    train_set, val_set = loaded(args.dataset, "train"), loaded(args.dataset, "val")
    print(f"{train_set.num_images} photos to train on, {val_set.num_images} to look at meanwhile")
    config = BalloonConfig()
    config.SEED, config.STEPS_PER_EPOCH = args.seed, args.steps
    model = MaskRCNN(mode="training", config=config, model_dir=args.logs)
    start_from(model, args.weights)
    started, first, rate = time.perf_counter(), model.epoch, config.LEARNING_RATE
    heads, everything = args.epochs or (0, 0)
    if args.epochs is None:
        model.train(train_set, val_set)
    if heads:
        model.train(train_set, val_set, rate, first + heads, layers="heads")
    if everything:
        model.train(train_set, val_set, rate / 2, first + heads + everything, layers="all")
    weights = Path(args.output) / "balloon.h5"
    weights.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(weights)
    print(f"{(time.perf_counter() - started) / 60:.1f} minutes; weights: {weights}")


def evaluate(args: argparse.Namespace) -> None:
    """Print average precision on a subset, and leave pictures."""
    dataset = loaded(args.dataset, args.subset)
    model = detector(args, least_score=0.001)
    found = list(model.detections(dataset.load_image(i) for i in dataset.image_ids))
    evaluation = evaluate_detections(dataset, found)
    paths = write_results(args.output, dataset, found, evaluation)
    print(evaluation.table())
    for name, path in paths.items():
        print(f"{name + ':':22} {path}")


def color_splash(image: Array, masks: Array) -> Array:
    """The image in grey except where a mask is true; uint8 (H, W, 3).

    Args:
        image: uint8 (H, W, 3).
        masks: bool (H, W, N); with N = 0 all becomes grey.
    """
    brightness = image @ np.array([0.299, 0.587, 0.114])
    grey = np.repeat(np.around(brightness).astype(np.uint8)[..., None], 3, axis=2)
    return np.where(masks.any(axis=2)[..., None], image, grey)


def splash(args: argparse.Namespace) -> None:
    """Write the splash of a photo or a video."""
    source = Path(args.image or args.video)
    if not source.is_file():
        raise DataError(f"There is no file {source}; check the path.")
    cv2 = load_opencv() if args.video else None
    model = detector(args)
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    if args.image:
        image = read_image(source)
        [found] = model.detections([image])
        target = folder / f"{source.stem}_splash.png"
        write_image(target, color_splash(image, found.masks))
        print(f"{len(found)} balloons; {target}")
    else:
        target = folder / f"{source.stem}_splash.mp4"
        print(f"{splash_video(cv2, model, source, target)} frames; {target}")


def load_opencv() -> Any:
    """OpenCV, which only videos need."""
    try:
        import cv2
    except ImportError as error:
        message = "Videos need OpenCV; install it with 'pip install opencv-python-headless'."
        raise DataError(message) from error
    return cv2


def splash_video(cv2: Any, model: MaskRCNN, source: Path, target: Path) -> int:
    """Splash every frame of a video; gives their number."""
    video = cv2.VideoCapture(str(source))
    writer, count = None, 0
    try:
        for frame in frames_of(video):
            [found] = model.detections([frame])
            if writer is None:
                height, width = frame.shape[:2]
                code = cv2.VideoWriter_fourcc(*"mp4v")
                rate = video.get(cv2.CAP_PROP_FPS) or 25
                writer = cv2.VideoWriter(str(target), code, rate, (width, height))
            # OpenCV's colours are blue, green, red.
            writer.write(np.ascontiguousarray(color_splash(frame, found.masks)[..., ::-1]))
            count += 1
    finally:
        video.release()
        if writer is not None:
            writer.release()
    if not count:
        raise DataError(f"OpenCV finds no frames in {source}; convert it to MP4 first.")
    return count


def frames_of(video: Any) -> Iterator[Array]:
    """Frames in RGB."""
    while True:
        more, frame = video.read()
        if not more:
            return
        yield np.ascontiguousarray(frame[..., ::-1])


# ---- command line -------------------------------------------------------------------------------
def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--logs", default="logs", help="folder of checkpoints (default: logs)")
    common.add_argument(
        "--output", default="balloon_output", help="folder for results (default: balloon_output)"
    )
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--dataset", required=True, help="folder with train/ and val/")

    one = commands.add_parser("train", parents=[common, data], help=train.__doc__)
    one.add_argument(
        "--weights",
        default="pretrained",
        help="'pretrained' (default: COCO's where they are to be had, else ImageNet's), 'coco', "
        "'imagenet', 'none', 'last' or a .h5 file to start from",
    )
    one.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        metavar=("HEADS", "ALL"),
        help="epochs of two stages in place of the default recipe",
    )
    one.add_argument("--steps", type=int, help="batches an epoch (default: all photos once)")
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=train)

    two = commands.add_parser("evaluate", parents=[common, data], help=evaluate.__doc__)
    two.add_argument("--subset", default="val", help="folder to evaluate on (default: val)")
    two.set_defaults(run=evaluate)

    three = commands.add_parser("splash", parents=[common], help=splash.__doc__)
    source = three.add_mutually_exclusive_group(required=True)
    source.add_argument("--image", help="a photo")
    source.add_argument("--video", help="a video; needs OpenCV")
    three.set_defaults(run=splash)
    for command in (two, three):
        command.add_argument("--weights", required=True, help="a trained .h5 file, or 'last'")

    args = parser.parse_args(arguments)
    if args.command == "train" and args.epochs and (min(args.epochs) < 0 or not any(args.epochs)):
        parser.error("--epochs needs two numbers, one of them 1 or more")
    return args


def main() -> None:
    args = parse_arguments()
    try:
        args.run(args)
    except (MaskdetError, FileNotFoundError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")


if __name__ == "__main__":
    main()
