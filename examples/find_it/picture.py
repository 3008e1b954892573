"""Draws the picture of README.md: a level, and beside it what the robot makes of it.

Run:  python examples/find_it/picture.py --weights find_it.tflite
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from browser import FIRST_LEVEL, open_game, open_level, screenshot
from PIL import Image, ImageDraw
from play import open_detector
from robot import SURE, Tap, plan_taps, wanted_kind
from views import look_around

from maskdet.detections import Detections
from maskdet.errors import MaskdetError, UsageError
from maskdet.images import write_image
from maskdet.visualize.draw import draw_instances

GREY, GREEN = (150, 150, 150), (60, 220, 90)
_RADIUS = 9
_WIDTH = 1000


def robots_view(
    picture: np.ndarray, detections: Detections, wanted: str, plan: list[Tap]
) -> np.ndarray:
    """The screenshot with all that it is sure of, matches in green, and numbered taps."""
    chosen = np.flatnonzero(detections.scores >= SURE)
    names = detections.class_names
    kinds = [names[int(i)] for i in detections.class_ids[chosen]]
    drawn = draw_instances(
        picture,
        detections.boxes[chosen],
        detections.class_ids[chosen],
        names,
        colors=[GREEN if kind == wanted else GREY for kind in kinds],
    )
    canvas = Image.fromarray(drawn)
    pen = ImageDraw.Draw(canvas)
    for number, tap in enumerate(plan, 1):
        y, x = tap.point
        pen.ellipse((x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS), fill=(20, 20, 20))
        pen.text((x, y), str(number), fill=(255, 255, 255), anchor="mm")
    return np.asarray(canvas)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Draws a level with the robot's view.")
    parser.add_argument("--weights", default="find_it.tflite", help="file of train.py")
    parser.add_argument("--seed", type=int, default=FIRST_LEVEL, help="number of the level")
    parser.add_argument("--out", default=str(Path(__file__).with_name("level.jpg")))
    args = parser.parse_args()
    detector = open_detector(args.weights)
    with open_game() as page:
        open_level(page, args.seed)
        picture = screenshot(page)
    detections = look_around(detector.detect, picture)
    wanted = wanted_kind(detections)
    if wanted is None:
        raise UsageError(f"The robot sees no wanted picture in level {args.seed}; take another.")
    view = robots_view(picture, detections, wanted, plan_taps(detections, wanted, []))
    pair = Image.fromarray(np.concatenate([picture, view], axis=1))
    size = (_WIDTH, round(_WIDTH * pair.height / pair.width))
    write_image(args.out, np.asarray(pair.resize(size, Image.Resampling.LANCZOS)), quality=85)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"picture.py: {error}")
