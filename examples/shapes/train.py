"""Learns squares, circles and triangles that are drawn on the fly: no data, no download.

Run:  python examples/shapes/train.py
See README.md beside this file for time and results.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet import Dataset, LiteConfig, MaskRCNN
from maskdet.evaluation.pictures import write_results
from maskdet.evaluation.report import evaluate_detections
from maskdet.training.checkpoints import read_sidecar

Array = NDArray[Any]

KINDS = ("square", "circle", "triangle")
CLASS_HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]
# A shape of which less than this share can still be seen is not put into the picture.
LEAST_VISIBLE = 0.35


def shape_mask(kind: str, centre: tuple[int, int], radius: int, size: tuple[int, int]) -> Array:
    """One shape as bool (height, width): what of it lies inside the picture.

    A pixel belongs to the shape if its middle does.

    Args:
        kind: one of KINDS.
        centre: (y, x) in pixels.
        radius: half the side of the square that the shape just fits into.
        size: (height, width) of the picture.
    """
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    down, right = y - centre[0], x - centre[1]
    if kind == "square":
        return (np.abs(down) < radius) & (np.abs(right) < radius)
    if kind == "circle":
        return down**2 + right**2 < radius**2
    if kind == "triangle":
        # Its width grows from nothing at the top to two radii at the bottom.
        return (np.abs(down) < radius) & (np.abs(right) < (down + radius) / 2)
    raise ValueError(f"There is no shape {kind!r}; use one of {', '.join(KINDS)}.")


def visible_masks(shapes: list[dict[str, Any]], size: tuple[int, int]) -> Array:
    """What can be seen of each shape, bool (height, width, N): later ones cover earlier ones."""
    masks = np.zeros((*size, len(shapes)), dtype=bool)
    covered = np.zeros(size, dtype=bool)
    for i in reversed(range(len(shapes))):
        whole = shape_mask(shapes[i]["kind"], shapes[i]["centre"], shapes[i]["radius"], size)
        masks[..., i] = whole & ~covered
        covered |= whole
    return masks


def random_shapes(rng: np.random.Generator, size: tuple[int, int], most: int) -> list[dict]:
    """One to ``most`` shapes that can all be seen well, the ones in front last."""
    shapes: list[dict[str, Any]] = []
    smallest, largest = min(size) // 12, min(size) // 4
    for _ in range(int(rng.integers(1, most + 1))):
        radius = int(rng.integers(smallest, largest + 1))
        shape = {
            "kind": KINDS[rng.integers(len(KINDS))],
            "centre": tuple(int(rng.integers(radius // 2, side - radius // 2)) for side in size),
            "radius": radius,
            "colour": tuple(int(value) for value in rng.integers(0, 256, 3)),
        }
        together = [*shapes, shape]
        seen = visible_masks(together, size).sum(axis=(0, 1))
        whole = [shape_mask(s["kind"], s["centre"], s["radius"], size).sum() for s in together]
        if (seen >= LEAST_VISIBLE * np.array(whole)).all():
            shapes = together
    return shapes


class ShapesDataset(Dataset):
    """Pictures that exist only as a list of shapes until somebody asks for them."""

    def load_shapes(self, count: int, size: tuple[int, int], seed: int, most: int = 4) -> None:
        """Think up ``count`` pictures of ``size`` (height, width) with up to ``most`` shapes."""
        for number, kind in enumerate(KINDS, start=1):
            self.add_class("shapes", number, kind)
        rng = np.random.default_rng(seed)
        for image_id in range(count):
            self.add_image(
                "shapes",
                image_id,
                path=None,
                size=size,
                ground=tuple(int(value) for value in rng.integers(0, 256, 3)),
                shapes=random_shapes(rng, size, most),
                noise_seed=int(rng.integers(2**31)),
            )

    def load_image(self, image_id: int) -> Array:
        """The ground, the shapes from back to front, and a little noise over all."""
        info = self.image_info[image_id]
        image = np.empty((*info["size"], 3), dtype=np.float32)
        image[:] = info["ground"]
        for shape in info["shapes"]:
            inside = shape_mask(shape["kind"], shape["centre"], shape["radius"], info["size"])
            image[inside] = shape["colour"]
        image += np.random.default_rng(info["noise_seed"]).normal(0, 6, image.shape)
        return np.clip(image, 0, 255).astype(np.uint8)

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """The part of each shape that can be seen, and the shapes' class ids."""
        info = self.image_info[image_id]
        class_ids = [self.class_names.index(shape["kind"]) for shape in info["shapes"]]
        return visible_masks(info["shapes"], info["size"]), np.array(class_ids, dtype=np.int32)

    def image_reference(self, image_id: int) -> str:
        """What is in the picture, in words."""
        shapes = self.image_info[image_id]["shapes"]
        return ", ".join(f"{s['kind']} at {s['centre']}" for s in shapes)


