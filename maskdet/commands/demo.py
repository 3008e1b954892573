"""``maskdet demo``."""

import argparse

from maskdet.commands.answers import Answer

TEXT = "make a data set, train Mask R-CNN on it, evaluate it, draw what it finds"
EXAMPLES = (
    ("maskdet demo", "the whole way in some minutes; everything lies in demo_output then"),
    (
        "maskdet demo --boxes",
        "masks learned from boxes alone, such as LabelImg draws",
    ),
    ("maskdet demo --images 32 --epochs 1 1", "the same in half a minute, to see that all works"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="demo_output", help="folder (default: %(default)s)")
    parser.add_argument("--images", type=int, default=None, help="photos of the data set")
    parser.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        default=None,
        metavar=("HEADS", "ALL"),
        help="of the heads, and of everything after them (default: what the Config's recipe says)",
    )
    parser.add_argument(
        "--boxes", action="store_true", help="learn masks from boxes; outlines only score them"
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")


def run(args: argparse.Namespace) -> Answer:
    from maskdet.jobs.demo import DEFAULT_IMAGES, run_demo

    evaluation = run_demo(
        args.out,
        images=args.images or DEFAULT_IMAGES,
        epochs=tuple(args.epochs) if args.epochs else None,
        seed=args.seed,
        boxes_alone=args.boxes,
    )
    return Answer({"out": args.out, **evaluation.to_dict()})
