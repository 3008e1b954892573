"""``maskdet split``."""

import argparse
import shutil
from pathlib import Path
from typing import Any

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_on_error, add_overwrite, check_free
from maskdet.errors import UsageError

TEXT = "share out a data set's photos: some to train on, others to test on"
EXAMPLES = (
    ("maskdet split my_photos --out lists", "lists/train.txt and lists/val.txt"),
    (
        "maskdet split my_photos --out parts --format yolo --parts train=0.8 val=0.1 test=0.1",
        "three data sets, parts/train, parts/val and parts/test",
    ),
)
_LISTS = "lists"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        f"{parser.description} Each class is shared out by the same shares, photos that are nearly "
        "the same stay together."
    )
    parser.add_argument("data", metavar="DATA", help="folder or annotation file of the data set")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="what is written goes there")
    parser.add_argument(
        "--parts",
        nargs="+",
        default=["train=0.8", "val=0.2"],
        metavar="NAME=SHARE",
        help="the parts and their shares of the photos (default: train=0.8 val=0.2)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="another one shares out otherwise (default: 0)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--lists",
        action="store_true",
        help="write a list of photos for each part, a name a line (the default)",
    )
    what.add_argument(
        "--format",
        metavar="FORMAT",
        help="write a data set for each part: voc, coco, yolo ...; `maskdet convert --list` names "
        "all",
    )
    parser.add_argument(
        "--link", action="store_true", help="with --format: link photos in place of copying them"
    )
    parser.add_argument(
        "--group",
        choices=("similar", "prefix", "none"),
        default="similar",
        help="what stays together: similar photos, photos whose names differ in their last number, "
        "or nothing (default: %(default)s)",
    )
    add_on_error(parser)
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    from maskdet.data.conversion import contents_of, losses
    from maskdet.data.dataset import Dataset
    from maskdet.data.format_names import format_key, format_named
    from maskdet.data.parts import (
        missing_classes,
        parts_table,
        shares_of,
        write_lists,
        write_parts,
    )
    from maskdet.data.split import split
    from maskdet.data.written_folder import check_apart

    shares = shares_of(args.parts)
    form = format_named(args.format) if args.format else None
    if args.link and form is None:
        raise UsageError("--link is for photos, and lists have none; add --format, such as voc.")
    if form is not None:
        check_apart(args.out, args.data)
    check_free(args.out, args.overwrite)
    dataset = Dataset.load(args.data, on_error=args.on_error)
    lost = losses(contents_of(dataset), form) if form is not None else []
    parts = split(dataset, shares, args.seed, None if args.group == "none" else args.group)
    if form is None:
        write_lists(parts, args.out)
    else:
        write_parts(parts, args.out, form, args.link)
    contents = {name: contents_of(part) for name, part in parts.items()}
    print(parts_table(contents, shutil.get_terminal_size().columns))
    for sentence in [*missing_classes(contents), *lost]:
        print(sentence)
    ending = ".txt" if form is None else ""
    written = {name: Path(args.out) / f"{name}{ending}" for name in parts}
    for path in written.values():
        print(f"written: {path}")
    if form is None:
        skip = ', on_error="skip"' if args.on_error == "skip" else ""
        print(f"In a script: read_image_sets(Dataset.load({args.data!r}{skip}), {args.out!r})")
    facts: dict[str, Any] = {
        name: {
            "path": written[name],
            "photos": part.photos,
            "objects": part.objects,
            "objects by class": dict(part.by_class),
        }
        for name, part in contents.items()
    }
    return Answer(
        {"format": format_key(form) if form is not None else _LISTS, "parts": facts, "lost": lost}
    )
