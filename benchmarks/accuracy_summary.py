"""Means and spreads over seeds of the rows that benchmarks/accuracy.py keeps."""

import csv
import statistics

# Rows that differ in none of these are trainings of one kind by other seeds.
SAME = ("set", "split", "config", "side", "weights", "recipe", "photos", "settings")
SHOWN = ("minutes", "tutorial AP", "box AP50", "box AP", "mask AP50", "mask AP")


def summary(path):
    """A markdown table of a CSV file: a line for each kind of training, short runs left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["quick"] != "True"]
    kinds = {}
    for row in rows:
        kinds.setdefault(tuple(row[name] for name in SAME), []).append(row)
    head = [*SAME, "seeds", *SHOWN]
    lines = [head, ["---"] * len(head)]
    for kind, runs in kinds.items():
        lines.append([*kind, str(len(runs)), *(mean_and_spread(runs, name) for name in SHOWN)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_and_spread(runs, name):
    """ "0.850 (0.840..0.860)" of a column over runs; "" where none has it."""
    values = [float(run[name]) for run in runs if run.get(name)]
    if not values:
        return ""
    digits = 1 if name == "minutes" else 3
    mean, least, most = (
        f"{value:.{digits}f}" for value in (statistics.mean(values), min(values), max(values))
    )
    return mean if len(values) == 1 else f"{mean} ({least}..{most})"
