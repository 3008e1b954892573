"""Time of a training step of the light Mask R-CNN, as a ratio to the machine's own convolutions.

    python benchmarks/train.py [--batch 8] [--masks]

Prints a table and appends its rows to benchmarks/train.csv with machine, versions and settings.
"""

import argparse
import csv
import datetime
import os
import platform
import statistics
import time
from pathlib import Path

import maskdet  # isort: skip  (sets what TensorFlow reads when it loads)
import keras
import numpy as np
import tensorflow as tf

from maskdet.config import MobileConfig
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.training.layers import select_layers, set_trainable
from maskdet.training.loss_model import make_loss_model
from maskdet.training.optimizers import make_optimizer

ROUNDS = 9


def median_seconds(function):
    function()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def reference_rate():
    """GFLOP/s of a 3 x 3 convolution, 128 channels on an 80 x 80 map, batch 4."""
    images = tf.random.normal((4, 80, 80, 128))
    kernel = tf.random.normal((3, 3, 128, 128))
    run = tf.function(lambda: tf.nn.conv2d(images, kernel, 1, "SAME"))
    return 2 * 4 * 80 * 80 * 9 * 128 * 128 / median_seconds(run) / 1e9


def training_batch(config, masks):
    rng = np.random.default_rng(0)
    count, most, side = config.BATCH_SIZE, config.MAX_GT_INSTANCES, config.IMAGE_MAX_DIM
    corners = rng.uniform(0, side / 2, (count, most, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(40, 120, (count, most, 2))], axis=2)
    class_ids = np.zeros((count, most), np.int32)
    class_ids[:, :3] = 1
    batch = {
        "images": rng.integers(0, 255, (count, side, side, 3), dtype=np.uint8),
        "boxes": boxes.astype(np.float32),
        "class_ids": class_ids,
    }
    if masks:
        batch["masks"] = np.ones((count, most, *config.MINI_MASK_SHAPE), bool)
    return batch


def measure(config, masks):
    family = MaskRCNNFamily()
    network = family.build(config, "training")
    active = np.ones((config.BATCH_SIZE, config.NUM_CLASSES))
    inputs = family.training_inputs(training_batch(config, masks), active, config)
    for layers in ("heads", "all"):
        set_trainable(network, select_layers(network, layers, family.stages(config)))
        model = make_loss_model(network, family, config, masks)
        model.compile(optimizer=make_optimizer(config, 1e-4, 100, {}), jit_compile=False)
        model.make_train_function()
        batches = iter(tf.data.Dataset.from_tensors((inputs,)).repeat())
        start = time.perf_counter()
        model.train_function(batches)
        compiled = time.perf_counter() - start
        step = median_seconds(lambda m=model, b=batches: m.train_function(b))
        yield layers, compiled, step / config.BATCH_SIZE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--masks", action="store_true", help="with the mask head")
    args = parser.parse_args()
    config = MobileConfig()
    config.NUM_CLASSES, config.IMAGES_PER_GPU = 2, args.batch
    rate = reference_rate()
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    print(f"{'layers':8}{'first step s':>14}{'ms an image':>13}{'GFLOP at that rate':>20}")
    rows = []
    for layers, compiled, seconds in measure(config, args.masks):
        print(f"{layers:8}{compiled:14.1f}{seconds * 1e3:13.1f}{seconds * rate:20.1f}")
        rows.append(
            {
                "date": datetime.date.today().isoformat(),
                "machine": platform.processor() or platform.machine(),
                "cores": os.cpu_count(),
                "maskdet": maskdet.__version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "backbone": config.BACKBONE,
                "side": config.IMAGE_MAX_DIM,
                "batch": args.batch,
                "masks": args.masks,
                "layers": layers,
                "first_step_s": round(compiled, 1),
                "ms_per_image": round(seconds * 1e3, 2),
                "conv_gflops": round(rate, 1),
                "equivalent_gflop": round(seconds * rate, 2),
            }
        )
    path = Path(__file__).with_name("train.csv")
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
