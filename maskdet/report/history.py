"""How a training went, from the rows of its history: losses and figures over epochs."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from maskdet.report.chapters import Chapter, Figure, Folded, Part, Table, Text, number
from maskdet.report.charts import COLOURS, Line, line_chart

_HELD_OUT = "val_"
# Columns that are neither a loss nor a figure of an evaluation.
_NO_VALUES = {"epoch", "stage", "lr", "learning_rate", "seconds", "images_per_second"}

Row = Mapping[str, Any]


def history_chapter(rows: Sequence[Row]) -> Chapter:
    """The chapter on a training: the loss, the figures of its evaluations, each single loss folded.

    Args:
        rows: one an epoch, oldest first: "epoch", "stage" and values by name as text or numbers;
            "val_..." is the validation's. Missing, empty and unfinite values are left out.
    """
    if not rows:
        return Chapter("The training", "The history of the training is not known.")
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in _NO_VALUES and any(math.isfinite(value) for value in _values(rows, name))
    ]
    figures = [
        name
        for name in names
        if name.startswith(_HELD_OUT) and name.removeprefix(_HELD_OUT) not in names
    ]
    losses = [name for name in names if not name.startswith(_HELD_OUT)]
    stages = stages_of(rows)
    parts: list[Part] = []
    if "loss" in losses:
        parts.append(_loss_chart(rows, "loss", "Loss: how wrong the network is", stages))
    if figures:
        parts.append(_figure_chart(rows, figures, stages))
        best = _best(rows, figures[0])
        if best:
            parts.append(Text(best))
    if stages:
        lines = tuple(
            (f"{letter}: {stage}", f"{first} to {last}") for letter, stage, first, last in stages
        )
        parts.append(Table(("stage: layers that learn", "epochs"), lines))
    single = [_loss_chart(rows, name, name, stages) for name in losses if name != "loss"]
    if len(single) > 1:  # a lone one is the loss itself
        parts.append(Folded(f"Each of the {len(single)} losses", tuple(single)))
    note = (
        "The loss should fall and level off. Where that of the photos held out rises again while "
        "the other falls, the network learns photos by heart: more photos or a stronger "
        "augmentation help. Where both still fall at the end, more epochs do."
    )
    return Chapter("The training", note, tuple(parts))


def stages_of(rows: Sequence[Row]) -> list[tuple[str, str, int, int]]:
    """Stages in their order: (letter, layers, first epoch, last epoch)."""
    stages: list[tuple[str, str, int, int]] = []
    for row in rows:
        epoch, stage = int(row["epoch"]), str(row.get("stage") or "")
        if stages and stages[-1][1] == stage:
            stages[-1] = (*stages[-1][:3], epoch)
        elif stage:
            letter = chr(ord("A") + len(stages)) if len(stages) < 26 else str(len(stages) + 1)
            stages.append((letter, stage, epoch, epoch))
    return stages


def _values(rows: Sequence[Row], name: str) -> list[float]:
    return [_finite(row.get(name)) for row in rows]


def _finite(value: Any) -> float:
    """NaN for what is missing or no finite number: a history may have been edited by hand."""
    try:
        known = float(value)
    except (TypeError, ValueError):
        return math.nan
    return known if math.isfinite(known) else math.nan


def _epochs(rows: Sequence[Row]) -> list[int]:
    return [int(row["epoch"]) for row in rows]


def _limits(stages: Sequence[tuple[str, str, int, int]]) -> list[tuple[float, str]]:
    """Where stages begin: half an epoch before their first."""
    return [(first - 0.5, letter) for letter, _, first, _ in stages]


def _loss_chart(rows: Sequence[Row], name: str, title: str, stages: Any) -> Figure:
    epochs = _epochs(rows)
    lines = [Line("training photos", epochs, _values(rows, name), COLOURS[0])]
    held_out = _values(rows, _HELD_OUT + name)
    if any(map(math.isfinite, held_out)):
        lines.append(Line("photos held out", epochs, held_out, COLOURS[1], dashed=True))
    ends = ", ".join(f"{line.name} {number(_last(line.y))}" for line in lines)
    alt = f"{name} over {len(epochs)} epochs; at the end: {ends}"
    return line_chart(title, lines, "epoch", alt, limits=_limits(stages))


def _last(values: Any) -> float:
    """The last known one."""
    return next((float(value) for value in reversed(values) if math.isfinite(value)), math.nan)


def _figure_chart(rows: Sequence[Row], names: Sequence[str], stages: Any) -> Figure:
    epochs = _epochs(rows)
    lines = [
        Line(_shown(name), epochs, _values(rows, name), COLOURS[i % len(COLOURS)], dots=True)
        for i, name in enumerate(names)
    ]
    ends = ", ".join(f"{_shown(name)} {number(_last(_values(rows, name)))}" for name in names)
    alt = f"Figures of the photos held out over {len(epochs)} epochs; at the end: {ends}"
    title = "Figures of photos held out: higher is better"
    return line_chart(title, lines, "epoch", alt, y_range=(0, 1.02), limits=_limits(stages))


def _shown(name: str) -> str:
    """ "val_mask_ap50" for people: "mask AP50"."""
    return re.sub(r"\bap", "AP", name.removeprefix(_HELD_OUT).replace("_", " "))


def _best(rows: Sequence[Row], name: str) -> str:
    known = [(value, row) for value, row in zip(_values(rows, name), rows, strict=True)]
    known = [(value, row) for value, row in known if math.isfinite(value)]
    if not known:
        return ""
    value, row = max(known, key=lambda pair: pair[0])
    return f"The best {_shown(name)} was {number(value)}, after epoch {row['epoch']}."
