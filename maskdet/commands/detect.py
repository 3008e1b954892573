"""``maskdet detect``."""

import argparse
from pathlib import Path
from typing import Any

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_overwrite, add_weights, check_free, weights_path
from maskdet.errors import UsageError
from maskdet.jobs.exported import is_exported

TEXT = "find objects in photos, videos or before a camera with trained weights, and draw them"
EXAMPLES = (
    ("maskdet detect trained/my_photos new_photos/", "pictures with what it finds in detections/"),
    ("maskdet detect coco photo.jpg --min-score 0.3", "COCO's 80 classes, without a training"),
    ("maskdet detect mine.tflite walk.mp4", "a video with boxes and masks; needs OpenCV"),
    ("maskdet detect mine.tflite camera --serve", "a camera, to be seen in a browser"),
    ("maskdet detect mine.h5 new_photos/ --json > found.json", "for programs"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_weights(parser, files=True)
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="photos or folders of photos; or a video, camera, camera:1, or play:FOLDER",
    )
    parser.add_argument("--out", default="detections", help="folder (default: %(default)s)")
    parser.add_argument("--no-save", action="store_true", help="write no pictures")
    parser.add_argument(
        "--min-score", type=float, metavar="S", default=0.5, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--serve",
        nargs="?",
        const=8000,
        type=int,
        metavar="PORT",
        help="of a camera or video: show it in a browser on this machine (default port: 8000)",
    )
    parser.add_argument(
        "--record", metavar="FOLDER", help="of a camera: keep a photo of each new object there"
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help="of a camera or video: stop after that many"
    )
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    weights = args.weights if is_exported(args.weights) else weights_path(args.weights)
    from maskdet.jobs.detecting import detect_live, detect_photos, is_live

    live = next(filter(is_live, args.sources), None)
    if live is not None:
        if len(args.sources) > 1:
            raise UsageError(f"{live} gives frames, not a photo; give it alone.")
        detect_live(weights, live, _live_options(args), args.min_score)
        return Answer({"source": live, "out": args.out})
    photos: list[dict[str, Any]] = []

    def heard(photo: Any, picture: Path | None, result: Any) -> None:
        photos.append({"photo": photo.path, "picture": picture, **result.to_dict()})

    detect_photos(
        weights,
        args.sources,
        None if args.no_save else args.out,
        args.min_score,
        args.overwrite,
        heard if args.json else None,
    )
    return Answer({"photos": photos})


def _live_options(args: argparse.Namespace) -> Any:
    from maskdet.runtime.options import Options

    source = Path(args.sources[0])
    if source.is_file() and not args.no_save:
        check_free(Path(args.out) / f"{source.stem}_detected.mp4", args.overwrite)
    return Options(
        out=Path(args.out),
        save=not args.no_save,
        serve=None if args.serve is None else ("127.0.0.1", args.serve),
        record=Path(args.record) if args.record else None,
        frames=args.frames,
    )
