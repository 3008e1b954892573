"""``maskdet export``."""

import argparse
from pathlib import Path

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_overwrite, add_weights, check_free, weights_path

TEXT = "write trained weights as a file for a Raspberry Pi, or as a page for the browser"
EXAMPLES = (
    (
        "maskdet export trained/my_photos mine.tflite --calibration my_photos",
        "int8 for the Pi, compared with the network before it is written",
    ),
    ("maskdet export trained/my_photos mine.tflite", "the same in float32"),
    ("maskdet export trained/my_photos page/ --samples new_photos", "a page for the browser"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_weights(parser)
    parser.add_argument(
        "file",
        help="mine.tflite, mine.onnx, mine.imx.zip for the AI Camera, or a folder for a page",
    )
    parser.add_argument(
        "--format",
        choices=("tflite", "onnx", "imx500", "saved_model", "page"),
        help="what a folder is to be: page (the default) or saved_model",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "int8"),
        help="default: int8 with --calibration, else float32",
    )
    parser.add_argument(
        "--profile", help="of a detector: instances (with masks; the default) or detect"
    )
    parser.add_argument(
        "--calibration", metavar="DATA", help="data set with photos to measure int8's ranges on"
    )
    parser.add_argument("--dataset", metavar="DATA", help="data set to score network and file on")
    parser.add_argument("--count", type=int, help="objects that the file reports at most")
    parser.add_argument(
        "--samples", nargs="+", default=(), metavar="PHOTO", help="photos to try on a page"
    )
    parser.add_argument(
        "--no-verify", action="store_true", help="do not run network and file side by side first"
    )
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    weights = weights_path(args.weights)
    check_free(args.file, args.overwrite)
    from maskdet.exporters.formats import format_of
    from maskdet.jobs.training_data import whole_set
    from maskdet.models.opening import open_model

    format = format_of(args.file, args.format)
    calibration, dataset = (
        whole_set(path) if path else None for path in (args.calibration, args.dataset)
    )
    report = open_model(weights).export(
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
    _say_what_comes_next(args, format)
    rows = [
        {"name": row.name, "bytes": row.size, "milliseconds": row.milliseconds, **row.scores}
        for row in report.rows
    ]
    return Answer({"file": Path(args.file), "bytes": report.size, "rows": rows})


def _say_what_comes_next(args: argparse.Namespace, format: str) -> None:
    if args.precision is None and args.calibration is None and format != "imx500":
        print("In float32; with --calibration DATA it is int8, a quarter of the size.")
    if format == "page":
        print(f"To see it: python -m maskdet serve {args.file}")
    elif Path(args.file).suffix == ".tflite":
        print(f"To run it, here or on a Pi: python -m maskdet.runtime {args.file} PHOTO")
    elif format == "imx500":
        print(f"On the Pi: unzip {args.file}; imx500-package -i packerOut.zip -o .")
