"""``maskdet new``."""

import argparse
import sys
from pathlib import Path
from typing import Any

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_overwrite, check_free

TEXT = "write a script that trains, evaluates and detects, to be run and edited"
EXAMPLES = (
    ("maskdet new kangaroos --data my_photos", "kangaroos.py, which trains on my_photos as it is"),
    ("maskdet new kangaroos", "the same for photos that a reading of your own is to find"),
    ("maskdet new insects --family classifier", "for photos in folders, one a class"),
)
_SHOWN = 12
_FAMILIES = ("mask_rcnn", "ssd", "yolox", "classifier")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the training, the script and its classes")
    parser.add_argument("--data", metavar="DATA", help="folder or annotation file of a data set")
    parser.add_argument(
        "--family",
        choices=_FAMILIES,
        help="of the network (default: mask_rcnn, for photos in folders by class classifier)",
    )
    parser.add_argument("--out", metavar="FILE.py", help="the script (default: NAME.py)")
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    from maskdet.files import write_whole
    from maskdet.jobs.new_script.script import CLASSIFIER, plain_name, script_text

    name = plain_name(args.name.removesuffix(".py"))
    out = Path(args.out or f"{name}.py")
    _check_script(out)
    check_free(out, args.overwrite)
    data, labels = _look_at(args.data) if args.data else (None, args.family == CLASSIFIER)
    family = args.family or (CLASSIFIER if labels else _FAMILIES[0])
    _check_family(family, labels, args.data)
    write_whole(out, script_text(name, family, data))
    if data is not None:
        more = (
            f" and {len(data.class_names) - _SHOWN} more" if len(data.class_names) > _SHOWN else ""
        )
        names = ", ".join(data.class_names[:_SHOWN])
        print(f"{args.data}: {data.photos} photos, classes: {names}{more}")
    else:
        print("Put your classes into CLASSES, and where your photos lie into DATA.")
    print(f"written: {out}")
    print(f"To train: python {out} train")
    classes = None if data is None else data.class_names
    return Answer({"script": out, "name": name, "family": family, "classes": classes})


def _check_script(out: Path) -> None:
    """A script must not hide a module that it needs itself, or its libraries."""
    from importlib.metadata import packages_distributions

    from maskdet.errors import UsageError

    if out.suffix != ".py":
        raise UsageError(f"{out} is no name of a script; give one that ends in .py.")
    if out.stem in sys.stdlib_module_names or out.stem in packages_distributions():
        raise UsageError(
            f"A script {out.name} would stand in front of Python's module {out.stem}; choose "
            "another name, or another file with --out."
        )


def _check_family(family: str, labels: bool, data: str | None) -> None:
    from maskdet.errors import UsageError
    from maskdet.jobs.new_script.script import CLASSIFIER

    if labels and family != CLASSIFIER:
        raise UsageError(
            f"{data} has one class for each photo, which is for --family classifier; {family} "
            "needs boxes."
        )
    if family == CLASSIFIER and not labels:
        raise UsageError(
            f"{data} has boxes, which are for --family mask_rcnn, ssd or yolox; a classifier needs "
            "a folder of photos for each class."
        )


def _look_at(path: str) -> tuple[Any, bool]:
    """What a script must know of a data set, and whether its photos have a class as a whole."""
    from maskdet.data.dataset import Dataset
    from maskdet.data.own_parts import part_names
    from maskdet.errors import DataError
    from maskdet.jobs.new_script.script import ScriptData

    parts, are_folders = part_names(path)
    if parts is not None and are_folders:
        sources = [Path(path, part) for part in parts]
    else:
        sources = [Path(path)]
    try:
        datasets, skip = [Dataset.load(source) for source in sources], False
    except DataError:
        datasets, skip = [Dataset.load(source, on_error="skip") for source in sources], True
    names = [str(info["name"]) for dataset in datasets for info in dataset.class_info[1:]]
    first, photos = datasets[0], sum(len(dataset.image_info) for dataset in datasets)
    data = ScriptData(
        path,
        tuple(dict.fromkeys(names)),
        photos,
        len(first.image_info) if are_folders else max(1, round(0.8 * photos)),
        masks=not first.gives_labels and bool(first.provides_masks),
        embedded=any(info.get("embedded") is not None for info in first.image_info),
        parts=parts,
        parts_are_folders=are_folders,
        skip=skip,
    )
    return data, bool(first.gives_labels)
