"""``maskdet detect``."""

import argparse

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_weights, weights_path

TEXT = "find objects in photos with trained weights and draw them"
EXAMPLES = (
    ("maskdet detect trained/my_photos new_photos/", "pictures with what it finds in detections/"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_weights(parser)
    parser.add_argument("photos", nargs="+", help="photos or folders of photos")
    parser.add_argument("--out", default="detections", help="folder (default: %(default)s)")
    parser.add_argument("--min-score", type=float, default=0.5)


def run(args: argparse.Namespace) -> Answer:
    from maskdet.detecting import detect_photos

    pictures = detect_photos(weights_path(args.weights), args.photos, args.out, args.min_score)
    return Answer({"pictures": pictures})
