"""``maskdet preview``."""

import argparse

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_overwrite, check_free

TEXT = "draw photos of a data set with their boxes, masks and classes on a sheet, to look at"
EXAMPLES = (
    ("maskdet preview my_photos", "24 photos, drawn by lot, in preview.jpg"),
    ("maskdet preview my_photos --class dog --every", "every photo with a dog, sheet after sheet"),
    ("maskdet preview my_photos --augmented default", "photos as a training sees them"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="folder or annotation file of the data set")
    parser.add_argument(
        "--out",
        default="preview.jpg",
        metavar="FILE",
        help="the picture, .jpg or .png (default: %(default)s)",
    )
    parser.add_argument(
        "--count", type=int, default=24, help="pictures on a sheet (default: %(default)s)"
    )
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="photos and objects of this class alone"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--seed", type=int, default=0, help="another one draws other photos (default: 0)"
    )
    which.add_argument(
        "--every",
        action="store_true",
        help="every photo in order, on as many sheets as it takes: preview_1.jpg and so on",
    )
    parser.add_argument(
        "--augmented",
        metavar="PRESET",
        help="beside each photo three variants that a training might see: by light, default, "
        "strong or parts",
    )
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    from maskdet.data.augment import Augmentation
    from maskdet.data.conversion import counted
    from maskdet.data.dataset import Dataset
    from maskdet.data.selection import class_numbers
    from maskdet.data.written_folder import check_apart
    from maskdet.errors import UsageError
    from maskdet.images import check_picture_name
    from maskdet.jobs.preview import COLUMNS, photos_to_show, preview, sheet_paths

    if args.count < 1:
        raise UsageError(f"--count is {args.count}; give 1 or more.")
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; give 0 or more.")
    check_picture_name(args.out)
    check_apart(args.out, args.data)
    augmentation = Augmentation.preset(args.augmented) if args.augmented else None
    dataset = Dataset.load(args.data, on_error="skip")
    class_id = None
    if args.class_name is not None:
        [class_id] = class_numbers(dataset, [args.class_name])
    image_ids = photos_to_show(dataset, None if args.every else args.seed, class_id)
    photos = args.count if augmentation is None else -(-args.count // COLUMNS)
    paths = sheet_paths(args.out, -(-len(image_ids) // photos) if args.every else 1)
    for path in paths:
        check_free(path, args.overwrite)
    drawn = preview(dataset, image_ids, paths, photos, class_id, augmentation, args.seed)
    for failure in drawn.failures:
        print(f"left out: {failure}")
    for name, count in drawn.by_class.items():
        print(f"  {name}: {count}")
    objects = sum(drawn.by_class.values())
    of_all = f" of {len(image_ids)}" if drawn.photos < len(image_ids) else ""
    words = [
        f"{drawn.photos}{of_all} {'photo' if len(image_ids) == 1 else 'photos'}",
        *([] if dataset.gives_labels else [counted(objects, "object")]),
        counted(len(drawn.by_class), "class", "classes"),
    ]
    print(", ".join(words))
    for picture in drawn.pictures:
        print(f"written: {picture}")
    return Answer(
        {
            "pictures": drawn.pictures,
            "photos": drawn.photos,
            "objects": objects,
            "objects by class": drawn.by_class,
            "left out": drawn.failures,
        }
    )
