"""``maskdet check``."""

import argparse
from pathlib import Path

from maskdet.commands.answers import DONE, NEGATIVE, Answer
from maskdet.commands.options import add_overwrite, check_free

TEXT = (
    "look for defects in a data set of any format, and count what is in it (exit status 1 if there "
    "is an error among the findings)"
)
EXAMPLES = (
    ("maskdet check my_photos", "each defect in a sentence with file and line, then the counts"),
    ("maskdet check my_photos --picture set.png", "also one page that shows the set"),
    ("maskdet check my_photos --json > findings.json", "for programs"),
)
_CONFIGS = ("mobile", "lite", "standard")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", help="folder or annotation file of the data set")
    parser.add_argument("--picture", metavar="FILE", help="draw the set on one page there (.png)")
    parser.add_argument(
        "--config",
        choices=_CONFIGS,
        default="lite",
        help="whose anchors are compared with the boxes (default: %(default)s)",
    )
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    from maskdet.config import Config, LiteConfig, MobileConfig
    from maskdet.data import check

    if args.picture:
        check_free(args.picture, args.overwrite)
    configs = dict(zip(_CONFIGS, (MobileConfig, LiteConfig, Config), strict=True))
    config = configs[args.config]()
    report = check(args.data, config, progress=True)
    print(report.text())
    if args.picture:
        report.draw(Path(args.picture), config)
        print(f"written: {args.picture}")
    return Answer(report.to_dict(), DONE if report.sound else NEGATIVE)
