"""The command line: every command is a few lines over the public API."""

import argparse
import sys
from collections.abc import Sequence

from maskdet.errors import MaskdetError
from maskdet.version import __version__

WEIGHTS = ".h5 file of a training (with its .json beside it), or coco: a detector of 80 classes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    args = _parser().parse_args(arguments)
    try:
        return int(args.command(args) or 0)
    except MaskdetError as error:
        print(f"maskdet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmaskdet: stopped; the last epoch's checkpoint is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m maskdet",
        description="Photos and annotations in, a trained detector with masks out.",
    )
    parser.add_argument("--version", action="version", version=f"maskdet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_detect(commands)
    _add_check(commands)
    _add_export(commands)
    _add_serve(commands)
    _add_train(commands)
    return parser


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make a data set, train Mask R-CNN on it, evaluate it, draw what it finds"
    demo = commands.add_parser("demo", help=text, description=text)
    demo.add_argument("--out", default="demo_output", help="folder (default: %(default)s)")
    demo.add_argument("--images", type=int, default=None, help="photos of the data set")
    demo.add_argument("--epochs", type=int, nargs=2, default=None, metavar=("HEADS", "ALL"))
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(command=_demo)


def _demo(args: argparse.Namespace) -> int:
    from maskdet.demo import DEFAULT_IMAGES, run_demo

    run_demo(
        args.out,
        images=args.images or DEFAULT_IMAGES,
        epochs=tuple(args.epochs) if args.epochs else None,
        seed=args.seed,
    )
    return 0


def _add_detect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "find objects in photos with trained weights and draw them"
    detect = commands.add_parser("detect", help=text, description=text)
    detect.add_argument("weights", help=WEIGHTS)
    detect.add_argument("photos", nargs="+", help="photos or folders of photos")
    detect.add_argument("--out", default="detections", help="folder (default: %(default)s)")
    detect.add_argument("--min-score", type=float, default=0.5)
    detect.set_defaults(command=_detect)


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "look for defects in a data set of any format, and count what is in it"
    more = "The exit status is 0 if there is no error among the findings, else 1."
    check = commands.add_parser("check", help=text, description=f"{text}. {more}")
    check.add_argument("data", help="folder or annotation file of the data set")
    check.add_argument("--json", metavar="FILE", help="write counts and findings there")
    check.add_argument("--picture", metavar="FILE", help="draw the set on one page there (.png)")
    check.add_argument(
        "--config",
        choices=("mobile", "lite", "standard"),
        default="lite",
        help="whose anchors are compared with the boxes (default: %(default)s)",
    )
    check.set_defaults(command=_check)


def _check(args: argparse.Namespace) -> int:
    from maskdet.config import Config, LiteConfig, MobileConfig
    from maskdet.data import check

    configs = {"mobile": MobileConfig, "lite": LiteConfig, "standard": Config}
    config = configs[args.config]()
    report = check(args.data, config, progress=True)
    print(report.text())
    if args.json:
        report.save_json(args.json)
    if args.picture:
        report.draw(args.picture, config)
    return 0 if report.sound else 1


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "train an SSD as a pipeline.config of the TF Object Detection API says"
    more = "First it is told what of the file is carried over and what is not."
    train = commands.add_parser("train", help=text, description=f"{text}. {more}")
    train.add_argument("--pipeline", required=True, metavar="FILE", help="the pipeline.config")
    train.add_argument(
        "--model-dir", default="logs", help="where log folders go (default: %(default)s)"
    )
    train.add_argument("--epochs", type=int, help="passes over the set in place of num_steps")
    train.set_defaults(command=_train)


def _train(args: argparse.Namespace) -> int:
    from maskdet.models.ssd.pipeline_run import train_pipeline

    train_pipeline(args.pipeline, args.model_dir, args.epochs)
    return 0


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "write trained weights as a file for a Raspberry Pi, or as a page for the browser"
    export = commands.add_parser("export", help=text, description=text)
    export.add_argument("weights", help=WEIGHTS)
    export.add_argument("file", help="mine.tflite, mine.onnx, or a folder for a page")
    export.add_argument(
        "--format",
        choices=("tflite", "onnx", "saved_model", "page"),
        help="what a folder is to be: page (the default) or saved_model",
    )
    export.add_argument("--precision", choices=("float32", "float16", "int8"))
    export.add_argument(
        "--profile", help="of a detector: instances (with masks; the default) or detect"
    )
    export.add_argument(
        "--calibration", metavar="DATA", help="data set with photos to measure int8's ranges on"
    )
    export.add_argument("--dataset", metavar="DATA", help="data set to score network and file on")
    export.add_argument("--count", type=int, help="objects that the file reports at most")
    export.add_argument(
        "--samples", nargs="+", default=(), metavar="PHOTO", help="photos to try on a page"
    )
    export.add_argument(
        "--no-verify", action="store_true", help="do not run network and file side by side first"
    )
    export.set_defaults(command=_export)


def _export(args: argparse.Namespace) -> int:
    from maskdet.data import Dataset
    from maskdet.exporters.formats import format_of
    from maskdet.models.opening import open_model

    is_page = format_of(args.file, args.format) == "page"
    calibration, dataset = (
        Dataset.load(path) if path else None for path in (args.calibration, args.dataset)
    )
    open_model(args.weights).export(
        args.file,
        args.precision,
        args.profile,
        calibration,
        dataset,
        args.count,
        verify=not args.no_verify,
        format=args.format,
        samples=args.samples,
    )
    print(f"written: {args.file}")
    if is_page:
        if args.precision is None and calibration is None:
            print("In float32; with --calibration DATA it is int8, a quarter of the size.")
        print(f"To see it: python -m maskdet serve {args.file}")
    return 0


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "open a page that export made, on this machine"
    more = "Any static web server can do it too; this one sends the headers that threads need."
    serve = commands.add_parser("serve", help=text, description=f"{text}. {more}")
    serve.add_argument("page", help="the folder")
    serve.add_argument("--port", type=int, default=8000, help="(default: %(default)s)")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: this machine alone)"
    )
    serve.set_defaults(command=_serve)


def _serve(args: argparse.Namespace) -> int:
    from maskdet.page.server import serve

    serve(args.page, args.host, args.port)
    return 0


def _detect(args: argparse.Namespace) -> int:
    from maskdet.detecting import detect_photos

    detect_photos(args.weights, args.photos, args.out, args.min_score)
    return 0
