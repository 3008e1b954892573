"""What the benchmarks share: their command lines, medians, the reference, tables and CSV files.

Nothing here loads TensorFlow before it is used, so that ``--help`` answers at once; ``import
maskdet`` does not load it either, but sets what TensorFlow reads when it loads.
"""

import argparse
import contextlib
import csv
import datetime
import importlib.metadata
import os
import platform
import statistics
import time
from pathlib import Path

import maskdet

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FOLDER = Path(__file__).parent
ROUNDS = 9
QUICK_ROUNDS = 3


def command_line(script, doc):
    """A parser with the options that every benchmark has.

    Args:
        script: path of the benchmark; its rows go beside it under the same name by default.
        doc: its docstring.
    """
    own_csv = FOLDER / Path(script).with_suffix(".csv").name
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="a short form to see that it works; gives no figures"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help=f"where rows are appended (default: {own_csv.name} beside it; none with --quick)",
    )
    parser.set_defaults(own_csv=own_csv)
    return parser


def median_seconds(call, rounds=ROUNDS):
    """Median time of a call after one to warm up."""
    call()
    return statistics.median(seconds_of(call) for _ in range(rounds))


def seconds_of(call):
    """Time of one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def reference_rate(rounds=ROUNDS):
    """GFLOP/s of a 3 x 3 convolution, 128 channels on an 80 x 80 map, batch 4.

    A time multiplied by it says how many GFLOP of such convolutions fit into that time, which
    travels better from machine to machine than the time.
    """
    import tensorflow as tf

    images = tf.random.normal((4, 80, 80, 128))
    kernel = tf.random.normal((3, 3, 128, 128))
    run = tf.function(lambda: tf.nn.conv2d(images, kernel, 1, "SAME"))
    return 2 * 4 * 80 * 80 * 9 * 128 * 128 / median_seconds(run, rounds) / 1e9


def facts(args):
    """Columns that every row has: when, on what, with which versions, in which form."""
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {processor()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "maskdet": maskdet.__version__,
        **{name: version_of(name) for name in ("tensorflow", "keras")},
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""),
        "quick": args.quick,
    }


def version_of(name):
    """Version of an installed package; TensorFlow's comes under more than one name."""
    for candidate in (name, f"{name}-cpu"):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def processor():
    """The processor's name and the instructions that int8 lives on."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    wanted = ("avx2", "avx512_vnni", "avx_vnni", "asimddp")
    instructions = " ".join(flag for flag in wanted if f" {flag}" in text)
    return f"{(names or [platform.processor()])[0]} ({instructions})"


def print_table(rows, columns):
    """Rows (dicts) under their columns; empty where a row lacks one."""
    cells = [columns, *([_text(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        first, *others = line
        rest = "".join(f"  {text:>{w}}" for text, w in zip(others, widths[1:], strict=True))
        print(f"{first:{widths[0]}}{rest}")


def _text(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def keep_rows(args, rows):
    """Append rows to the CSV file that the command line names, each with :func:`facts`."""
    path = args.csv or (None if args.quick else args.own_csv)
    if path is not None:
        append_rows(path, [{**facts(args), **row} for row in rows])


@contextlib.contextmanager
def alone_in(folder):
    """Keep other benchmarks out of a folder meanwhile, where the system can."""
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if handle is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def append_rows(path, rows):
    """Append rows (dicts) to a CSV file; columns that it lacks are added, empty in older rows.

    Two benchmarks that end at once do not take each other's rows away.
    """
    with alone_in(path.absolute().parent):
        _append_rows(path, rows)


def _append_rows(path, rows):
    older, columns = [], []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            older, columns = list(reader), list(reader.fieldnames or [])
    newer = [{key: _rounded(value) for key, value in row.items()} for row in rows]
    columns = list(dict.fromkeys([*columns, *(key for row in newer for key in row)]))
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*older, *newer])
    part.replace(path)


def _rounded(value):
    return round(value, 4) if isinstance(value, float) else value
