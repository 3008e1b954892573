"""The robot plays: screenshot, detector, taps, until the level is won or nothing matches.

Run:  python examples/find_it/play.py --weights find_it.tflite --levels 100 --csv results.csv
It sees the page's pixels and moves a mouse, no more; the outcome is read from the page afterwards.
"""

import argparse
import csv
import io
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from browser import FIRST_LEVEL, open_game, open_level, screenshot
from robot import Point, plan_taps, wanted_kind
from views import look_around

from maskdet.detections import Detections
from maskdet.errors import MaskdetError, UsageError
from maskdet.files import write_whole
from maskdet.runtime import Detector

#: Screenshots a level at most.
MOST_LOOKS = 25
#: What the detector is less sure of than this is not told to the robot.
LEAST_SCORE = 0.02
Look = Callable[[np.ndarray], Detections]


@dataclass(frozen=True)
class Played:
    """How a level went: thinking is the time in the detector and in decisions."""

    seed: int
    outcome: str
    taps: int
    wrong_taps: int
    looks: int
    thinking_seconds: float


def play_level(page: Any, seed: int, look: Look, wanted: str | None = None) -> Played:
    """Play a level on a Playwright page.

    Args:
        page: of browser.open_game().
        seed: number of the level.
        look: gives detections for a screenshot uint8 (H, W, 3).
        wanted: another kind than the level would ask for.
    """
    open_level(page, seed, wanted)
    tried: list[Point] = []
    taps, looks, thinking = 0, 0, 0.0
    kind = None
    while looks < MOST_LOOKS:
        picture = screenshot(page)
        looks += 1
        started = time.perf_counter()
        detections = look(picture)
        shown = wanted_kind(detections)
        kind = kind or shown
        plan = [] if kind is None or shown is None else plan_taps(detections, kind, tried)
        thinking += time.perf_counter() - started
        if not plan:
            break
        for tap in plan:
            y, x = tap.point
            page.mouse.click(x, y)
            tried.append(tap.point)
            taps += 1
    told = page.evaluate("({...document.documentElement.dataset})")
    wrong = int(told.get("wrong", 0))
    return Played(seed, told.get("outcome", "given up"), taps, wrong, looks, round(thinking, 3))


def open_detector(path: str) -> Detector:
    """The robot's eyes, from a file of train.py.

    Raises:
        UsageError: if there is none.
    """
    if not Path(path).is_file():
        raise UsageError(
            f"There is no {path}; train.py writes it: python examples/find_it/train.py --out {path}"
        )
    return Detector(path, threads=2, min_confidence=LEAST_SCORE)


def table_of(levels: list[Played]) -> str:
    """The levels as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Played)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, levels))
    return text.getvalue()


def summary_of(levels: list[Played]) -> str:
    """One line for people."""
    won = sum(level.outcome == "won" for level in levels)
    thinking = statistics.median(level.thinking_seconds for level in levels)
    wrong = sum(level.wrong_taps for level in levels)
    return (
        f"{won} of {len(levels)} levels won, {sum(level.taps for level in levels)} taps, {wrong} "
        f"of them wrong, {thinking:.2f} s of thinking a level (median)"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Lets the robot play.")
    parser.add_argument("--weights", default="find_it.tflite", help="file of train.py")
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--first", type=int, default=FIRST_LEVEL, help="number of the first level")
    parser.add_argument("--wanted", help="another kind than the level would ask for")
    parser.add_argument("--csv", help="file for a line a level")
    args = parser.parse_args()
    if args.levels < 1 or args.first < FIRST_LEVEL:
        raise UsageError(
            f"Levels have numbers from {FIRST_LEVEL} on, and one or more are played; got "
            f"{args.levels} levels from {args.first} on."
        )
    detector = open_detector(args.weights)
    look = partial(look_around, detector.detect)
    levels = []
    with open_game() as page:
        for seed in range(args.first, args.first + args.levels):
            levels.append(play_level(page, seed, look, args.wanted))
            print(levels[-1], flush=True)
    if args.csv:
        write_whole(args.csv, table_of(levels))
    print(summary_of(levels))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"play.py: {error}")