class ShapesConfig(LiteConfig):
    """The light network at 128 pixels."""

    NAME = "shapes"
    NUM_CLASSES = 1 + len(KINDS)
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (16, 32, 48, 72)
    TRAIN_ROIS_PER_IMAGE = 32
    # Shapes are drawn anew for every set, so a flip is change enough.
    AUGMENTATION = "light"
    LEARNING_RATE = 0.003
    BACKBONE_RATE = 1.0


def start_from(model: MaskRCNN, weights: str) -> None:
    """Load "imagenet", nothing ("none"), or a file; of another set's file all but the classes."""
    if weights == "imagenet":
        model.load_weights("imagenet")
    elif weights != "none":
        known = read_sidecar(weights).get("config", {})
        same = known.get("NAME") == model.config.NAME
        model.load_weights(weights, by_name=True, exclude=None if same else CLASS_HEADS)


def main() -> None:
    args = parse_arguments()
    config = ShapesConfig()
    config.SEED, config.STEPS_PER_EPOCH = args.seed, args.steps
    size = (int(config.IMAGE_SHAPE[0]), int(config.IMAGE_SHAPE[1]))
    train_set, test_set = ShapesDataset(), ShapesDataset()
    train_set.load_shapes(args.images, size, seed=args.seed)
    test_set.load_shapes(max(8, args.images // 5), size, seed=args.seed + 1_000_000)
    train_set.prepare()
    test_set.prepare()
    print(f"{train_set.num_images} pictures to train on, {test_set.num_images} to test on")

    output = Path(args.output)
    model = MaskRCNN(mode="training", config=config, model_dir=output / "logs")
    start_from(model, args.weights)
    started = time.perf_counter()
    heads, everything = args.epochs
    histories = []
    first = model.epoch
    if heads:
        histories.append(
            model.train(train_set, test_set, config.LEARNING_RATE, first + heads, layers="heads")
        )
    if everything:
        # A network that starts from nothing can take large steps everywhere.
        rate = config.LEARNING_RATE / (1 if args.weights == "none" else 3)
        last = first + heads + everything
        histories.append(model.train(train_set, test_set, rate, last, layers="all"))
    minutes = (time.perf_counter() - started) / 60
    weights = output / "shapes.h5"
    output.mkdir(parents=True, exist_ok=True)
    model.save_weights(weights)

    config.DETECTION_MIN_CONFIDENCE = 0.05
    detector = MaskRCNN(mode="inference", config=config, model_dir=output / "logs")
    detector.load_weights(weights)
    found = list(detector.detections(test_set.load_image(i) for i in test_set.image_ids))
    evaluation = evaluate_detections(test_set, found)
    curves = {name: sum((h[name] for h in histories), []) for name in histories[0]}
    settings = {"seed": args.seed, "epochs": args.epochs, "steps": args.steps}
    paths = write_results(output, test_set, found, evaluation, curves, settings)
    print(f"\n{evaluation.table()}\n{minutes:.1f} minutes of training, seed {args.seed}")
    for name, path in {"weights": weights, **paths}.items():
        print(f"{name + ':':22} {path}")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights",
        default="imagenet",
        help="'imagenet' (default), 'none', or a .h5 file to start from",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        default=[2, 6],
        metavar=("HEADS", "ALL"),
        help="epochs of the two stages (default: 2 6)",
    )
    parser.add_argument("--steps", type=int, default=40, help="batches an epoch (default: 40)")
    parser.add_argument(
        "--images", type=int, default=400, help="pictures to train on (default: 400)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="shapes_output", help="folder for everything written")
    args = parser.parse_args(arguments)
    if args.images < 1 or args.steps < 1:
        parser.error("--images and --steps must be 1 or more")
    if min(args.epochs) < 0 or not any(args.epochs):
        parser.error("--epochs needs two numbers, one of them 1 or more")
    if args.weights not in ("imagenet", "none") and not Path(args.weights).is_file():
        parser.error(f"there is no file {args.weights}; give 'imagenet', 'none' or a .h5 file")
    return args


if __name__ == "__main__":
    sys.exit(main())
