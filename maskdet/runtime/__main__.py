"""``python -m maskdet.runtime model.tflite SOURCE``: see what an exported file sees."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from maskdet.errors import MaskdetError
from maskdet.profiles import ROUNDS

_EPILOG = """sources:
  photo.jpg          boxes and masks drawn into a copy
  FOLDER             every photo in it
  video.mp4          needs OpenCV (pip install opencv-python-headless)
  camera, camera:1   the Pi's own camera through picamera2, or a USB camera through OpenCV
  picamera, /dev/video0
  play:FOLDER        a folder's photos as if they came from a camera, again and again

examples:
  python -m maskdet.runtime kangaroo.tflite photo.jpg
  python -m maskdet.runtime kangaroo.tflite camera --serve
  python -m maskdet.runtime kangaroo.tflite camera --serve 0.0.0.0:8000 --record seen
  python -m maskdet.runtime kangaroo.tflite photo.jpg --profile
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the process's exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.source is None and not args.profile:
        parser.error("the following arguments are required: source")
    if args.json and not args.profile:
        parser.error("--json goes with --profile")
    from maskdet.runtime.app import run
    from maskdet.runtime.opening import open_file
    from maskdet.runtime.options import Options
    from maskdet.runtime.profiling import show_profile

    try:
        predictor = open_file(args.model, args.threads, args.min_score)
        if args.profile:
            show_profile(predictor, args.source, args.rounds, args.json)
            return 0
        run(
            predictor,
            args.source,
            Options(
                out=Path(args.out),
                save=not args.no_save,
                serve=args.serve,
                record=Path(args.record) if args.record else None,
                frames=args.frames,
                size=args.size,
                quiet=args.quiet,
            ),
        )
    except MaskdetError as error:
        print(f"maskdet.runtime: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmaskdet.runtime: stopped; what was done so far is kept.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m maskdet.runtime",
        description="Run an exported file on photos, videos and cameras.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="a .tflite file of model.export()")
    parser.add_argument(
        "source", nargs="?", help="photo, folder, video or camera; of --profile a photo, or none"
    )
    parser.add_argument(
        "--min-score", type=float, metavar="S", help="lowest score shown (default: the model's)"
    )
    parser.add_argument("--threads", type=int, help="default: one for each core")
    parser.add_argument("--out", default="detected", help="folder for results (default: detected)")
    parser.add_argument("--no-save", action="store_true", help="write no pictures")
    parser.add_argument(
        "--serve",
        nargs="?",
        const="127.0.0.1:8000",
        type=_address,
        metavar="[HOST:]PORT",
        help="show the camera on a page; without a value at 127.0.0.1:8000, for this machine alone",
    )
    parser.add_argument("--record", metavar="FOLDER", help="keep a photo of each new object there")
    parser.add_argument("--frames", type=int, help="stop after that many frames")
    parser.add_argument(
        "--size", type=_size, default=(640, 480), metavar="WxH", help="of a camera's frames"
    )
    parser.add_argument(
        "--profile", action="store_true", help="print where one photo's time goes, stage by stage"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"that --profile takes (default: {ROUNDS})"
    )
    parser.add_argument("--json", action="store_true", help="print --profile as JSON")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no [HOST:]PORT, such as 8000")
    return (host.strip("[]") or "127.0.0.1"), int(port)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no WxH, such as 640x480")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
