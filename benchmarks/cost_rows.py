"""Rows and picture of benchmarks/cost.py."""

import gc
import statistics
import tempfile

import keras
import numpy as np
from common import seconds_of
from inference_rows import resnet50_config

import maskdet


def rows_of(sides, detections, rounds):
    """Milliseconds of a photo of each side with so many detections, sides taking turns."""
    runs = {side: _detector(side, detections) for side in sides}
    counts = {side: run() for side, run in runs.items()}
    times = {side: [] for side in sides}
    for _ in range(rounds):
        for side, run in runs.items():
            times[side].append(seconds_of(run))
    del runs
    keras.backend.clear_session()
    gc.collect()
    return [
        {
            "side": side,
            "megapixels": side * side / 1e6,
            "detections": counts[side],
            "ms": 1e3 * statistics.median(times[side]),
        }
        for side in sides
    ]


def _detector(side, detections):
    config = resnet50_config(side, max(detections, 1))
    if detections == 0:
        config.DETECTION_MIN_CONFIDENCE = 1.0
    model = maskdet.MaskRCNN("inference", config, tempfile.gettempdir())
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return lambda: len(model.detect([photo])[0]["class_ids"])


def plot(rows, path):
    """Both curves in one picture, each with the straight line through its ends."""
    from matplotlib.figure import Figure

    figure = Figure((9, 3.6), layout="constrained")
    by_size = [row for row in rows if row["detections"] == 100]
    by_count = [row for row in rows if row["side"] == 512]
    for axes, drawn, key, label in (
        (figure.add_subplot(1, 2, 1), by_size, "megapixels", "megapixels, 100 detections"),
        (figure.add_subplot(1, 2, 2), by_count, "detections", "detections, 512 px"),
    ):
        drawn = sorted(drawn, key=lambda row: row[key])
        axes.plot([row[key] for row in drawn], [row["ms"] for row in drawn], "o")
        ends = drawn[0], drawn[-1]
        axes.plot([row[key] for row in ends], [row["ms"] for row in ends], "--", linewidth=1)
        axes.set(xlabel=label, ylabel="milliseconds", ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
