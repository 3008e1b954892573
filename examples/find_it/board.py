"""Makes boards to train with: screenshots of the game and VOC files of what is in sight there.

Run:  python examples/find_it/board.py --out boards
Boards are drawn by the game itself, from numbers that no level has.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from browser import FIRST_LEVEL, SIDES, open_game, open_level

from maskdet.data.formats.voc_xml import VOCObject, build_xml
from maskdet.errors import MaskdetError, UsageError
from maskdet.files import write_whole
from maskdet.progress import progress_bar

#: A thing of which less than this share is in sight is marked difficult.
LEAST_SHARE = 0.3


def board_objects(truth: dict[str, Any]) -> list[VOCObject]:
    """What the page says of itself as annotations, the wanted picture among them."""
    things = [{**truth["wanted"], "share": 1.0}, *truth["things"]]
    return [
        VOCObject(
            thing["name"],
            tuple(map(float, thing["box"])),
            difficult=thing["share"] < LEAST_SHARE,
            truncated=False,
            occluded=thing["share"] < 1,
            pose="Unspecified",
            location="",
        )
        for thing in things
    ]


def board_seeds(first: int, count: int) -> range:
    """Numbers of boards.

    Raises:
        UsageError: if one of them is a level's.
    """
    if count < 1 or first < 0 or first + count > FIRST_LEVEL:
        raise UsageError(
            f"Boards have numbers from 0 to {FIRST_LEVEL - 1}, levels those behind; got {count} "
            f"boards from {first} on."
        )
    return range(first, first + count)


def write_boards(folder: Path, seeds: range) -> None:
    """Write JPEGImages and Annotations of these boards; files of the same names are replaced."""
    with open_game() as page:
        for seed in progress_bar(seeds, "drawing boards", unit="board"):
            open_level(page, seed)
            name = f"board_{seed:06d}"
            text = build_xml(
                f"{name}.png", "JPEGImages", SIDES, board_objects(page.evaluate("truth()")), False
            )
            write_whole(folder / "JPEGImages" / f"{name}.png", page.screenshot())
            write_whole(folder / "Annotations" / f"{name}.xml", text)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Makes boards to train the robot with.")
    parser.add_argument("--out", default="boards", help="folder for them (default: boards)")
    parser.add_argument("--count", type=int, default=640)
    parser.add_argument("--first", type=int, default=0, help="number of the first board")
    args = parser.parse_args()
    write_boards(Path(args.out), board_seeds(args.first, args.count))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"board.py: {error}")
