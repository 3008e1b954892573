"""How fast batches are made, and how much longer a training takes than with ready-made ones.

    python benchmarks/loader.py [--data FOLDER] [--batch 8] [--steps 40]

Prints a table and appends its rows to benchmarks/loader.csv with machine, versions and settings.
Without --data the embedded scenes are used (boxes and masks).
"""

import argparse
import csv
import datetime
import os
import platform
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import maskdet  # isort: skip  (sets what TensorFlow reads when it loads)
import keras
import numpy as np

from maskdet import Dataset, MaskRCNN, MobileConfig
from maskdet.data.augment import PRESETS, Augmentation
from maskdet.data.loader import Loader
from maskdet.data.scenes import write_scenes
from maskdet.inference.detect import placement_rule
from maskdet.training import fit

FILE = Path(__file__).with_name("loader.csv")


def images_per_second(dataset, config, preset, cache, batches=12):
    """Rate of a loader alone, after its first pass where it keeps images."""
    loader = Loader(
        dataset,
        canvas=(config.IMAGE_MAX_DIM, config.IMAGE_MAX_DIM),
        batch_size=config.BATCH_SIZE,
        placement_rule=placement_rule(config),
        max_instances=20,
        mini_mask_shape=config.MINI_MASK_SHAPE,
        augment=Augmentation.preset(preset),
        workers=config.LOADER_WORKERS,
        cache=cache,
    )
    stream = loader.iterate()
    for _ in range(len(loader) if cache else 1):
        next(stream)
    start = time.perf_counter()
    for _ in range(batches):
        next(stream)
    spent = time.perf_counter() - start
    stream.close()
    return batches * config.BATCH_SIZE / spent


# Batches that stand for a loader which costs nothing.
REPEATED = 4


def ready_made(feed):
    """A feed that gives the first few batches over and over."""
    return lambda *args, **kwargs: feed(*args, **{**kwargs, "repeat": REPEATED})


class Steps(keras.callbacks.Callback):
    """When each step ended."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


def seconds_a_step(dataset, config, layers, steps, feed):
    """Mean of a real training's steps, after the first pass, which fills the cache."""
    ends, usual = Steps(), fit.feed
    fit.feed = feed
    config.STEPS_PER_EPOCH = steps
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = MaskRCNN("training", config, folder)
            model.train(dataset, None, 1e-4, 1, layers, custom_callbacks=[ends])
    finally:
        fit.feed = usual
    first = min(steps // 2, -(-len(dataset.image_ids) // config.BATCH_SIZE) + 2)
    return statistics.mean(np.diff(ends.ends[first:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of a data set in any format")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.data is None:
            write_scenes(folder, 96)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = Dataset.load(args.data or folder, on_error="skip")

        class Bench(MobileConfig):
            NAME, NUM_CLASSES = "bench", dataset.num_classes
            IMAGES_PER_GPU, VALIDATION_STEPS, WARMUP_STEPS = args.batch, 0, 0

        rows = []
        for preset in PRESETS:
            for cache in (False, True):
                rate = images_per_second(dataset, Bench(), preset, cache)
                rows.append({"what": f"loader {preset}", "cached": cache, "images_per_s": rate})
        for layers in ("heads", "all"):
            usual, free = (
                seconds_a_step(dataset, Bench(), layers, args.steps, feed)
                for feed in (fit.feed, ready_made(fit.feed))
            )
            what = f"training {layers}, default"
            share, rate = 1 - free / usual, args.batch / usual
            rows.append({"what": what, "cached": True, "images_per_s": rate, "waiting": share})
    report(rows, args)


def report(rows, args):
    facts = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "keras": keras.__version__,
        "maskdet": maskdet.__version__,
        "data": Path(args.data).name if args.data else "scenes",
        "batch": args.batch,
    }
    print(f"\n{'':28}{'cached':>8}{'images/s':>10}{'waiting':>9}")
    for row in rows:
        waiting = f"{row['waiting']:9.1%}" if "waiting" in row else ""
        print(f"{row['what']:28}{row['cached']!s:>8}{row['images_per_s']:10.1f}{waiting}")
    columns = [*facts, "what", "cached", "images_per_s", "waiting"]
    fresh = not FILE.exists()
    with open(FILE, "a", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if fresh:
            writer.writeheader()
        for row in rows:
            numbers = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
            writer.writerow({**facts, **numbers})


if __name__ == "__main__":
    main()
