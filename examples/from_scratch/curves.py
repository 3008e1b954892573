"""Losses and AP of several trainings side by side, from the folders that train.py wrote.

Run:  python examples/from_scratch/curves.py batch_8=OUT batch_1=OUT --csv FILE --png FILE
"""

import argparse
import csv
import io
import json
import sys
from pathlib import Path

from maskdet.errors import MaskdetError, UsageError
from maskdet.files import write_whole
from maskdet.training.logs import HISTORY_FILE, read_history

COLUMNS = ("run", "epoch", "loss", "val_loss", "val_ap50", "val_ap")


def run_rows(name: str, folder: str) -> list[dict[str, str]]:
    """A row an epoch of a training.

    Raises:
        UsageError: if the folder is none of train.py's, or the training has not ended.
    """
    path = Path(folder) / "result.json"
    if not path.is_file():
        raise UsageError(
            f"There is no {path}, which train.py writes at its end; train first: "
            f"python examples/from_scratch/train.py --out {folder}"
        )
    log = Path(json.loads(path.read_text(encoding="utf-8"))["log"])
    rows = read_history(log / HISTORY_FILE)
    if not rows:
        raise UsageError(f"{log} has no {HISTORY_FILE}, so {folder} has no curves; train again.")
    return [{"run": name, **{key: row.get(key, "") for key in COLUMNS[1:]}} for row in rows]


def as_csv(rows: list[dict[str, str]]) -> str:
    """All rows under one head."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def draw(rows: list[dict[str, str]], path: str) -> None:
    """Training loss, validation loss and AP50 over epochs, a line a run."""
    import matplotlib

    matplotlib.use("Agg")  # needs no screen
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    titles = ("training loss", "validation loss", "AP50, validation photos")
    for axes, column, title in zip(panels, ("loss", "val_loss", "val_ap50"), titles, strict=True):
        for name in dict.fromkeys(row["run"] for row in rows):
            points = [
                (int(row["epoch"]), float(row[column]))
                for row in rows
                if row["run"] == name and row[column]
            ]
            axes.plot(*zip(*points, strict=True), label=name.replace("_", " "))
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right" if column == "val_ap50" else "upper right")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=90)
    write_whole(path, picture.getvalue())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Draws trainings side by side.")
    parser.add_argument("runs", nargs="+", metavar="NAME=OUT", help="what to call it, its folder")
    parser.add_argument("--csv", default="curves.csv")
    parser.add_argument("--png", default="curves.png")
    args = parser.parse_args()
    rows = []
    for text in args.runs:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise UsageError(f"{text!r} is no NAME=OUT, such as batch_1=from_scratch_output.")
        rows += run_rows(name, folder)
    write_whole(args.csv, as_csv(rows))
    draw(rows, args.png)
    print(f"{args.csv}, {args.png}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MaskdetError as error:
        sys.exit(f"curves.py: {error}")
