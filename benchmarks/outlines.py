"""Outlines of kangaroos drawn by hand, to hold masks against that were learned from boxes alone.

    python benchmarks/outlines.py show 00150 --box 1 --out 00150.png
    python benchmarks/outlines.py show 00150 --window 10 120 90 220 --out ears.png
    python benchmarks/outlines.py check

Nothing is measured here. "show" cuts an object out of a photo of the kangaroo set and enlarges it,
with a ruler in pixels of the photo, its box, and over it the outline that
benchmarks/kangaroo_outlines.json has already, corners numbered. "check" says how far each outline
crosses its box's sides (negative: stays inside) and what it covers of the box, and ends with 1 if
one of them leaves its photo, misses its box, crosses itself or covers too little or too much.
"""

import argparse
from pathlib import Path

from common import FOLDER, print_table


def main():
    args = parse_arguments()
    from maskdet.errors import MaskdetError

    try:
        sentences = args.command(args)
    except MaskdetError as error:
        raise SystemExit(f"outlines.py: {error}") from error
    if sentences:
        raise SystemExit("\n".join(f"outlines.py: {sentence}" for sentence in sentences))


def show(args):
    """Write the picture that the command line asks for."""
    import numpy as np
    from outlines_check import object_of, read_outlines
    from outlines_picture import picture_of, window_around

    from maskdet.images import read_image, save_picture

    photo = f"{Path(args.photo).stem}.jpg"
    shape, box = object_of(args.data, photo, args.box)
    image = read_image(args.data / "images" / photo)
    outlines = read_outlines(args.outlines) if args.outlines.exists() else {}
    polygons = outlines[photo].polygons if photo in outlines else []
    window = window_around(box, shape) if args.window is None else np.array(args.window)
    save_picture(args.out, picture_of(image, box, window, polygons, not args.plain))


def check(args):
    """Print a line for each outline; what is wrong with them, a sentence each."""
    from outlines_check import SIDES, area_share, faults, object_of, read_outlines, side_distances

    rows, sentences = [], []
    for outline in read_outlines(args.outlines).values():
        shape, box = object_of(args.data, outline.photo, outline.number)
        distances = dict(zip(SIDES, side_distances(outline, box).tolist(), strict=True))
        row = {"photo": outline.photo, "object": outline.number} | distances
        row["corners"] = sum(len(polygon) for polygon in outline.polygons)
        rows.append(row | {"of its box": float(area_share(outline, shape, box))})
        sentences += faults(outline, shape, box)
    print_table(rows, ["photo", "object", "corners", *SIDES, "of its box"])
    return sentences


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common_options = argparse.ArgumentParser(add_help=False)
    common_options.add_argument(
        "--data",
        type=Path,
        default=FOLDER.parents[1] / "shared" / "data" / "kangaroo",
        help="folder of the set (default: ../shared/data/kangaroo beside the checkout)",
    )
    common_options.add_argument(
        "--outlines",
        type=Path,
        default=FOLDER / "kangaroo_outlines.json",
        metavar="FILE",
        help="(default: kangaroo_outlines.json beside this program)",
    )
    commands = parser.add_subparsers(required=True)
    showing = commands.add_parser("show", parents=[common_options], help="an object, enlarged")
    showing.add_argument("photo", help="its name, such as 00150")
    showing.add_argument("--box", type=int, default=1, metavar="N", help="object, from 1")
    showing.add_argument("--out", type=Path, required=True, metavar="PNG")
    showing.add_argument(
        "--window",
        type=int,
        nargs=4,
        metavar=("Y1", "X1", "Y2", "X2"),
        help="part of the photo to show (default: the box with a margin)",
    )
    showing.add_argument("--plain", action="store_true", help="no numbers at the corners")
    showing.set_defaults(command=show)
    checking = commands.add_parser("check", parents=[common_options], help="the whole file")
    checking.set_defaults(command=check)
    return parser.parse_args()


if __name__ == "__main__":
    main()
