"""The command line: every command is a few lines over the public API."""

import argparse
import sys
from collections.abc import Sequence

from maskdet import __version__
from maskdet.errors import MaskdetError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    args = _parser().parse_args(arguments)
    try:
        return int(args.command(args) or 0)
    except MaskdetError as error:
        print(f"maskdet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmaskdet: stopped; the last epoch's checkpoint is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m maskdet",
        description="Photos and annotations in, a trained detector with masks out.",
    )
    parser.add_argument("--version", action="version", version=f"maskdet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_detect(commands)
    return parser


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make a data set, train Mask R-CNN on it, evaluate it, draw what it finds"
    demo = commands.add_parser("demo", help=text, description=text)
    demo.add_argument("--out", default="demo_output", help="folder (default: %(default)s)")
    demo.add_argument("--images", type=int, default=None, help="photos of the data set")
    demo.add_argument("--epochs", type=int, nargs=2, default=None, metavar=("HEADS", "ALL"))
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(command=_demo)


def _demo(args: argparse.Namespace) -> int:
    from maskdet.demo import DEFAULT_EPOCHS, DEFAULT_IMAGES, run_demo

    run_demo(
        args.out,
        images=args.images or DEFAULT_IMAGES,
        epochs=tuple(args.epochs or DEFAULT_EPOCHS),
        seed=args.seed,
    )
    return 0


def _add_detect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "find objects in photos with trained weights and draw them"
    detect = commands.add_parser("detect", help=text, description=text)
    detect.add_argument("weights", help=".h5 file of a training (with its .json beside it)")
    detect.add_argument("photos", nargs="+", help="photos or folders of photos")
    detect.add_argument("--out", default="detections", help="folder (default: %(default)s)")
    detect.add_argument("--min-score", type=float, default=0.5)
    detect.set_defaults(command=_detect)


def _detect(args: argparse.Namespace) -> int:
    from maskdet.demo import detect_photos

    detect_photos(args.weights, args.photos, args.out, args.min_score)
    return 0
