"""``maskdet convert``."""

import argparse
from typing import Any

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_on_error, add_overwrite, check_free
from maskdet.errors import UsageError

TEXT = "write a data set of any format in another one"
EXAMPLES = (
    ("maskdet convert --list", "which formats there are"),
    ("maskdet convert my_photos as_yolo --to yolo", "for YOLO's trainers"),
    (
        "maskdet convert instances.json as_voc --to voc --classes dog,cat",
        "two classes of a COCO file, as LabelImg reads and writes them",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="folder or annotation file of the data set"
    )
    parser.add_argument("out", nargs="?", metavar="OUT", help="folder for the new one")
    parser.add_argument("--to", metavar="FORMAT", help="voc, coco, yolo ...; --list names all")
    parser.add_argument(
        "--classes", metavar="A,B", help="keep these classes alone, numbered in this order"
    )
    add_on_error(parser)
    parser.add_argument(
        "--link", action="store_true", help="link photos to DATA's own in place of copying them"
    )
    parser.add_argument("--list", action="store_true", help="say which formats there are, and stop")
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    if args.list:
        return _list_formats()
    if args.data is None or args.out is None or args.to is None:
        raise UsageError(
            "convert needs a data set, a new folder and a format, such as `maskdet convert "
            "my_photos as_coco --to coco`; `maskdet convert --list` names the formats."
        )
    from maskdet.data.conversion import contents_of, convert, losses
    from maskdet.data.dataset import Dataset
    from maskdet.data.format_names import format_key, format_named
    from maskdet.data.selection import select_classes
    from maskdet.data.written_folder import check_apart

    form = format_named(args.to)
    check_apart(args.out, args.data)
    check_free(args.out, args.overwrite)
    dataset = Dataset.load(args.data, on_error=args.on_error)
    if args.classes:
        names = [name.strip() for name in args.classes.split(",") if name.strip()]
        dataset = select_classes(dataset, names)
    lost = losses(contents_of(dataset), form)
    written = convert(dataset, args.out, form, args.link, strict=args.on_error == "raise")
    for sentence in lost:
        print(sentence)
    for name, count in written.by_class.items():
        print(f"  {name}: {count}")
    print(f"{written.sentence()}, read back as {form.NAME}")
    print(f"written: {args.out}")
    return Answer(
        {
            "out": args.out,
            "format": format_key(form),
            "photos": written.photos,
            "objects": written.objects,
            "objects by class": dict(written.by_class),
            "lost": lost,
        }
    )


def _list_formats() -> Answer:
    from maskdet.data.format_names import format_key
    from maskdet.data.formats import FORMATS

    facts: dict[str, Any] = {}
    for form in FORMATS:
        facts[format_key(form)] = {"name": form.NAME, "files": form.LOOKS_FOR}
        print(f"{format_key(form)}: {form.NAME}\n    {form.LOOKS_FOR}")
    return Answer({"formats": facts})
