"""Exported detectors on one thread: speed from photo to masks, memory, size, and the AP beside it.

    python benchmarks/lite.py --model "light=FILE.h5" [--model "small=FILE.h5"] --data FOLDER

For every model: float32 and int8 in both profiles are exported (calibrated on --calibration, by
default the data itself), timed in rounds that take turns with the backbone alone and with an
SSDLite head on the same backbone, then run from a 640 x 480 photo to Detections with masks in a
process of its own that has numpy, Pillow and the interpreter only. Rows go to benchmarks/lite.csv.
The short form has int8 with masks alone and leaves out where the time goes.
"""

import tempfile
from pathlib import Path

from common import command_line, keep_rows, print_table


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="NAME=FILE.h5[@SIDE]",
        help="trained weights; @256 runs them at another input size",
    )
    parser.add_argument("--data", required=True, help="data set that AP is taken on")
    parser.add_argument("--calibration", help="data set for int8 (default: --data)")
    args = parser.parse_args()

    from lite_rows import AP, at_side, rows_of
    from trained import opened

    dataset = opened(args.data)
    calibration = opened(args.calibration) if args.calibration else dataset
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for model_option in args.model:
            name, _, rest = model_option.partition("=")
            path, _, side = rest.partition("@")
            model = at_side(path, int(side) if side else None)
            rows += rows_of(name, model, dataset, calibration, folder, args.quick)
    report(rows, AP)
    settings = {"data": Path(args.data).name}
    keep_rows(
        args,
        [
            {**settings, **names_of(row), "what": key, "value": float(value)}
            for row in rows
            for key, value in row.items()
            if isinstance(value, float | int)
        ],
    )


def names_of(row):
    return {"model": row["model"], "file": row["file"]}


def report(rows, scores):
    keys = ["MB", "invoke_ms", "fps_1_thread", "memory_MB", "to_backbone", "to_ssdlite"]
    named = [{"model, file": f"{row['model']} {row['file']}", **row} for row in rows]
    print_table(named, ["model, file", *keys, "to_float32", "geometry_share", *scores])
    for row in named:
        stages = {k: v for k, v in row.items() if k.startswith("stage ") or k.endswith("_ms")}
        if any(k.startswith("stage ") for k in stages):
            times = ", ".join(f"{k.removeprefix('stage ')} {v:.2f}" for k, v in stages.items())
            print(f"\n{row['model, file']}, milliseconds:\n  {times}")


if __name__ == "__main__":
    main()
