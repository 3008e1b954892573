"""What benchmarks/loader.py measures: a loader alone, and trainings with it and without.

The only file of the benchmarks that knows the loader's inner parts.
"""

import statistics
import tempfile
import time
from unittest import mock

import keras
import numpy as np

from maskdet import LiteConfig, MaskRCNN
from maskdet.data.augment import PRESETS
from maskdet.training import train
from maskdet.training.loaders import feed, make_loader


def images_per_second(dataset, config, preset, cache, batches=12):
    """Rate of a loader alone, after its first pass where it keeps images."""
    loader = make_loader(MaskRCNN.family, config, dataset, preset)
    loader.caching = cache
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


def seconds_a_step(dataset, config, layers, steps, make_feed):
    """Mean of a real training's steps, after the first pass, which fills the cache."""
    ends = Steps()
    config.STEPS_PER_EPOCH = steps
    with mock.patch.object(train, "feed", make_feed), tempfile.TemporaryDirectory() as folder:
        model = MaskRCNN("training", config, folder)
        model.train(dataset, None, 1e-4, 1, layers, custom_callbacks=[ends])
    first = min(steps // 2, -(-len(dataset.image_ids) // config.BATCH_SIZE) + 2)
    return statistics.mean(np.diff(ends.ends[first:]))


def all_rows(dataset, batch, steps, quick):
    """Rows of every preset, then of a training; ``quick``: of one preset and the heads."""

    class Bench(LiteConfig):
        NAME, NUM_CLASSES = "bench", dataset.num_classes
        IMAGES_PER_GPU, VALIDATION_STEPS, WARMUP_STEPS = batch, 0, 0

    rows = []
    for preset in ("default",) if quick else PRESETS:
        for cache in (False, True):
            rate = images_per_second(dataset, Bench(), preset, cache)
            rows.append({"what": f"loader {preset}", "cached": cache, "images_per_s": rate})
    for layers in ("heads",) if quick else ("heads", "all"):
        usual, free = (
            seconds_a_step(dataset, Bench(), layers, steps, make_feed)
            for make_feed in (feed, ready_made(feed))
        )
        what = f"training {layers}, default"
        share, rate = 1 - free / usual, batch / usual
        rows.append({"what": what, "cached": True, "images_per_s": rate, "waiting": share})
    return rows
