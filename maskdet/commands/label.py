"""``maskdet label``."""

import argparse
import dataclasses

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_weights, weights_path

TEXT = (
    "write what trained weights find in photos as annotations for LabelImg, LabelMe or CVAT, to be "
    "corrected; the most useful photos first"
)
EXAMPLES = (
    (
        "maskdet label trained/my_photos new_photos/ --labelled my_photos --count 30",
        "the thirty photos that help most, in to_correct/: open it in LabelImg",
    ),
    ("maskdet label mine.h5 new_photos/ --format labelme", "with outlines, for LabelMe"),
    ("maskdet label coco new_photos/ --format coco --out for_cvat", "one instances.json for CVAT"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_weights(parser)
    parser.add_argument("photos", nargs="+", metavar="PHOTOS", help="photos or folders of photos")
    parser.add_argument(
        "--out", metavar="FOLDER", default="to_correct", help="folder (default: %(default)s)"
    )
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        default="voc",
        help="voc, labelme or coco (default: %(default)s)",
    )
    parser.add_argument(
        "--labelled", metavar="SET", help="the data set that is labelled already, in any format"
    )
    parser.add_argument(
        "--count", type=int, metavar="N", help="write the N most useful photos (default: all)"
    )
    parser.add_argument(
        "--min-score",
        type=float,
        metavar="S",
        default=0.5,
        help="lowest score of an object that is written (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> Answer:
    weights = weights_path(args.weights)
    from maskdet.jobs.labelling import label_photos

    report = label_photos(
        weights, args.photos, args.out, args.format, args.labelled, args.count, args.min_score
    )
    return Answer(
        {
            "out": report.out,
            "format": report.format,
            "written": report.written,
            "unchanged": report.unchanged,
            "by a person": report.by_person,
            "labelled": report.labelled,
            "left out": report.failures,
            "order": [dataclasses.asdict(photo) for photo in report.order],
        }
    )
